"""Cancel orders from their list: what it comes to, why, then one by one."""

from collections import Counter

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.template.response import TemplateResponse

from orders import cancellations
from shop.kit.money import format_money

# Stripe is asked for each, one call after the other, while the browser waits: twenty
# slow answers must fit into the half minute that a web worker is given.
MOST_AT_ONCE = 20


class CancelForm(forms.Form):
    reason = forms.CharField(max_length=200, help_text="The customers read it.")
    restock = forms.BooleanField(
        label="Put the goods of paid orders back on the shelf",
        help_text="Goods of unpaid ones were only set aside, and return in any case.",
        required=False,
        initial=True,
    )
    notify = forms.BooleanField(
        label="Write to the customers", required=False, initial=True
    )

    def decision(self) -> cancellations.Decision:
        return cancellations.Decision(**self.cleaned_data)


def cancel(model_admin, request, queryset):
    """The page that says what it comes to; with `confirmed`, the deed."""
    orders = list(queryset.order_by("pk")[: MOST_AT_ONCE + 1])
    if len(orders) > MOST_AT_ONCE:
        sentence = f"Choose at most {MOST_AT_ONCE} at once."
        model_admin.message_user(request, sentence, messages.WARNING)
        return None
    is_confirmed = "confirmed" in request.POST
    form = CancelForm(request.POST if is_confirmed else None, label_suffix="")
    if is_confirmed and form.is_valid():
        _cancel(model_admin, request, orders, form.decision())
        return None
    proposals = [cancellations.propose(order) for order in orders]
    possible = [each for each in proposals if not each.refusal]
    if not possible:
        model_admin.message_user(
            request, "None of these can be cancelled any more.", messages.WARNING
        )
        return None
    return TemplateResponse(
        request,
        "admin/orders/order/cancel.html",
        {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.model._meta,
            "title": "Cancel orders",
            "form": form,
            "facts": _facts(possible),
            "rows": [(each, *_words(each)) for each in proposals],
            "possible": possible,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        },
    )


def _cancel(model_admin, request, orders, decision):
    # What was not among the shown has no figures, and is refused as changed.
    shown = [(each, request.POST.get(f"figures_{each.pk}", "")) for each in orders]
    outcomes = cancellations.cancel_many(shown, decision, request.user)
    for outcome in outcomes:
        if outcome.is_done:
            model_admin.log_change(
                request, outcome.order, f"{outcome.sentence} {decision.reason}"
            )
        level = messages.SUCCESS if outcome.is_done else messages.WARNING
        model_admin.message_user(request, outcome.sentence, level)


def _facts(possible):
    """How many, and what comes back in each currency."""
    plans = [each.plan for each in possible if each.plan]
    yield "Unpaid", len(possible) - len(plans)
    yield "Paid", len(plans)
    for label, field in (
        ("To cards", "amount_card"),
        ("To balances", "amount_balance"),
    ):
        sums = Counter()
        for plan in plans:
            sums[plan.order.currency] += getattr(plan, field)
        for currency, amount in sums.items():
            if amount:
                yield label, format_money(amount, currency)


def _words(proposal):
    """What happens to one order, and what comes back of it."""
    if proposal.refusal:
        return "Stays", proposal.refusal
    if not proposal.plan:
        return "Cancelled, unpaid", "Goods and set-aside balance return"
    currency = proposal.order.currency
    parts = [
        f"{format_money(amount, currency)} to the {where}"
        for amount, where in (
            (proposal.plan.amount_card, "card"),
            (proposal.plan.amount_balance, "balance"),
        )
        if amount
    ]
    return "Cancelled and refunded", " and ".join(parts) or "Nothing to give back"
