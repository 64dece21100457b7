"""Whether the machine behind the programme runs: what waits, for how long, since when.

Each sign is bad when somebody has to look; a shop in order shows none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts.models import Adjustment
from orders.models import StripeEvent
from referrals import breaker, jobs, review, settlement, sweeps
from referrals.models import GrantWord, ReviewCase, Reward, Settlement, Unsettled
from shop.kit.jobs import due, oldest_due_age
from shop.kit.models import BookProof, Message

# What a busy moment may take before somebody has to look.
PATIENCE = timedelta(minutes=10)
PROVED_WITHIN = timedelta(hours=36)
LOOKED_AT_WITHIN = timedelta(days=3)
_UNITS = ((86_400, "days"), (3600, "h"), (60, "min"))


@dataclass(frozen=True)
class Sign:
    """One tile: `name` says what it is about, to whoever knows its list."""

    name: str
    label: str
    value: str
    note: str = ""
    is_bad: bool = False


def signs() -> list[Sign]:
    """All of them. Fourteen queries, however much waits."""
    return [
        _webhooks(),
        _unsettled(),
        _paused(),
        *_people(),
        *_jobs(),
        _outbox(),
        _proof(),
        _last_run("roll-up", "Last roll-up", jobs.roll_up_lately, every=5),
        _last_run("settle", "Last sweep", jobs.settle_outdated, every=10),
        _last_run("release", "Last release", jobs.release_due_rewards, every=5),
    ]


def _webhooks():
    found = StripeEvent.objects.unprocessed().aggregate(
        count=Count("pk"), oldest=Min("received_at"), failed=Count("pk", ~Q(error=""))
    )
    lag = _age(found["oldest"])
    return Sign(
        "webhooks",
        "Stripe’s news not processed",
        str(found["count"]),
        f"The oldest waits for {spoken(lag)}" if found["count"] else "",
        bool(found["failed"]) or lag > PATIENCE,
    )


def _unsettled():
    count = sweeps.outdated().count()
    oldest = Unsettled.objects.aggregate(oldest=Min("since"))["oldest"]
    broken = Settlement.objects.filter(reason=settlement.RULE_FAILED).exists()
    age = _age(oldest)
    notes = [f"The oldest waits for {spoken(age)}"] if oldest else []
    if broken:
        notes.append("A rule broke")
    is_bad = broken or age > PATIENCE
    return Sign("unsettled", "Orders not settled", str(count), ". ".join(notes), is_bad)


def _paused():
    pause = breaker.standing()
    said = f"{pause.released_count} in an hour were too many" if pause else ""
    return Sign(
        "paused", "Releases", "Paused" if pause else "Running", said, pause is not None
    )


def _people() -> Iterator[Sign]:
    """What waits for a person: red once nobody came for days."""
    waiting = ReviewCase.objects.filter(state__in=review.WAITS)
    yield _waits("review", "Friends to look at", waiting, "opened_at")
    asked = Adjustment.objects.filter(decided_at=None)
    yield _waits("adjustments", "Adjustments to confirm", asked, "asked_at")
    said = GrantWord.objects.filter(reward__in=Reward.objects.half_granted())
    yield _waits("grants", "Grants to confirm", said, "created_at")


def _waits(name, label, rows, since):
    found = rows.aggregate(count=Count("pk"), oldest=Min(since))
    age = _age(found["oldest"])
    said = f"The oldest waits for {spoken(age)}" if found["count"] else ""
    return Sign(name, label, str(found["count"]), said, age > LOOKED_AT_WITHIN)


def _jobs() -> Iterator[Sign]:
    counts = DBTaskResult.objects.aggregate(
        due=Count(
            "pk",
            due(),
        ),
        failed=Count("pk", Q(status=TaskResultStatus.FAILED)),
    )
    age = oldest_due_age()
    waits = f"The oldest waits for {spoken(age)}" if counts["due"] else ""
    yield Sign("jobs", "Jobs due", str(counts["due"]), waits, age > PATIENCE)
    failed = counts["failed"]
    yield Sign("failed_jobs", "Jobs given up", str(failed), is_bad=bool(failed))


def _outbox():
    found = Message.objects.aggregate(
        queued=Count("pk", Q(state=Message.State.QUEUED)),
        failed=Count("pk", Q(state=Message.State.FAILED)),
        oldest=Min("created_at", filter=Q(state=Message.State.QUEUED)),
    )
    said = f"{found['failed']} failed" if found["failed"] else ""
    is_late = _age(found["oldest"]) > PATIENCE
    is_bad = bool(found["failed"]) or is_late
    return Sign("outbox", "Mails to send", str(found["queued"]), said, is_bad)


def _proof():
    latest = BookProof.objects.defer("counts", "mismatches").first()
    if latest is None:
        return Sign("proof", "Rows that do not add up", "–", "Never proved", True)
    age = _age(latest.finished_at)
    count = latest.mismatch_count
    is_bad = bool(count) or age > PROVED_WITHIN
    said = f"Proved {spoken(age)} ago"
    return Sign("proof", "Rows that do not add up", str(count), said, is_bad)


def _last_run(name, label, job, *, every):
    """Since a regular job last came to its end; three times missed is bad."""
    runs = DBTaskResult.objects.filter(
        task_path=job.module_path, status=TaskResultStatus.SUCCESSFUL
    )
    last = runs.aggregate(last=Max("finished_at"))["last"]
    if last is None:
        return Sign(name, label, "Never", "Is a worker running?", True)
    age = _age(last)
    is_bad = age > 3 * timedelta(minutes=every) + PATIENCE
    return Sign(name, label, f"{spoken(age)} ago", f"Every {every} minutes", is_bad)


def spoken(age: timedelta) -> str:
    """A length of time in a unit of which there are two: `40 s`, `12 min`, `3 h`."""
    seconds = max(0, int(age.total_seconds()))
    for length, unit in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _age(moment: datetime | None) -> timedelta:
    return timezone.now() - moment if moment else timedelta()
