"""The funnel of each day, counted from the rows into `FunnelDay`, and read from there.

A roll-up replaces a day's figures and never adds to them: run twice it changes nothing,
and a fact that comes late is counted by the next run over its day. What is read is as
old as the last run, a few minutes. `CampaignDay` has the sums for the whole shop.
"""

from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Count, DateField, F, Q, QuerySet, Sum, Value
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from referrals import retention
from referrals.models import (
    Attribution,
    CampaignDay,
    FunnelDay,
    LinkDay,
    OrderTouch,
    ReferralLink,
    Reward,
    Visit,
)
from shop.kit import upserts


@dataclass(frozen=True)
class Figures:
    """What became of links. `visitors` are browsers that came back with our cookie.

    They are a day's own: over several days they add up. `confirmed` visits had a person
    behind them as far as can be told.
    """

    visits: int = 0
    visitors: int = 0
    confirmed: int = 0
    signups: int = 0
    orders: int = 0
    rewards: int = 0


COUNTS = tuple(field.name for field in fields(Figures))
_LATER = ("signups", "orders", "rewards")
_LANDED = Q(visitor__landed_at__isnull=False)


# Reading


def totals(
    *,
    links: QuerySet | list | None = None,
    owner: User | None = None,
    since: date | None = None,
    until: date | None = None,
) -> Figures:
    """The sums over some links, or all, from one day to another, both included."""
    rows = _rows(links, owner, since, until)
    sums = rows.aggregate(**{name: Sum(name, default=0) for name in COUNTS})
    return Figures(**sums)


def by(
    field: str,
    *,
    links: QuerySet | list | None = None,
    owner: User | None = None,
    since: date | None = None,
    until: date | None = None,
) -> dict:
    """The same for each `day`, `channel`, `link` (its id) or other field, in order."""
    rows = _rows(links, owner, since, until)
    sums = rows.order_by(field).values(field)
    return {
        row.pop(field): Figures(**row)
        for row in sums.annotate(**{name: Sum(name) for name in COUNTS})
    }


def _rows(links, owner, since, until):
    rows = FunnelDay.objects.all()
    if links is not None:
        rows = rows.filter(link__in=links)
    if owner is not None:
        rows = rows.filter(link__in=ReferralLink.objects.filter(owner=owner))
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
    is_whole = start >= retention.visits_since()
    lines = FunnelDay.objects.filter(day=day)
    days = CampaignDay.objects.filter(day=day)
    by_link = ("link", "day", "channel")
    by_campaign = ("campaign", "kind", "day", "channel")
    shown = (*COUNTS, "previews")
    with transaction.atomic():
        upserts.sum_into(
            lines.order_by().values(*by_link, *COUNTS),
            _counted(day, start, end),
            key=by_link,
            sums=COUNTS,
            replaces=COUNTS if is_whole else _LATER,
        )
        lines.filter(**dict.fromkeys(COUNTS, 0)).delete()
        upserts.sum_into(
            days.order_by().values(*by_campaign, *shown),
            _summed(day),
            key=by_campaign,
            sums=shown,
            replaces=shown,
        )
        days.filter(**dict.fromkeys(shown, 0)).delete()
    return lines.count()


def roll_up_since(first: date) -> int:
    """Every day from that one up to today; how many days."""
    days = [first + timedelta(days=n) for n in range((today() - first).days + 1)]
    for day in days:
        roll_up(day)
    return len(days)


def start_of(day: date) -> datetime:
    """Its first moment by the shop's own calendar."""
    return _bounds(day)[0]


def today() -> date:
    """By the shop's own calendar, as `day_of`."""
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


def _counted(day, start, end):
    """Queries for what happened in a stretch of time, by link and channel."""

    def within(moment):
        return {f"{moment}__gte": start, f"{moment}__lt": end}

    on, none, one = Value(day, DateField()), Value(""), Count("pk")
    orders = Order.objects.filter(**within("confirmed_at"))
    guests = OrderTouch.objects.filter(**within("order__confirmed_at"))
    return [
        _figures(
            Visit.objects.filter(**within("first_at")),
            [F("link"), on, F("channel")],
            visits=one,
            visitors=Count("visitor", distinct=True, filter=_LANDED),
            confirmed=Count("pk", filter=Q(visitor__confirmed_at__isnull=False)),
        ),
        _figures(
            Attribution.objects.filter(**within("created_at")),
            [F("link"), on, F("channel")],
            signups=one,
        ),
        _figures(
            orders.filter(user__attribution__isnull=False),
            [F("user__attribution__link"), on, F("user__attribution__channel")],
            orders=one,
        ),
        # Whoever bought without an account counts for the link the browser came by.
        _figures(
            guests.filter(order__user__attribution=None),
            [F("link"), on, none],
            orders=one,
        ),
        _figures(
            Reward.objects.filter(**within("released_at")),
            [F("attribution__link"), on, F("attribution__channel")],
            rewards=one,
        ),
    ]


def _summed(day):
    """Queries for the same by campaign and kind of link, from the lines of the day."""
    on, none = Value(day, DateField()), Value("")
    lines = FunnelDay.objects.filter(day=day)
    machines = LinkDay.objects.filter(day=day)
    return [
        _figures(
            lines,
            [F("link__campaign"), F("link__kind"), on, F("channel")],
            previews=Value(0),
            **{name: Sum(name) for name in COUNTS},
        ),
        _figures(
            machines,
            [F("link__campaign"), F("link__kind"), on, none],
            previews=Sum("previews"),
        ),
    ]


def _figures(rows, key, **sums):
    """A query for the columns of a key, then of sums: nothing where none is given."""
    names = (*COUNTS, "previews") if "previews" in sums else COUNTS
    columns = {f"key_{place}": part for place, part in enumerate(key)}
    figures = {f"sum_{name}": sums.get(name, Value(0)) for name in names}
    return rows.order_by().values(**columns).annotate(**figures)
