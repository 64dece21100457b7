"""What is forgotten about browsers and people who left, and when.

A visit that nobody joined by goes once it cannot count any more, a step after 90 days.
A visit that somebody joined by stays with the attribution, but its network and browser
go after 180 days: they serve only to see one person behind two. Of a signal of risk the
row stays, for it explains a decision about money; it holds hashes, ids and counts only.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from django.db import models
from django.db.models import Max, OuterRef, Q, Subquery
from django.utils import timezone

from referrals import formers, visits
from referrals.models import Activity, Device, FormerCustomer, Terms, Visit, Visitor

VISIT_DAYS = 30
ACTIVITIES = timedelta(days=90)
EVIDENCE = timedelta(days=180)

# Rows of one statement: no lock is held for longer than these take.
BATCH = 1000

_NO_EVIDENCE = {"network": "", "network_hash": "", "agent": "", "referrer_path": ""}


def purge() -> dict[str, int]:
    """Forget whatever is old enough; how many rows of each kind.

    In small pieces by age, each its own transaction: safe to interrupt and to repeat.
    """
    now = timezone.now()
    counts = {"visits": 0, "evidence": 0}
    for rows in _oldest(Visit, "first_at", visits_since()):
        counts["visits"] += _rows(visits.unattached(rows).delete())
        old = rows.filter(first_at__lt=now - EVIDENCE).exclude(**_NO_EVIDENCE)
        counts["evidence"] += old.update(**_NO_EVIDENCE)
    counts["activities"] = _delete(Activity, "bucket", now - ACTIVITIES)
    counts["visitors"] = sum(
        _rows(rows.filter(visits=None, activities=None).delete())
        for rows in _oldest(Visitor, "created_at", visits_since())
    )
    counts["devices"] = _delete(Device, "seen_at", now - EVIDENCE)
    former = now - formers.KEPT_FOR
    counts["former customers"] = _delete(FormerCustomer, "created_at", former)
    return counts


def visits_since() -> datetime:
    """The first moment whose visits are all still here.

    30 days ago, or as far back as a click may count by the rules in force: a day counts
    to its end.
    """
    newest = (
        Terms.objects.filter(
            campaign=OuterRef("campaign"), currency=OuterRef("currency")
        )
        .order_by("-number")
        .values("pk")[:1]
    )
    rules = Terms.objects.order_by().filter(pk=Subquery(newest))
    longest = rules.aggregate(days=Max("visit_days"))["days"] or 0
    zone = timezone.get_default_timezone()
    today = timezone.localdate(timezone=zone)
    day = today - timedelta(days=max(longest, VISIT_DAYS))
    return datetime.combine(day, time.min, tzinfo=zone)


def _delete(model, moment, before):
    return sum(_rows(rows.delete()) for rows in _oldest(model, moment, before))


def _oldest(
    model: type[models.Model], moment: str, before: datetime
) -> Iterator[models.QuerySet]:
    """The rows from before a moment, oldest first, in pieces found by their index.

    Each row comes up once, kept or not, so that a piece costs the same at the end.
    """
    rows = model.objects.filter(**{f"{moment}__lt": before}).order_by(moment, "pk")
    piece = list(rows.values_list(moment, "pk")[:BATCH])
    while piece:
        yield model.objects.filter(pk__in=[pk for _, pk in piece])
        at, pk = piece[-1]
        # The first condition alone is what the index is asked for.
        later = Q(**{f"{moment}__gt": at}) | Q(pk__gt=pk)
        rest = rows.filter(later, **{f"{moment}__gte": at})
        piece = list(rest.values_list(moment, "pk")[:BATCH])


def _rows(deleted):
    """How many of the rows themselves; what went with them is not counted."""
    total, by_model = deleted
    return max(by_model.values(), default=0) if total else 0
