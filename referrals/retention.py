"""What is forgotten about browsers and people who left, and when.

A visit that nobody joined by goes once it cannot count any more, a step after 90 days.
A visit that somebody joined by stays with the attribution, but its network and browser
go after 180 days: they serve only to see one person behind two. So does the network
that a name was reported from, and what a signal of risk saw, unless somebody has still
to decide; its code and its weight stay, for they explain a decision about money. A cart
that a member shared goes after 180 days.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from referrals import formers, review, terms, visits
from referrals.models import (
    Activity,
    Device,
    FormerCustomer,
    NameReport,
    RiskSignal,
    SharedCart,
    Visit,
    Visitor,
)

ACTIVITIES = timedelta(days=90)
EVIDENCE = timedelta(days=180)
SHARED_CARTS = timedelta(days=180)  # the link stays, and leads home

# Rows of one statement: no lock is held for longer than these take.
BATCH = 1000

_NO_EVIDENCE = dict.fromkeys(Visit.EVIDENCE, "")


def purge() -> dict[str, int]:
    """Forget whatever is old enough; how many rows of each kind.

    In small pieces by age, each its own transaction: safe to interrupt and to repeat.
    What stays is marked and not looked at again, so that an idle run is a few queries
    however much was ever kept.
    """
    now = timezone.now()
    since = visits_since()
    return {
        "visits": _forget_visits(since, now),
        "evidence": _forget_evidence(now - EVIDENCE),
        "reporters": _forget_reporters(now - EVIDENCE),
        "signals": _forget_signals(now - EVIDENCE),
        "activities": _forget_activities(now - ACTIVITIES),
        "visitors": _forget_visitors(since, now),
        "shared carts": _delete(SharedCart, "created_at", now - SHARED_CARTS),
        "devices": _delete(Device, "seen_at", now - EVIDENCE),
        "former customers": _delete(
            FormerCustomer, "created_at", now - formers.KEPT_FOR
        ),
    }


def visits_since() -> datetime:
    """The first moment whose visits are all still here.

    30 days ago, or as far back as a click may count by the rules in force: a day counts
    to its end.
    """
    zone = timezone.get_default_timezone()
    today = timezone.localdate(timezone=zone)
    day = today - timedelta(days=max(terms.visit_days(), terms.VISIT_DAYS))
    return datetime.combine(day, time.min, tzinfo=zone)


def _forget_visits(before, now):
    count = 0
    for rows in _oldest(Visit.objects.filter(kept_at=None), "first_at", before):
        with transaction.atomic():
            browsers = list(rows.values_list("visitor", flat=True))
            count += _rows(visits.unattached(rows).delete())
            rows.update(kept_at=now)
            _look_again(browsers)
    return count


def _forget_evidence(before):
    traced = Visit.objects.filter(kept_at__isnull=False).exclude(**_NO_EVIDENCE)
    return sum(
        rows.update(**_NO_EVIDENCE) for rows in _oldest(traced, "first_at", before)
    )


def _forget_reporters(before):
    nothing = {"network": "", "network_hash": ""}
    traced = NameReport.objects.exclude(**nothing)
    return sum(rows.update(**nothing) for rows in _oldest(traced, "created_at", before))


def _forget_signals(before):
    told = RiskSignal.objects.exclude(evidence="")
    decided = told.exclude(attribution__review__state__in=review.WAITS)
    return sum(
        rows.update(evidence="") for rows in _oldest(decided, "created_at", before)
    )


def _forget_activities(before):
    count = 0
    for rows in _oldest(Activity.objects.all(), "bucket", before):
        with transaction.atomic():
            browsers = list(rows.values_list("visitor", flat=True))
            count += _rows(rows.delete())
            _look_again(browsers)
    return count


def _forget_visitors(before, now):
    count = 0
    for rows in _oldest(Visitor.objects.filter(kept_at=None), "created_at", before):
        with transaction.atomic():
            count += _rows(rows.filter(visits=None, activities=None).delete())
            rows.update(kept_at=now)
    return count


def _look_again(browsers):
    """Something that these browsers did is gone: perhaps nothing holds them now."""
    Visitor.objects.filter(pk__in=browsers, kept_at__isnull=False).update(kept_at=None)


def _delete(model, moment, before):
    return sum(
        _rows(rows.delete()) for rows in _oldest(model.objects.all(), moment, before)
    )


def _oldest(
    found: models.QuerySet, moment: str, before: datetime
) -> Iterator[models.QuerySet]:
    """Of these rows the ones from before a moment, oldest first, in pieces by an index.

    Each row comes up once, kept or not, so that a piece costs the same at the end.
    """
    rows = found.filter(**{f"{moment}__lt": before}).order_by(moment, "pk")
    piece = list(rows.values_list(moment, "pk")[:BATCH])
    while piece:
        yield found.model.objects.filter(pk__in=[pk for _, pk in piece])
        at, pk = piece[-1]
        # The first condition alone is what the index is asked for.
        later = Q(**{f"{moment}__gt": at}) | Q(pk__gt=pk)
        rest = rows.filter(later, **{f"{moment}__gte": at})
        piece = list(rest.values_list(moment, "pk")[:BATCH])


def _rows(deleted):
    """How many of the rows themselves; what went with them is not counted."""
    total, by_model = deleted
    return max(by_model.values(), default=0) if total else 0
