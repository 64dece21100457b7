"""The account pages that speak of everything a member has: orders and balance.

What they say of friends comes from `referrals.context`, where that app is installed.
"""

from dataclasses import replace

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts import ledger, lots, privacy, statements
from accounts.forms import CloseForm
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
            **_held(_pots(request.user)),
        },
    )


@never_cache
@require_GET
@login_required
def balance(request):
    """Every movement of the member's balance, with what it came to after each."""
    user, currency = request.user, settings.SHOP_CURRENCY
    pots = _pots(user)
    lines, debts = (
        statements.of_account(pots.get(kind))
        for kind in (ledger.Kind.WALLET, ledger.Kind.OWED)
    )
    causes = _causes(user, lines + debts)
    return render(
        request,
        "shop/balance.html",
        {
            "lines": [replace(each, cause=causes.get(each.pk)) for each in lines],
            "debts": [replace(each, cause=causes.get(each.pk)) for each in debts],
            "ends": lots.next_end(user, currency),
            **_held(pots),
        },
    )


@never_cache
@require_GET
@login_required
def privacy_page(request):
    """What the shop knows of a member: to take along, or to be forgotten."""
    return render(request, "shop/privacy.html")


@never_cache
@require_GET
@login_required
@reauthentication_required
def export(request):
    return JsonResponse(
        privacy.export(request.user),
        headers={"Content-Disposition": 'attachment; filename="my-data.json"'},
        json_dumps_params={"indent": 2, "ensure_ascii": False},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required
def close(request):
    """Ask once more, with what is lost written out; then forget the member."""
    left = privacy.leaves_behind(request.user)
    form = CloseForm(request.POST or None, left=left)
    if request.method == "POST" and form.is_valid():
        try:
            privacy.close(request.user, gives_up=form.gives_up)
        except privacy.NotYet as reason:
            form.add_error(None, str(reason))
        except privacy.BalanceChanged:
            form.add_error(None, "Your balance has just changed. Please look again.")
        else:
            logout(request)
            messages.success(
                request, "Your account is closed. Thank you for your time."
            )
            return redirect("home")
    status = 422 if form.errors else 200
    context = {
        "form": form,
        "left": sorted(left.items()),
        "coming": sorted(privacy.on_the_way(request.user).items()),
    }
    return render(request, "shop/close_account.html", context, status=status)


def _pots(user):
    """A member's accounts by their kind. One query."""
    accounts = user.ledger_accounts.filter(currency=settings.SHOP_CURRENCY)
    return {account.kind: account for account in accounts}


def _held(pots):
    """What each of them holds."""
    kinds = {
        "balance": ledger.Kind.WALLET,
        "owed": ledger.Kind.OWED,
        "on_hold": ledger.Kind.FROZEN,
    }
    return {
        name: pots[kind].balance if kind in pots else 0 for name, kind in kinds.items()
    }


def _causes(user, lines):
    """For each line the cause that one of the rooms knows, by its number."""
    causes: dict[int, statements.Cause] = {}
    for room in settings.BALANCE_CAUSES:
        causes |= import_string(room)(user, lines)
    return causes


urlpatterns = [
    path("", home, name="home"),
    path("orders/", history, name="orders"),
    path("balance/", balance, name="balance"),
    path("privacy/", privacy_page, name="privacy"),
    path("privacy/export/", export, name="export"),
    path("privacy/close/", close, name="close"),
]
