"""The account pages that speak of everything a member has: orders and balance.

What they say of friends comes from `referrals.context`, where that app is installed.
"""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import ledger
from orders import timeline
from orders.views import history


@never_cache
@require_GET
@login_required
def home(request):
    orders = list(request.user.orders.with_photos()[:3])
    return render(
        request,
        "shop/account.html",
        {
            "orders": orders,
            "steps": timeline.ahead(orders[0]) if orders else [],
            "balance": ledger.balance(request.user, settings.SHOP_CURRENCY),
        },
    )


@never_cache
@require_GET
@login_required
def balance(request):
    """Every movement of the member's balance, with what it came to after each."""
    currency = settings.SHOP_CURRENCY
    lines = ledger.statement(request.user, currency)
    accounts = request.user.ledger_accounts.filter(currency=currency)
    pots = dict(accounts.values_list("kind", "balance"))
    return render(
        request,
        "shop/balance.html",
        {
            "lines": lines,
            "balance": lines[0].balance_after if lines else 0,
            "owed": pots.get(ledger.Kind.OWED, 0),
            "on_hold": pots.get(ledger.Kind.FROZEN, 0),
        },
    )


urlpatterns = [
    path("", home, name="home"),
    path("orders/", history, name="orders"),
    path("balance/", balance, name="balance"),
]
