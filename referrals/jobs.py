"""The background work of referrals: prompt by facts, correct by sweeps."""

from datetime import timedelta

from django.utils import timezone

from referrals import (
    activities,
    attributions,
    canaries,
    invitations,
    oversight,
    retention,
    review,
    rollup,
    settlement,
    sweeps,
)
from shop.kit import jobs


@jobs.job()
def settle(order_id: int) -> None:
    settlement.judge_and_settle(order_id)


@jobs.job()
def note_payment(order_id: int) -> None:
    activities.note_payment(order_id)


@jobs.every("settle", minutes=10)
@jobs.job()
def settle_outdated() -> None:
    """Find what no signal told: a receiver that failed, a worker that died."""
    sweeps.settle_all(sweeps.outdated())
    sweeps.settle_all(sweeps.waiting())
    sweeps.settle_all(sweeps.ended())


@jobs.every("lapse-attributions", hours=6)
@jobs.job()
def lapse_forgotten() -> None:
    """Friends who never verified their email do not wait for ever."""
    attributions.lapse_forgotten()


@jobs.every("review-default", hours=6)
@jobs.job()
def decide_late_cases() -> None:
    """What nobody decided in time, if settings say what becomes of it."""
    review.time_out()


@jobs.every("staff-acts", hours=6)
@jobs.job()
def report_staff_acts() -> None:
    """Of yesterday, once."""
    oversight.report(timezone.localdate() - timedelta(days=1))


@jobs.every("release-rewards", minutes=5)
@jobs.job()
def release_due_rewards() -> None:
    sweeps.release_due()


@jobs.every("roll-up", minutes=5)
@jobs.job()
def roll_up_lately() -> None:
    """Today's funnel, and yesterday's with what came around midnight."""
    rollup.roll_up_since(rollup.today() - timedelta(days=1))


@jobs.every("roll-up-again", days=1)
@jobs.job(lease=timedelta(hours=1))
def roll_up_again() -> None:
    """Days whose visits are still here: a person may show long after the click."""
    rollup.roll_up_since(rollup.day_of(retention.visits_since()))


@jobs.job()
def compose_invitation(invitation_id: int) -> None:
    invitations.compose(invitation_id)


@jobs.every("forget-invited", minutes=10)
@jobs.job()
def forget_invited() -> None:
    """Addresses of mails that have left, where the signal was lost."""
    invitations.forget_delivered()


@jobs.every("plant-canaries", days=1)
@jobs.job()
def plant_canaries() -> None:
    """`manage.py plant_canaries` does the same."""
    canaries.plant()


@jobs.every("purge-visits", days=1)
@jobs.job(lease=timedelta(hours=1))
def purge_visits() -> None:
    """Forget what is old enough; `manage.py purge_visits` does the same."""
    retention.purge()
