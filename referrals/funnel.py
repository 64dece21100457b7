"""The whole programme in figures: from a link that was looked at to credit spent.

Read from the daily roll-up, so as old as its last run. Cohorts are the same figures cut
by where they come from: they add up to the funnel, whatever the cut.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass, fields

from django.db.models import Q, QuerySet, Sum

from orders.models import Order
from referrals import periods, rollup
from referrals.models import LinkDay, ReferralLink
from referrals.periods import Period


@dataclass(frozen=True)
class Counts:
    """What became of links. Of previews nothing can become: machines made them.

    `confirmed` are visits with a person behind them, `available` rewards that were
    released.
    """

    previews: int = 0
    visits: int = 0
    confirmed: int = 0
    signups: int = 0
    orders: int = 0
    available: int = 0

    def __add__(self, other):
        return Counts(*map(sum, zip(astuple(self), astuple(other), strict=True)))


NAMES = tuple(field.name for field in fields(Counts))


@dataclass(frozen=True)
class Step:
    """A figure of the funnel, and what it is a part of."""

    name: str
    label: str
    count: int
    whole: int | None = None
    of: str = ""

    @property
    def percent(self) -> str:
        """`12 %`, or nothing where there is nothing to divide by."""
        if not self.whole:
            return ""
        return f"{100 * self.count / self.whole:.1f}".removesuffix(".0") + " %"


@dataclass(frozen=True)
class Cohort:
    label: str
    counts: Counts


@dataclass(frozen=True)
class _Cut:
    """A way to cut: the column on either roll-up, and how its values read."""

    label: str
    funnel: str
    previews: str
    read: Callable[[object], object] = str


def _kind(value):
    return ReferralLink.Kind(value).label


# Machines that look at a link say no channel.
CUTS = {
    "campaign": _Cut("Campaign", "link__campaign__name", "link__campaign__name"),
    "kind": _Cut("Kind of link", "link__kind", "link__kind", _kind),
    "channel": _Cut("Channel", "channel", "", lambda value: value or "None named"),
    "week": _Cut("Week from", "day", "day", periods.monday),
}


def totals(period: Period) -> Counts:
    """The figures of all links. Two queries."""
    previews = _previews(period).aggregate(total=Sum("previews", default=0))["total"]
    found = rollup.totals(since=period.since, until=period.until)
    return _counts(found, previews)


def spent(period: Period) -> QuerySet[Order]:
    """Orders that were paid with balance, in part or whole.

    They belong to purses and not to links, and goodwill is spent in the same way.
    """
    return Order.objects.filter(amount_balance__gt=0, **period.within("confirmed_at"))


def orders(period: Period) -> QuerySet[Order]:
    """The orders behind the funnel's number: of friends, and of guests with a link."""
    return Order.objects.filter(
        Q(user__attribution__isnull=False) | Q(referral_touch__isnull=False),
        **period.within("confirmed_at"),
    ).order_by("-confirmed_at", "-pk")


def steps(period: Period) -> list[Step]:
    """The funnel from its top to its end. Three queries."""
    found = totals(period)
    return [
        Step("previews", "Previews by machines", found.previews),
        Step("visits", "Visits", found.visits),
        Step("confirmed", "By a person", found.confirmed, found.visits, "visits"),
        Step("signups", "Signed up", found.signups, found.confirmed, "people’s visits"),
        Step("orders", "Orders", found.orders, found.signups, "sign-ups"),
        Step("available", "Rewards paid", found.available, found.orders, "orders"),
        Step("spent", "Orders paid with balance", spent(period).count()),
    ]


def cohorts(period: Period, by: str) -> list[Cohort]:
    """The funnel cut by one of `CUTS`, in order. Two queries."""
    cut = CUTS[by]
    sums: dict[object, Counts] = {}
    found = rollup.by(cut.funnel, since=period.since, until=period.until)
    for value, figures in found.items():
        _add(sums, value, _counts(figures))
    rows = _previews(period)
    if cut.previews:
        rows = rows.order_by(cut.previews).values_list(cut.previews)
        previews = rows.annotate(total=Sum("previews"))
    else:
        previews = [("", rows.aggregate(total=Sum("previews", default=0))["total"])]
    for value, count in previews:
        if count:
            _add(sums, value, Counts(previews=count))
    read: dict[object, Counts] = {}
    for value, counts in sums.items():
        _add(read, cut.read(value), counts)
    return [Cohort(str(label), read[label]) for label in sorted(read)]


def weekly(period: Period) -> list[Cohort]:
    """The cohorts by week, quiet weeks included: for a line without gaps."""
    found = {each.label: each for each in cohorts(period, "week")}
    mondays, day = [], periods.monday(period.since)
    while day <= period.until:
        mondays.append(str(day))
        day += periods.WEEK
    return [found.get(label, Cohort(label, Counts())) for label in mondays]


def _previews(period):
    return LinkDay.objects.filter(**period.days("day")).order_by()


def _counts(figures, previews=0):
    return Counts(
        previews=previews,
        visits=figures.visits,
        confirmed=figures.confirmed,
        signups=figures.signups,
        orders=figures.orders,
        available=figures.rewards,
    )


def _add(sums, key, counts):
    sums[key] = sums.get(key, Counts()) + counts
