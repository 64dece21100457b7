"""The page on which staff decide about a held order: its sums, the ways out, why."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from orders import payments, refunds, reviews
from orders.models import Order
from orders.reviews import Way
from shop.kit.money import format_money
from shop.kit.staff import change_url

_VERBS = {
    Way.CONFIRM: reviews.confirm,
    Way.REFUND: reviews.refund,
    Way.LEAVE: reviews.leave,
}


class DecisionForm(forms.Form):
    way = forms.ChoiceField(label="What it means", widget=forms.RadioSelect)
    reason = forms.CharField(
        label="Reason",
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Who reads the order later wants to know. Customers do not see it.",
    )

    def __init__(self, seen, *args, **kwargs):
        super().__init__(*args, **kwargs)
        amount = format_money(seen.left, seen.order.currency)
        words = {Way.REFUND: f"Refund everything ({amount}) and close the order"}
        self.fields["way"].choices = [
            (way.value, words.get(way, way.label)) for way in seen.ways
        ]


def review(model_admin, request, pk):
    """Look on GET; a POST of exactly what was seen decides, once."""
    if not model_admin.has_act_permission(request):
        raise PermissionDenied
    order = get_object_or_404(Order, pk=pk)
    seen = reviews.look(order)
    if not order.held_at:
        messages.warning(request, "This order is not held, or not any more.")
        return redirect(change_url(Order, pk))
    posted = request.POST if request.method == "POST" else None
    form = DecisionForm(seen, posted)
    if posted is not None and posted.get("version") != seen.version:
        messages.warning(request, "Something has changed since. Look at it once more.")
    elif posted is not None and form.is_valid():
        return _decide(model_admin, request, seen, form.cleaned_data)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "title": f"Held order {order.spoken_code}",
        "seen": seen,
        "payments": order.payments.filter(paid_at__isnull=False),
        "form": form,
    }
    return TemplateResponse(request, "admin/orders/order/review.html", context)


def _decide(model_admin, request, seen, said):
    order, way = seen.order, Way(said["way"])
    try:
        _VERBS[way](seen, actor=request.user, reason=said["reason"])
    except reviews.AlreadyDecided:
        messages.warning(request, "Somebody was faster. Nothing was done by you.")
    except reviews.CannotConfirm as error:
        messages.error(request, f"It cannot be confirmed: {error} Refund it instead.")
    except refunds.NotRefundable as error:
        messages.error(request, f"Not refunded: {error}")
    except payments.RefundRefused as error:
        messages.error(request, f"Stripe refused: {error} The order stays held.")
    except payments.PaymentUnavailable:
        messages.warning(
            request,
            "Stripe did not answer. The refund is asked for again by itself; come back "
            "to close the order.",
        )
    else:
        model_admin.log_change(request, order, f"{way.label}. {said['reason']}")
        messages.success(request, f"Done: {way.label.lower()}.")
    return redirect(change_url(Order, order.pk))
