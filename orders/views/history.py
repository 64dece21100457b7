from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import addresses
from orders import cancellations, emails, timeline
from orders.access import order_for, sign_in_first
from orders.forms import FindOrderForm
from orders.models import Order
from shop.kit import limits


@never_cache
@require_safe
@login_required
def history(request):
    """Every order of the signed-in customer, newest first."""
    orders = request.user.orders.with_photos().order_by("-placed_at", "-pk")
    page = Paginator(orders, 10).get_page(request.GET.get("page"))
    return render(request, "orders/history.html", {"page": page})


@never_cache
@require_safe
@sign_in_first
def order(request, code):
    """One order: its states, lines, amounts, address and what happened to it."""
    found = order_for(request, code, request.GET.get("t", ""))
    context = receipt(found) | {
        "steps": timeline.ahead(found),
        "can_be_cancelled": not cancellations.refusal(found),
    }
    return render(request, "orders/order.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def find_order(request):
    """Mail a guest the link to their order; the answer is the same without one."""
    form = FindOrderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        # Behind a proxy everybody shares its address; allauth knows how many to trust.
        asker = get_adapter(request).get_client_ip(request)
        if not limits.allow("find-order", asker, limit=10, seconds=600):
            form.add_error(
                None, "That was many tries. Wait 10 minutes, then try again."
            )
        else:
            _mail_link(**form.cleaned_data)
            messages.success(
                request,
                "If that order exists, its link is on the way to the email it was "
                "placed with.",
            )
            return redirect("orders:find")
    status = 422 if form.errors else 200
    return render(request, "orders/find.html", {"form": form}, status=status)


def receipt(order: Order) -> dict:
    """What a page needs to show an order, in a fixed number of queries."""
    return {
        "order": order,
        "lines": list(order.lines.select_related("variant__product__category")),
        "discounts": list(order.discounts.all()),
        "address_lines": addresses.written(order.address),
        "events": timeline.told(order.events.filter(is_public=True).order_by("-pk")),
        "payment": order.payments.order_by("-pk").first(),
        "refunds": list(order.refunds.standing().exclude(accepted_at=None)),
        "token": "" if order.user_id else order.access_token,
    }


def _mail_link(code, email):
    order = Order.objects.filter(code=code, email__iexact=email).first()
    if order and limits.allow("order-link", str(order.pk), limit=6, seconds=3600):
        emails.order_link(order, asked_at=f"{timezone.now():%Y-%m-%dT%H:%M}")
