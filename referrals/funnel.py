"""The whole programme in figures: from a link that was looked at to credit spent.

Read from the daily sums of the roll-up, so as old as its last run. Cohorts are the same
figures cut by where they come from: they add up to the funnel, whatever the cut.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass, fields

from django.db.models import Q, QuerySet, Sum

from orders.models import Order
from referrals import periods
from referrals.models import CampaignDay, ReferralLink
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
    """A way to cut: the column of the daily sums, and how its values read."""

    label: str
    column: str
    read: Callable[[object], object] = str


def _kind(value):
    return ReferralLink.Kind(value).label


CUTS = {
    "campaign": _Cut("Campaign", "campaign__name"),
    "kind": _Cut("Kind of link", "kind", _kind),
    "channel": _Cut("Channel", "channel", lambda value: value or "None named"),
    "week": _Cut("Week from", "day", periods.monday),
}

_COLUMNS = dict(zip(NAMES, [*NAMES[:-1], "rewards"], strict=True))


def totals(period: Period) -> Counts:
    """The figures of all links. One query."""
    sums = {f"sum_{name}": Sum(column, default=0) for name, column in _COLUMNS.items()}
    return Counts(*_days(period).aggregate(**sums).values())


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
    """The funnel from its top to its end. Two queries."""
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
    """The funnel cut by one of `CUTS`, in order. One query."""
    cut = CUTS[by]
    rows = _days(period).values_list(cut.column)
    sums = {f"sum_{name}": Sum(column) for name, column in _COLUMNS.items()}
    read: dict[object, Counts] = {}
    for value, *counts in rows.annotate(**sums):
        label = cut.read(value)
        read[label] = read.get(label, Counts()) + Counts(*counts)
    return [Cohort(str(label), read[label]) for label in sorted(read)]


def weekly(period: Period) -> list[Cohort]:
    """The cohorts by week, quiet weeks included: for a line without gaps."""
    found = {each.label: each for each in cohorts(period, "week")}
    mondays, day = [], periods.monday(period.since)
    while day <= period.until:
        mondays.append(str(day))
        day += periods.WEEK
    return [found.get(label, Cohort(label, Counts())) for label in mondays]


def _days(period):
    return CampaignDay.objects.filter(**period.days("day")).order_by()
