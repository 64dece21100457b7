"""The account pages that speak of everything a member has: orders, balance, friends."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import ledger
from orders.models import OrderLine
from orders.views import history
from referrals import reports


@never_cache
@require_GET
@login_required
def home(request):
    lines = Prefetch("lines", OrderLine.objects.order_by("position"))
    return render(
        request,
        "shop/account.html",
        {
            "orders": request.user.orders.prefetch_related(lines)[:3],
            "balance": ledger.balance(request.user, settings.SHOP_CURRENCY),
            "invite": reports.summary(request.user),
        },
    )


@never_cache
@require_GET
@login_required
def balance(request):
    """Every movement of the member's balance, with what it came to after each."""
    lines = ledger.statement(request.user, settings.SHOP_CURRENCY)
    return render(
        request,
        "shop/balance.html",
        {
            "lines": lines,
            "balance": lines[0].balance_after if lines else 0,
            "owed": ledger.balance(request.user, settings.SHOP_CURRENCY, ledger.Kind.OWED),
            "invite": reports.summary(request.user),
        },
    )


urlpatterns = [
    path("", home, name="home"),
    path("orders/", history, name="orders"),
    path("balance/", balance, name="balance"),
]
