from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from orders import payments, refunds
from orders.access import order_for, sign_in_first
from orders.models import Refund


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_first
def cancel(request, code):
    """The buyer takes a paid order back: what returns and where, then the deed."""
    token = (request.POST or request.GET).get("t", "")
    order = order_for(request, code, token)
    wish = refunds.Wish(
        everything=True, restock=True, cancels=True, reason="Cancelled by you"
    )
    try:
        if not order.can_be_cancelled:
            raise refunds.NotRefundable("This order cannot be cancelled any more.")
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


def _execute(request, shown):
    actor = request.user if request.user.is_authenticated else None
    try:
        refunds.execute(shown, actor, Refund.Origin.CUSTOMER)
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
