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

# The columns of a cohort, on the page and in the file.
LABELS = {
    "previews": "Previews",
    "visits": "Visits",
    "visitors": "Browsers, by day",
    "confirmed": "By a person",
    "signups": "Signed up",
    "orders": "Orders",
    "available": "Rewards paid",
}
STEPS = [
    exports.Column("Step", lambda step: step.label),
    exports.Column("Count", lambda step: step.count),
    exports.Column("Compared with", lambda step: step.of),
    exports.Column("Their number", lambda step: step.whole),
]


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
        label="Cut",
        choices=[(name, cut.heading) for name, cut in funnel.CUTS.items()],
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
    cohorts = weeks if is_weekly else funnel.cohorts(period, said["by"])
    return room.page(
        request,
        "programme",
        form=form,
        steps=[(step, _behind(step.name, period)) for step in funnel.steps(period)],
        chart=_chart(weeks),
        cut=funnel.CUTS[said["by"]],
        labels=LABELS.values(),
        cohorts=[(each.label, _figures(each.counts)) for each in cohorts],
        total=_figures(sum((each.counts for each in cohorts), funnel.Counts())),
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
        title="Orders by friends",
        form=form,
        shown=pages.get_page(request.GET.get("p")),
        query=urlencode(period_query(period)),
    )


def export(room, request):
    """The cohorts of a period as a file: the lines of the page."""
    form, said = asked(CutForm, request.POST)
    if not form.is_valid():
        return redirect("admin:referrals_programme")
    period = Period(said["since"], said["until"])
    columns = [
        exports.Column(funnel.CUTS[said["by"]].label, lambda each: each.name),
        *[exports.Column(label, _figure(name)) for name, label in LABELS.items()],
    ]
    return exports.respond(
        request,
        f"Programme by {said['by']}",
        columns,
        funnel.cohorts(period, said["by"]),
        about=FunnelDay,
        note=str(period),
    )


def export_steps(room, request):
    """The steps of the funnel as a file, with what each is compared with."""
    form, said = asked(PeriodForm, request.POST)
    if not form.is_valid():
        return redirect("admin:referrals_programme")
    period = Period(said["since"], said["until"])
    return exports.respond(
        request,
        "Programme steps",
        STEPS,
        funnel.steps(period),
        about=FunnelDay,
        note=str(period),
    )


def period_query(period: Period) -> dict:
    return {"since": period.since, "until": period.until}


def _figure(name):
    return lambda each: getattr(each.counts, name)


def _figures(counts):
    return [getattr(counts, name) for name in LABELS]


def _chart(weeks):
    return charts.lines(
        "Week by week",
        [each.label for each in weeks],
        [
            charts.Series(LABELS[name], [getattr(each.counts, name) for each in weeks])
            for name in ("visits", "confirmed", "signups", "orders")
        ],
    )


def _behind(name, period):
    """The address of the list that a number counts."""
    visits = period.within("first_at")
    listed = {
        "previews": (LinkDay, period.days("day") | {"previews__gt": 0}),
        "visits": (Visit, visits),
        "visitors": (Visit, visits),
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
