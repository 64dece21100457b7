"""The refund pages of an order: what to give back, what that comes to, do it."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from orders import payments, refunds
from orders.models import Order, Payment
from shop.kit.money import MoneyField, format_money
from shop.kit.staff import change_url


class RefundForm(forms.Form):
    """What goes back; pieces by line, named `line_<id>`."""

    def __init__(self, order, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for line in order.lines.all():
            self.fields[f"line_{line.pk}"] = forms.IntegerField(
                label=f"{line} {line.product_name}",
                min_value=0,
                max_value=line.quantity,
                required=False,
            )
        self.fields["shipping"] = forms.BooleanField(
            label=f"Delivery, {format_money(order.amount_shipping, order.currency)}",
            required=False,
        )
        self.fields["amount"] = MoneyField(
            currency=order.currency, label="A free amount", required=False
        )
        self.fields["everything"] = forms.BooleanField(
            label="Everything that is left", required=False
        )
        self.fields["cancels"] = forms.BooleanField(
            label="Cancel the order", required=False
        )
        self.fields["restock"] = forms.BooleanField(
            label="Put the pieces back on the shelf", required=False
        )
        paid = order.payments.filter(status=Payment.Status.PAID)
        self.fields["payment"] = forms.ModelChoiceField(
            paid, label="Of which payment", required=False, empty_label="Any"
        )
        self.fields["notify"] = forms.BooleanField(
            label="Write to the customer", required=False
        )
        self.fields["reason"] = forms.CharField(
            label="Reason", max_length=200, help_text="The customer reads it."
        )

    def wish(self) -> refunds.Wish:
        said = self.cleaned_data
        pieces = {
            int(name.removeprefix("line_")): quantity
            for name, quantity in said.items()
            if name.startswith("line_") and quantity
        }
        return refunds.Wish(
            pieces=tuple(pieces.items()),
            shipping=said["shipping"],
            amount=said["amount"] or 0,
            everything=said["everything"] or said["cancels"],
            restock=said["restock"],
            cancels=said["cancels"],
            notify=said["notify"],
            reason=said["reason"],
            payment=said["payment"].pk if said["payment"] else None,
        )


def refund(model_admin, request, pk):
    """Form, balance sheet and deed on one address; only a POST of a version acts."""
    if not model_admin.has_act_permission(request):
        raise PermissionDenied
    order = get_object_or_404(Order, pk=pk)
    cancels = "cancel" in request.GET
    start = {"cancels": cancels, "everything": cancels, "restock": True, "notify": True}
    posted = request.POST if request.method == "POST" else None
    form = RefundForm(order, posted, initial=start)
    shown = None
    if request.method == "POST" and form.is_valid():
        try:
            shown = refunds.plan(order, form.wish())
        except refunds.NotRefundable as error:
            form.add_error(None, str(error))
        else:
            version = request.POST.get("version", "")
            if version == shown.version:
                return _execute(model_admin, request, shown)
            if version:
                messages.warning(
                    request, "Something has changed since. Look at it once more."
                )
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "title": f"Refund order {order.spoken_code}",
        "order": order,
        "form": form,
        "plan": shown,
        "fields": [(name, request.POST.get(name, "")) for name in form.fields],
    }
    return TemplateResponse(request, "admin/orders/order/refund.html", context)


def _execute(model_admin, request, shown):
    order = shown.order
    amount = format_money(shown.amount, order.currency)
    try:
        refunds.execute(shown, request.user)
    except refunds.FactsChanged:
        messages.warning(request, "Somebody was faster. Nothing was done by you.")
    except payments.RefundRefused as error:
        messages.error(request, f"Stripe refused: {error} The books are as before.")
    except payments.PaymentUnavailable:
        model_admin.log_change(request, order, f"Refund of {amount} asked for.")
        messages.warning(
            request, "Stripe did not answer. The refund is asked for again by itself."
        )
    else:
        done = "Cancelled and refunded" if shown.wish.cancels else "Refunded"
        model_admin.log_change(request, order, f"{done} {amount}: {shown.wish.reason}")
        messages.success(request, f"{done} {amount}.")
    return redirect(change_url(Order, order.pk))
