"""The page of the funnel, its cohorts, and the lists behind its numbers."""

from urllib.parse import urlencode

from django import forms
from django.shortcuts import redirect
from django.urls import reverse

from orders.models import Order
from referrals import funnel, periods, retention
from referrals.models import Attribution, FunnelDay, LinkDay, Reward, Visit
from referrals.periods import Period
from shop.kit import charts, exports
from shop.kit.staff import BoundedPaginator, list_url

PAGE = 50


class PeriodForm(forms.Form):
    since = forms.DateField(label="From", widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(label="To", widget=forms.DateInput({"type": "date"}))

    def clean(self):
        said = super().clean()
        since, until = said.get("since"), said.get("until")
        if not (since and until):
            return said
        if until < since:
            raise forms.ValidationError("The last day comes before the first.")
        if since.year < 2000 or until.year > 2100:
            raise forms.ValidationError("The shop has no figures of that time.")
        if until - since > periods.LONGEST:
            raise forms.ValidationError(f"Ask for {periods.LONGEST.days} days or less.")
        return said


class CutForm(PeriodForm):
    by = forms.ChoiceField(
        label="Cut by",
        choices=[(name, cut.label) for name, cut in funnel.CUTS.items()],
    )


def asked(form_class, data) -> tuple[forms.Form, dict]:
    """The form of a report and what holds: what was asked, or else the last quarter."""
    lately = periods.lately()
    default = {"since": lately.since, "until": lately.until, "by": "campaign"}
    known = {name: data.get(name, default[name]) for name in form_class.base_fields}
    form = form_class(known)
    return form, form.cleaned_data if form.is_valid() else default


def page(room, request):
    form, said = asked(CutForm, request.GET)
    period = Period(said["since"], said["until"])
    weeks = funnel.weekly(period)
    is_weekly = said["by"] == "week"
    cut = weeks if is_weekly else funnel.cohorts(period, said["by"])
    return room.page(
        request,
        "programme",
        "The referral programme",
        form=form,
        steps=[(step, _behind(step.name, period)) for step in funnel.steps(period)],
        chart=_chart(weeks),
        cut=funnel.CUTS[said["by"]].label,
        cohorts=cut,
        total=sum((each.counts for each in cut), funnel.Counts()),
        said=said,
        kept_since=retention.visits_since()
        if period.start < retention.visits_since()
        else None,
    )


def orders(room, request):
    """The orders that the funnel counts, newest first."""
    form, said = asked(PeriodForm, request.GET)
    period = Period(said["since"], said["until"])
    rows = funnel.orders(period).select_related("user__attribution__link__owner")
    pages = BoundedPaginator(rows.select_related("referral_touch__link__owner"), PAGE)
    return room.page(
        request,
        "programme_orders",
        "Orders by friends",
        form=form,
        shown=pages.get_page(request.GET.get("p")),
        query=urlencode(period_query(period)),
    )


def export(room, request):
    """The cohorts of a period as a file."""
    form, said = asked(CutForm, request.POST)
    if not form.is_valid():
        return redirect("admin:referrals_programme")
    period = Period(said["since"], said["until"])
    label = funnel.CUTS[said["by"]].label
    columns = [
        exports.Column(label, lambda each: each.label),
        *[exports.Column(name.capitalize(), _figure(name)) for name in funnel.NAMES],
    ]
    return exports.respond(
        request,
        f"Programme by {said['by']}",
        columns,
        funnel.cohorts(period, said["by"]),
        about=FunnelDay,
        note=str(period),
    )


def period_query(period: Period) -> dict:
    return {"since": period.since, "until": period.until}


def _figure(name):
    return lambda each: getattr(each.counts, name)


def _chart(weeks):
    shown = {"visits": "Visits", "confirmed": "By a person", "signups": "Signed up"}
    shown["orders"] = "Orders"
    return charts.lines(
        "Week by week",
        [each.label for each in weeks],
        [
            charts.Series(label, [getattr(each.counts, name) for each in weeks])
            for name, label in shown.items()
        ],
    )


def _behind(name, period):
    """The address of the list that a number counts."""
    visits = period.within("first_at")
    listed = {
        "previews": (LinkDay, period.days("day") | {"previews__gt": 0}),
        "visits": (Visit, visits),
        "confirmed": (Visit, visits | {"visitor__confirmed_at__isempty": 0}),
        "signups": (Attribution, period.within("created_at")),
        "available": (Reward, period.within("released_at")),
        "spent": (Order, period.within("confirmed_at") | {"amount_balance__gt": 0}),
    }
    if name == "orders":
        address = reverse("admin:referrals_programme_orders")
        return f"{address}?{urlencode(period_query(period))}"
    model, query = listed[name]
    return list_url(model, urlencode(query))
