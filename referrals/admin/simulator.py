"""The page that asks what other terms would have made of the orders there are."""

from django import forms
from django.conf import settings
from django.shortcuts import redirect

from referrals import periods, simulator
from referrals.admin.funnel import PeriodForm
from referrals.models import Campaign, Terms
from referrals.periods import Period
from shop.kit import charts, exports
from shop.kit.money import MoneyField, format_money

SHOWN = 200
_HUNDREDTHS = 100


class WhatIfForm(PeriodForm):
    """An empty field changes nothing."""

    campaign = forms.ModelChoiceField(Campaign.objects.order_by("pk"))
    inviter_amount = MoneyField(
        label="Reward", currency=settings.SHOP_CURRENCY, minimum=1, required=False
    )
    percent = forms.DecimalField(
        label="Or percent of the order",
        min_value=0,
        max_value=100,
        decimal_places=2,
        required=False,
    )
    inviter_most_amount = MoneyField(
        label="At most", currency=settings.SHOP_CURRENCY, minimum=1, required=False
    )
    minimum_amount = MoneyField(
        label="Least order", currency=settings.SHOP_CURRENCY, required=False
    )
    order_days = forms.IntegerField(
        label="Days to order", min_value=0, max_value=3650, required=False
    )
    hold_days = forms.IntegerField(
        label="Days on hold", min_value=0, max_value=365, required=False
    )
    cap_per_day = forms.IntegerField(
        label="Rewards a day", min_value=0, max_value=10_000, required=False
    )
    cap_per_month = forms.IntegerField(
        label="Rewards a month", min_value=0, max_value=10_000, required=False
    )
    cap_per_year = forms.IntegerField(
        label="Rewards a year", min_value=0, max_value=10_000, required=False
    )
    cap_for_life = forms.IntegerField(
        label="Rewards for ever", min_value=0, max_value=10_000, required=False
    )

    def changes(self) -> dict:
        """What was asked to be otherwise, as columns of the terms."""
        said = self.cleaned_data
        found = {name: said.get(name) for name in simulator.CHANGES}
        if said["percent"] is not None:
            found["inviter_basis_points"] = int(said["percent"] * _HUNDREDTHS)
        return {name: value for name, value in found.items() if value is not None}

    def result(self) -> simulator.Result | None:
        """What became of it; nothing while the question makes no sense."""
        if not self.is_valid():
            return None
        said = self.cleaned_data
        return simulator.simulate(
            said["campaign"],
            settings.SHOP_CURRENCY,
            Period(said["since"], said["until"]),
            self.changes(),
        )


def page(room, request):
    """Without a question only its form."""
    lately, first = periods.lately(), Campaign.objects.order_by("-is_default").first()
    start = {"since": lately.since, "until": lately.until, "campaign": first}
    form = WhatIfForm(request.GET or None, initial=start)
    result = form.result()
    return room.page(
        request,
        "programme_what_if",
        form=form,
        result=result,
        shown=result.changed[:SHOWN] if result else [],
        chart=result and _chart(result),
        most=simulator.MOST,
    )


def export(room, request):
    """Every order that was played, as a file."""
    form = WhatIfForm(request.POST)
    result = form.result()
    if result is None:
        return redirect("admin:referrals_programme_what_if")
    columns = [
        exports.Column("Order", lambda case: case.order.code),
        exports.Column(
            "Inviter", lambda case: case.attribution.inviter, "accounts.view_user"
        ),
        exports.Column("Looked at", lambda case: "yes" if case.is_flagged else ""),
        exports.Column("As it is", lambda case: str(case.before)),
        exports.Column("Amount as it is", _amount("before")),
        exports.Column("What if", lambda case: str(case.after)),
        exports.Column("Amount if", _amount("after")),
        exports.Column("Currency", lambda case: case.order.currency),
    ]
    changes = ", ".join(f"{name} {value}" for name, value in form.changes().items())
    return exports.respond(
        request, "What if", columns, result.cases, about=Terms, note=changes
    )


def _amount(side):
    return lambda case: exports.amount(getattr(case, side).amount, case.order.currency)


def _chart(result):
    return charts.bars(
        "What it costs",
        ["Cost", "Still on hold", "Paid"],
        [
            charts.Series(name, [side.cost, side.pending, side.available])
            for name, side in (("As it is", result.before), ("What if", result.after))
        ],
        shows=lambda amount: format_money(amount, result.currency),
    )
