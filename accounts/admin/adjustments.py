"""Adjustments of a balance by hand: asked for by one, a large one confirmed by another.

To ask takes the permission to add adjustments, to decide the one to change them.
"""

import secrets

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_POST

from accounts import adjustments, ledger
from accounts.models import Adjustment, User
from shop.kit.money import MoneyField, format_money
from shop.kit.staff import ReadOnlyAdmin, change_url, linked, moment, whether

_GIVE, _TAKE = "give", "take"


class AskForm(forms.Form):
    """How much and why. `token` makes two presses of one page one adjustment."""

    way = forms.ChoiceField(
        label="What to do",
        choices=[(_GIVE, "Give"), (_TAKE, "Take")],
        widget=forms.RadioSelect,
        initial=_GIVE,
    )
    amount = MoneyField(currency=settings.SHOP_CURRENCY, minimum=1)
    words = forms.CharField(
        label="What the member reads", max_length=120, initial="A thank you from us"
    )
    reason = forms.CharField(
        min_length=10,
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For the shop alone, and for good.",
    )
    token = forms.CharField(max_length=64, widget=forms.HiddenInput)


class RefuseForm(forms.Form):
    reason = forms.CharField(max_length=200)


@admin.register(Adjustment)
class AdjustmentAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "state", "asked", "asked_by", "reason"]
    list_filter = [
        ("decided_at", whether("decided")),
        ("transfer", whether("done")),
        "asked_at",
    ]
    list_select_related = ["owner", "asked_by"]
    search_fields = ["=owner__email", "=asked_by__email", "reason"]
    search_help_text = "A member's or a colleague's whole email, or the reason"
    ordering = ["-pk"]
    fields = [
        "person",
        "what",
        "member_reads",
        "reason",
        "asker",
        "asked",
        "state",
        "decider",
        "decided",
        "refused_because",
        "movement",
    ]

    person = linked("owner", "Member")
    asker = linked("asked_by", "Asked for by")
    decider = linked("decided_by", "Decided by")
    movement = linked("transfer", "Movement")
    asked = moment("asked_at", "Asked for")
    decided = moment("decided_at", "Decided")

    @admin.display(description="Amount")
    def what(self, row):
        amount = format_money(row.amount, row.currency)
        return f"{amount} {'given' if row.is_credit else 'taken'}"

    @admin.display(description="What the member reads")
    def member_reads(self, row):
        return row.words

    def get_urls(self):
        ask = self.admin_site.admin_view(self.ask)
        decide = self.admin_site.admin_view(require_POST(self.decide))
        return [
            path("ask/<int:pk>/", ask, name="accounts_adjustment_ask"),
            path("<int:pk>/decide/", decide, name="accounts_adjustment_decide"),
            *super().get_urls(),
        ]

    def ask(self, request, pk):
        """The page that asks how much and why, for one member; the deed on POST."""
        if not request.user.has_perm("accounts.add_adjustment"):
            raise PermissionDenied
        owner = get_object_or_404(User, pk=pk)
        token = secrets.token_urlsafe(24)
        form = AskForm(request.POST or None, initial={"token": token})
        if request.method == "POST" and form.is_valid():
            made = self._asked(request, owner, form)
            if made:
                return redirect(change_url(Adjustment, made.pk))
        limit = adjustments.limit_of(request.user)
        context = {
            **self.admin_site.each_context(request),
            "opts": Adjustment._meta,
            "title": f"Adjust the balance of {owner}",
            "owner": owner,
            "form": form,
            "balance": ledger.balance(owner, settings.SHOP_CURRENCY),
            "limit": limit,
            "two_from": settings.ADJUSTMENT_TWO_PEOPLE_FROM,
            "currency": settings.SHOP_CURRENCY,
        }
        return TemplateResponse(request, "admin/accounts/adjustment/ask.html", context)

    def decide(self, request, pk):
        """Confirm or refuse one that waits."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        row = get_object_or_404(Adjustment, pk=pk)
        form = RefuseForm(request.POST)
        is_refusal = request.POST.get("verdict") != "confirm"
        if is_refusal and not form.is_valid():
            messages.error(request, "Say why it is refused.")
            return redirect(change_url(Adjustment, pk))
        try:
            if is_refusal:
                reason = form.cleaned_data["reason"]
                row = adjustments.refuse(pk, actor=request.user, reason=reason)
            else:
                row = adjustments.confirm(pk, actor=request.user)
        except adjustments.Refused as refused:
            self.log_change(request, row, f"Not decided: {refused}")
            messages.error(request, str(refused))
        else:
            said = f"Refused. {reason}" if is_refusal else "Confirmed."
            self.log_change(request, row, said)
            messages.success(request, said)
        return redirect(change_url(Adjustment, pk))

    def change_view(self, request, object_id, form_url="", extra_context=None):
        row = self.get_object(request, object_id)
        waits = row is not None and row.decided_at is None
        shown = {
            "may_decide": waits and self.has_act_permission(request),
            "may_confirm": waits and request.user.pk != row.asked_by_id,
            "what": row and self.what(row),
        }
        return super().change_view(request, object_id, form_url, shown)

    def _asked(self, request, owner, form):
        said = form.cleaned_data
        try:
            made = adjustments.ask(
                owner=owner,
                amount=said["amount"],
                is_credit=said["way"] == _GIVE,
                currency=settings.SHOP_CURRENCY,
                reason=said["reason"],
                words=said["words"],
                token=said["token"],
                actor=request.user,
            )
        except adjustments.Refused as refused:
            form.add_error(None, str(refused))
            return None
        if made.transfer_id:
            messages.success(request, f"Done: {made}.")
        else:
            messages.warning(
                request, f"{made}: noted. So much takes another person to confirm."
            )
        self.log_addition(request, made, f"Asked for. {said['reason']}")
        return made
