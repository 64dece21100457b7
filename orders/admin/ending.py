"""The page on which staff end a dispute whose word of Stripe's nobody here knows."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from orders import disputes
from orders.models import Dispute
from shop.kit.staff import change_url


class Way(models.TextChoices):
    KEPT = "kept", "It is over, and the money is with us"
    LOST = "lost", "It is over, and the bank keeps the money"


class EndForm(forms.Form):
    way = forms.ChoiceField(
        label="What Stripe's dashboard says",
        choices=Way.choices,
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label="Reason",
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Who reads the order later wants to know. Customers do not see it.",
    )


def end(model_admin, request, pk):
    """Look on GET; a POST with a reason ends it, once."""
    if not model_admin.has_act_permission(request):
        raise PermissionDenied
    rows = Dispute.objects.select_related("payment__order")
    dispute = get_object_or_404(rows, pk=pk)
    page = redirect(change_url(Dispute, pk))
    if not disputes.is_unknown(dispute):
        messages.warning(request, "Stripe says itself how this dispute goes on.")
        return page
    form = EndForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        _end(model_admin, request, dispute, **form.cleaned_data)
        return page
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "title": "End a dispute",
        "dispute": dispute,
        "order": dispute.payment.order,
        "form": form,
    }
    return TemplateResponse(request, "admin/orders/dispute/end.html", context)


def _end(model_admin, request, dispute, way, reason):
    is_lost = way == Way.LOST
    if disputes.end(dispute, is_lost=is_lost, actor=request.user, reason=reason):
        model_admin.log_change(request, dispute, f"{Way(way).label}. {reason}")
        messages.success(request, f"Done. {Way(way).label}.")
    else:
        messages.warning(request, "Somebody was faster. Nothing was done by you.")
