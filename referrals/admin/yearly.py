"""A year's totals by member: who is above the shop's line, and all as a file."""

from django import forms
from django.conf import settings
from django.shortcuts import redirect

from referrals import rollup, yearly
from referrals.models import Reward
from shop.kit import exports


class YearForm(forms.Form):
    year = forms.IntegerField(min_value=2000, max_value=2100)


COLUMNS = [
    exports.Column("Member", lambda each: each.member.pk),
    exports.Column("Email", lambda each: each.member.email, "accounts.view_user"),
    exports.Column("Name", lambda each: each.member.name, "accounts.view_user"),
    exports.Column("Currency", lambda each: each.currency),
    exports.Column(
        "Given", lambda each: exports.amount(each.amount_given, each.currency)
    ),
    exports.Column(
        "Taken back", lambda each: exports.amount(each.amount_taken_back, each.currency)
    ),
    exports.Column("Total", lambda each: exports.amount(each.amount, each.currency)),
    exports.Column("To look at", lambda each: "yes" if each.is_flagged else ""),
]


def page(room, request):
    form, year = _asked(request.GET)
    count, flagged = yearly.count_and_flagged(year)
    return room.page(
        request,
        "programme_yearly",
        form=form,
        year=year,
        count=count,
        flagged=flagged,
        threshold=settings.REFERRAL_YEARLY_LOOK_FROM,
        shop_currency=settings.SHOP_CURRENCY,
    )


def export(room, request):
    """Every member's year as a file."""
    form, year = _asked(request.POST)
    if not form.is_valid():
        return redirect("admin:referrals_programme_yearly")
    return exports.respond(
        request,
        f"Programme in {year}",
        COLUMNS,
        yearly.totals(year),
        about=Reward,
    )


def _asked(data):
    """The form and the year that holds: the one asked for, or else this one."""
    this = rollup.today().year
    form = YearForm({"year": data.get("year", this)})
    return form, form.cleaned_data["year"] if form.is_valid() else this
