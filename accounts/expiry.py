"""Credit that runs out: warned of a month and a week before, moved when it is time."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from accounts import ledger
from accounts.models import CreditLot, User
from shop.kit import jobs, mail

WARNINGS = (timedelta(days=7), timedelta(days=30))


@jobs.every("end-credit", hours=1)
@jobs.job()
def run() -> None:
    """Warn first: whoever is told and loses it within one run was at least told."""
    warn()
    end()


def end(now: datetime | None = None) -> int:
    """Move the rest of every lot whose time is up to breakage; how many people had one.

    Safe to repeat and to interrupt.
    """
    over = CreditLot.objects.filter(remaining__gt=0, expires_at__lte=_or_now(now))
    pots = over.order_by("owner", "currency").values_list("owner", "currency")
    found = list(pots.distinct())
    for owner, currency in found:
        with transaction.atomic():
            # Whoever takes credit back holds this row, and knows what ran out.
            people = User.objects.select_for_update(no_key=True)
            ledger.let_end(people.get(pk=owner), currency, _or_now(now))
    return len(found)


def warn(now: datetime | None = None) -> int:
    """Write the mails that are due, each once per lot and end; how many lots."""
    now = _or_now(now)
    due = [_due(now, before) for before in WARNINGS]
    found = list(
        CreditLot.objects.filter(due[0] | due[1], remaining__gt=0)
        .select_related("owner")
        .order_by("pk")
    )
    for lot in found:
        _warn(lot, now)
    return len(found)


def _due(now, before):
    """Lots that end within that time and were not warned of since it began."""
    unwarned = Q(warned_at=None) | Q(warned_at__lt=F("expires_at") - before)
    return Q(expires_at__gt=now, expires_at__lte=now + before) & unwarned


def _warn(lot, now):
    days = next(each.days for each in WARNINGS if lot.expires_at <= now + each)
    with transaction.atomic():
        mail.write(
            "credit_ends",
            f"lot:{lot.pk}:{lot.expires_at:%Y%m%d}:{days}",
            lot.owner.email,
            "credit_ends",
            {
                "lot": lot,
                "balance_url": settings.SITE_URL + reverse("accounts:balance"),
            },
        )
        CreditLot.objects.filter(pk=lot.pk).update(warned_at=now)


def _or_now(now):
    return now or timezone.now()
