"""The funnel of each day, counted from the rows into `FunnelDay`, and read from there.

A roll-up replaces a day's figures and never adds to them: run twice it changes nothing,
and a fact that comes late is counted by the next run over its day. What is read is as
old as the last run, a few minutes.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from referrals import retention
from referrals.models import (
    Attribution,
    Campaign,
    FunnelDay,
    OrderTouch,
    ReferralLink,
    Reward,
    Visit,
)


@dataclass(frozen=True)
class Figures:
    """What became of links. `visitors` are a day's own: over several days they add up.

    `confirmed` visits had a person behind them as far as can be told.
    """

    visits: int = 0
    visitors: int = 0
    confirmed: int = 0
    signups: int = 0
    orders: int = 0
    rewards: int = 0


COUNTS = tuple(field.name for field in fields(Figures))
_LATER = ("signups", "orders", "rewards")
_KEY = ("link", "day", "channel")
_BATCH = 500


# Reading


def totals(
    *,
    links: QuerySet | list | None = None,
    owner: User | None = None,
    campaign: Campaign | None = None,
    since: date | None = None,
    until: date | None = None,
) -> Figures:
    """The sums over some links, or all, from one day to another, both included."""
    rows = _rows(links, owner, campaign, since, until)
    sums = rows.aggregate(**{name: Sum(name, default=0) for name in COUNTS})
    return Figures(**sums)


def by(
    field: str,
    *,
    links: QuerySet | list | None = None,
    owner: User | None = None,
    campaign: Campaign | None = None,
    since: date | None = None,
    until: date | None = None,
) -> dict:
    """The same for each `day`, `channel`, `link` (its id) or other field, in order."""
    rows = _rows(links, owner, campaign, since, until)
    sums = rows.order_by(field).values(field)
    return {
        row.pop(field): Figures(**row)
        for row in sums.annotate(**{name: Sum(name) for name in COUNTS})
    }


def _rows(links, owner, campaign, since, until):
    rows = FunnelDay.objects.all()
    if links is not None:
        rows = rows.filter(link__in=links)
    if owner is not None:
        rows = rows.filter(link__in=ReferralLink.objects.filter(owner=owner))
    if campaign is not None:
        rows = rows.filter(link__in=ReferralLink.objects.filter(campaign=campaign))
    if since is not None:
        rows = rows.filter(day__gte=since)
    if until is not None:
        rows = rows.filter(day__lte=until)
    return rows


# Writing


def roll_up(day: date) -> int:
    """Count one day by the shop's calendar anew; how many lines it has.

    Of a day whose visits have been forgotten only what came after them is counted. Safe
    to repeat, to race and to interrupt.
    """
    start, end = _bounds(day)
    counted = _counted(start, end)
    is_whole = start >= retention.visits_since()
    lines = [
        FunnelDay(link_id=link, day=day, channel=channel, **asdict(figures))
        # In one order: two runs over a day wait for each other and do not deadlock.
        for (link, channel), figures in sorted(counted.items())
    ]
    names = COUNTS if is_whole else _LATER
    with transaction.atomic():
        FunnelDay.objects.bulk_create(
            lines,
            update_conflicts=True,
            unique_fields=_KEY,
            update_fields=names,
            batch_size=_BATCH,
        )
        known = FunnelDay.objects.filter(day=day).values_list("pk", "link", "channel")
        gone = [pk for pk, *key in known if tuple(key) not in counted]
        for first in range(0, len(gone), _BATCH):
            stale = FunnelDay.objects.filter(pk__in=gone[first : first + _BATCH])
            if is_whole:
                stale.delete()
            else:
                stale.update(**dict.fromkeys(_LATER, 0))
    return len(lines)


def roll_up_since(first: date) -> int:
    """Every day from that one up to today; how many days."""
    days = [first + timedelta(days=n) for n in range((today() - first).days + 1)]
    for day in days:
        roll_up(day)
    return len(days)


def today() -> date:
    return day_of(timezone.now())


def day_of(moment: datetime) -> date:
    """The day of a moment by the shop's own calendar, whoever asks."""
    return timezone.localdate(moment, timezone.get_default_timezone())


def _bounds(day):
    zone = timezone.get_default_timezone()
    next_day = day + timedelta(days=1)
    return (
        datetime.combine(day, time.min, tzinfo=zone),
        datetime.combine(next_day, time.min, tzinfo=zone),
    )


def _counted(start, end):
    """The figures of a stretch of time by (link, channel)."""

    def within(moment):
        return {f"{moment}__gte": start, f"{moment}__lt": end}

    visits = Visit.objects.filter(**within("first_at"))
    signups = Attribution.objects.filter(**within("created_at"))
    orders = Order.objects.filter(**within("confirmed_at"))
    guests = OrderTouch.objects.filter(**within("order__confirmed_at"))
    rewards = Reward.objects.filter(**within("released_at"))
    one = Count("pk")
    sources = [
        _grouped(visits, "link", "channel").annotate(
            visits=one,
            visitors=Count("visitor", distinct=True),
            confirmed=Count("pk", filter=Q(visitor__confirmed_at__isnull=False)),
        ),
        _grouped(signups, "link", "channel").annotate(signups=one),
        _grouped(
            orders.filter(user__attribution__isnull=False),
            "user__attribution__link",
            "user__attribution__channel",
        ).annotate(orders=one),
        # Whoever bought without an account counts for the link the browser came by.
        _grouped(guests.filter(order__user__attribution=None), "link").annotate(
            orders=one
        ),
        _grouped(rewards, "attribution__link", "attribution__channel").annotate(
            rewards=one
        ),
    ]
    found = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
    for source in sources:
        for row in source:
            figures = found[row.pop("of_link"), row.pop("of_channel")]
            for name, number in row.items():
                figures[name] += number
    return {key: Figures(**counts) for key, counts in found.items()}


def _grouped(rows, link, channel=""):
    channels = F(channel) if channel else Value("")
    return rows.order_by().values(of_link=F(link), of_channel=channels)
