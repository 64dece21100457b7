"""The circuit breaker: far more released than usual, and releases wait for a person.

A bug or an attack that gets past every other guard would show here. Only the release of
rewards pauses: people join, orders are paid and rewards promised all the same.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from referrals.models import ReleasePause, Reward
from shop.kit import mail

# An hour may release so many times what an hour of the last four weeks did.
TIMES_THE_NORM = 5
_HOUR = timedelta(hours=1)
_WEEKS = timedelta(weeks=4)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class NotStanding(Exception):
    """Somebody has ended the pause already; the argument is the pause."""


def standing() -> ReleasePause | None:
    """The pause that is on, if one is. One query."""
    return ReleasePause.objects.filter(is_standing=True).first()


def lets_pass(reward: Reward) -> bool:
    """Whether this reward may be released now. Too many in an hour trip the breaker.

    What was due when a person ended the last pause was looked at, and passes. Two
    releases at one moment may both be the last one that passes. One query.
    """
    now = timezone.now()
    pauses = ReleasePause.objects.order_by("-pk")
    lately = Reward.objects.filter(released_at__gt=now - _HOUR)
    earlier = Reward.objects.filter(
        released_at__gt=now - _WEEKS, released_at__lte=now - _HOUR
    )
    found = (
        Reward.objects.filter(pk=reward.pk)
        .annotate(looked_at=Subquery(pauses.values("ended_at")[:1]))
        .values(
            stands=Exists(pauses.filter(is_standing=True)),
            was_seen=Q(available_at__lte=F("looked_at")),
            released=_count(
                lately.exclude(
                    available_at__lte=Coalesce(OuterRef("looked_at"), _LONG_AGO)
                )
            ),
            before=_count(earlier),
        )
        .get()
    )
    if found["stands"]:
        return False
    norm = TIMES_THE_NORM * (found["before"] or 0) * _HOUR / _WEEKS
    usual = max(settings.REFERRAL_RELEASES_AN_HOUR, round(norm))
    released = found["released"] or 0
    if found["was_seen"] or released < usual:
        return True
    _trip(released, usual)
    return False


def end(pause: ReleasePause, *, actor: User, reason: str) -> None:
    """Somebody has looked: what waits is released. Raises NotStanding."""
    from referrals import jobs  # they call settlement, which calls us

    with transaction.atomic():
        on = ReleasePause.objects.filter(pk=pause.pk, is_standing=True)
        if not on.update(
            is_standing=False,
            ended_at=timezone.now(),
            ended_by=actor,
            ended_because=reason,
        ):
            raise NotStanding(
                ReleasePause.objects.select_related("ended_by").get(pk=pause.pk)
            )
        jobs.release_due_rewards.enqueue()


def _count(rows):
    rows = rows.order_by().annotate(all=Value(1)).values("all")
    return Subquery(rows.annotate(number=Count("pk")).values("number"))


def _trip(released, usual):
    try:
        with transaction.atomic():
            pause = ReleasePause.objects.create(
                released_count=released, usual_count=usual
            )
    except IntegrityError:  # another release tripped it
        return
    page = reverse("admin:referrals_releasepause_change", args=[pause.pk])
    for person in User.objects.filter(is_superuser=True, is_active=True):
        mail.write(
            "releases_paused",
            f"pause:{pause.pk}:{person.pk}",
            person.email,
            "releases_paused",
            {"pause": pause, "page_url": settings.SITE_URL + page},
        )
