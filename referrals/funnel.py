"""The whole programme in figures: from a link that was looked at to credit spent.

Read from the daily sums of the roll-up, so as old as its last run. Cohorts are the same
figures cut by where they come from: they add up to the funnel, whatever the cut.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from datetime import date

from django.db.models import Q, QuerySet, Sum
from django.utils.formats import date_format

from orders.models import Order
from referrals import periods
from referrals.models import CampaignDay, ReferralLink
from referrals.periods import Period


@dataclass(frozen=True)
class Counts:
    """What became of links. Of previews nothing can become: machines made them.

    `visitors` are browsers that showed a page, each once a day and link: over several
    days they add up.
    `confirmed` are visits with a person behind them, `available` rewards that were
    released.
    """

    previews: int = 0
    visits: int = 0
    visitors: int = 0
    confirmed: int = 0
    signups: int = 0
    orders: int = 0
    available: int = 0

    def __add__(self, other):
        return Counts(*map(sum, zip(astuple(self), astuple(other), strict=True)))


NAMES = tuple(field.name for field in fields(Counts))


@dataclass(frozen=True)
class Step:
    """A figure of the funnel, and what it is compared with.

    Only a visit by a person `is_part` of the visits. The others may come without the
    step before, by a typed code or from an earlier time, or more than once.
    """

    name: str
    label: str
    count: int
    whole: int | None = None
    of: str = ""
    is_part: bool = False

    @property
    def rate(self) -> str:
        """`25 % of 4 visits`, `50 for 100 sign-ups (8)`; nothing without a whole."""
        if not self.whole:
            return ""
        share = f"{100 * self.count / self.whole:.1f}".removesuffix(".0")
        if self.is_part:
            return f"{share} % of {self.whole} {self.of}"
        return f"{share} for 100 {self.of} ({self.whole})"


@dataclass(frozen=True)
class Cohort:
    """A part of the funnel; `name` is its label for a file."""

    name: str
    label: str
    counts: Counts


@dataclass(frozen=True)
class _Cut:
    """A way to cut: its heading, the column of the sums, and how its values read."""

    label: str
    heading: str
    column: str
    read: Callable[[object], str] = str


def _kind(value):
    return ReferralLink.Kind(value).label


def _channel(value):
    return value or "None named"


CUTS = {
    "campaign": _Cut("Campaign", "By campaign", "campaign__name"),
    "kind": _Cut("Kind of link", "By kind of link", "kind", _kind),
    "channel": _Cut("Channel", "By channel", "channel", _channel),
    "week": _Cut("Week from", "By week", "day"),
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
        Step("visitors", "Browsers, by day", found.visitors),
        Step("confirmed", "By a person", found.confirmed, found.visits, "visits", True),
        Step("signups", "Signed up", found.signups, found.confirmed, "people’s visits"),
        Step("orders", "Orders", found.orders, found.signups, "sign-ups"),
        Step("available", "Rewards paid", found.available, found.orders, "orders"),
        Step("spent", "Orders paid with balance", spent(period).count()),
    ]


def cohorts(period: Period, by: str) -> list[Cohort]:
    """The funnel cut by one of `CUTS`, in order; weeks without gaps. One query."""
    if by == "week":
        return weekly(period)
    cut = CUTS[by]
    found: dict[str, Counts] = {}
    for value, counts in _cut(period, cut.column):
        label = cut.read(value)
        found[label] = found.get(label, Counts()) + counts
    return [Cohort(label, label, found[label]) for label in sorted(found)]


def weekly(period: Period) -> list[Cohort]:
    """The funnel by week, quiet weeks included; the first begins with the period."""
    found: dict[date, Counts] = {}
    day = periods.monday(period.since)
    while day <= period.until:
        found[day] = Counts()
        day += periods.WEEK
    for day, counts in _cut(period, "day"):
        found[periods.monday(day)] += counts
    return [
        Cohort(str(first), date_format(first, "j M Y"), counts)
        for monday, counts in found.items()
        for first in [max(monday, period.since)]
    ]


def _cut(period, column):
    """The sums by a column of the days: each value and its counts."""
    sums = {f"sum_{name}": Sum(column) for name, column in _COLUMNS.items()}
    rows = _days(period).values_list(column).annotate(**sums)
    return [(value, Counts(*counts)) for value, *counts in rows]


def _days(period):
    return CampaignDay.objects.filter(**period.days("day")).order_by()
