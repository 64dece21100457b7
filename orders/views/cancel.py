from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from orders import cancellations, payments, refunds, timeline
from orders.access import order_for, sign_in_first
from orders.models import Order, Refund


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def cancel(request, code):
    """The buyer takes an order back: what returns and where, then the deed."""
    token = (request.POST or request.GET).get("t", "")
    order = order_for(request, code, token)
    if order.is_open:
        return _cancel_unpaid(request, order, token)
    wish = refunds.Wish(everything=True, restock=True, cancels=True)
    refusal = cancellations.refusal(order)
    try:
        if refusal:
            raise refunds.NotRefundable(refusal)
        shown = refunds.plan(order, wish)
    except refunds.NotRefundable as error:
        messages.error(request, str(error))
        return redirect(order.get_absolute_url())
    if request.method == "POST" and request.POST.get("version") == shown.version:
        _execute(request, shown)
        return redirect(order.get_absolute_url())
    if request.method == "POST":
        messages.warning(request, "Something has changed since. Look once more.")
    context = {"order": order, "plan": shown, "token": token}
    return render(request, "orders/cancel.html", context)


def _cancel_unpaid(request, order, token):
    if request.method != "POST":
        lines = list(order.lines.all())
        context = {"order": order, "lines": lines, "token": token}
        return render(request, "orders/cancel_unpaid.html", context)
    try:
        cancellations.cancel_unpaid(
            order, actor=_actor(request), origin=timeline.Origin.CUSTOMER
        )
    except payments.AlreadyPaid:
        messages.warning(request, _why_it_stands(order))
    except payments.PaymentUnavailable:
        messages.error(
            request,
            "The payment page could not be closed just now, so your order stands. "
            "Try again in a minute.",
        )
    else:
        messages.success(request, "Your order is cancelled. Nothing was charged.")
    return redirect(order.get_absolute_url())


def _why_it_stands(order):
    """In words that are true: the money may be here, on its way, or looked at."""
    order = Order.objects.get(pk=order.pk)
    if not cancellations.refusal(order):
        return "Your payment was faster. The order is paid; you can still cancel it."
    if order.held_at:
        return "Your payment was faster. A person looks at it and writes to you."
    return "Your payment is on its way, so the order stands. Try again once it is here."


def _execute(request, shown):
    try:
        refunds.execute(shown, _actor(request), Refund.Origin.CUSTOMER)
    except refunds.FactsChanged:
        messages.warning(request, "Something has changed since. Look once more.")
    except payments.RefundRefused:
        messages.error(
            request, "This did not work, and nothing has changed. Write to us, please."
        )
    except payments.PaymentUnavailable:
        messages.info(request, "Your wish is noted. It is done in a few minutes.")
    else:
        messages.success(request, "Your order is cancelled.")


def _actor(request):
    return request.user if request.user.is_authenticated else None
