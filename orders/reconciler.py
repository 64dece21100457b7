"""Ask Stripe what we may have missed: webhooks that never came, answers that got lost.

What is found goes the way of every webhook, through the same facts. A second run right
after the first changes nothing.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from orders import facts, payments, webhooks
from orders.models import Payment
from shop.kit import jobs

logger = logging.getLogger("tandem.reconciler")

# Stripe retries a webhook for three days; what is older than that was lost for good.
LOOK_BACK = timedelta(days=3)
MOST_ATTEMPTS = 500


@dataclass(frozen=True)
class Found:
    """What one run saw and mended; `failed` says how much has to be tried again."""

    asked: int
    settled: int
    events: int
    replayed: int
    failed: int

    def __str__(self):
        return (
            f"Asked about {self.asked} open attempts: {self.settled} settled. "
            f"{self.events} events had not arrived, {self.replayed} were replayed. "
            f"{self.failed} failures."
        )


def reconcile(
    *, look_back: timedelta = LOOK_BACK, older_than: timedelta = timedelta()
) -> Found:
    """Bring everything into line with what Stripe says now.

    Open attempts younger than `older_than` are left to their webhooks. A failure stops
    nothing else, is logged, and counted.
    """
    asked, settled, failed = _ask_about_open(older_than)
    events, missed = _take_in_events(look_back)
    tried = webhooks.try_unprocessed()
    return Found(asked, settled, events, tried.done, failed + missed + tried.failed)


@jobs.every("reconcile", minutes=5)
@jobs.job(attempts=1)
def reconcile_often() -> None:
    """The customers of the last minutes; a webhook is given one minute to come."""
    reconcile(look_back=timedelta(hours=1), older_than=timedelta(minutes=1))


@jobs.every("reconcile-days", days=1)
@jobs.job(attempts=5)
def reconcile_days() -> None:
    """All that Stripe itself still tries to deliver."""
    reconcile()


def ask_again(_=None) -> str:
    """For a button: let the worker ask Stripe, and say so."""
    reconcile_days.enqueue()
    return "Stripe is being asked; prove the books again in a minute."


def _ask_about_open(older_than):
    """Attempts without a session are nobody's page yet: the next press finds it."""
    attempts = Payment.objects.filter(
        status=Payment.Status.OPEN,
        session_id__isnull=False,
        created_at__lte=timezone.now() - older_than,
    )
    asked = settled = failed = 0
    for payment in attempts.order_by("pk")[:MOST_ATTEMPTS]:
        asked += 1
        try:
            session = payments.session_of(payment)
            if session["status"] != "open":
                facts.record_session(session)
                settled += 1
        except Exception:
            logger.exception("attempt %s could not be reconciled", payment.pk)
            failed += 1
    return asked, settled, failed


def _take_in_events(look_back):
    try:
        said = payments.events_since(timezone.now() - look_back)
    except payments.PaymentUnavailable:
        logger.exception("Stripe's list of events could not be read")
        return 0, 1
    return webhooks.take_in(said), 0
