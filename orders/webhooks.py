"""Stripe's messages: verify, store once, then act.

From the moment an event is stored the answer is 200, whatever follows: what fails
midway keeps its error on the row and is tried again by our own job.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from orders import facts, payments, reversals
from orders.models import Order, Payment, StripeEvent
from shop.kit import jobs

logger = logging.getLogger("tandem.webhooks")

# Stripe's events are a few kilobytes; nobody else gets to make us read more.
MOST_BYTES = 512 * 1024
FORGOTTEN_AFTER = timedelta(minutes=5)
# So long Stripe itself tries to tell of the payment that an early event is about.
EARLY_FOR = timedelta(days=3)
MOST_ASKED = 100
# Rows of one statement: no lock is held for longer than these take.
BATCH = 1000


class NotFromStripe(Exception):
    """The body is not signed by Stripe. Nothing of it is stored."""


def receive(body: bytes, signature: str) -> None:
    """Take in one delivery. Raises NotFromStripe; otherwise the event is safe."""
    event = (
        payments.verified_event(body, signature) if len(body) <= MOST_BYTES else None
    )
    if event is None:
        raise NotFromStripe
    _try(_store(event).pk, again=True)


def process(pk: int) -> None:
    """Act on a stored event, once; its effects commit together with the note of it."""
    with transaction.atomic():
        stored = StripeEvent.objects.select_for_update(no_key=True).get(pk=pk)
        if stored.processed_at:
            return
        facts.record(stored.payload)
        stored.processed_at, stored.error = timezone.now(), ""
        stored.attempts += 1
        stored.save(update_fields=["processed_at", "error", "attempts"])


@jobs.job(attempts=10)
def retry(pk: int) -> None:
    """Try a failed event again; the job's growing pauses are the event's."""
    _try(pk, again=False)


def take_in(events: list[dict]) -> int:
    """Store and act on events that were fetched, oldest first; how many were new."""
    known = _known([event["id"] for event in events])
    new = [event for event in events if event["id"] not in known]
    for event in new:
        _try(_store(event).pk, again=True)
    return len(new)


@dataclass(frozen=True)
class Tried:
    done: int
    failed: int


def try_unprocessed(event_id: str = "") -> Tried:
    """Act now on every event that is not processed, or on one; failures stay so.

    Safe to repeat and to race: a processed event is left alone.
    """
    waiting = StripeEvent.objects.unprocessed().order_by("pk")
    if event_id:
        waiting = waiting.filter(event_id=event_id)
    done = failed = 0
    for pk in list(waiting.values_list("pk", flat=True)):
        try:
            _try(pk, again=False)
        except Exception:
            logger.exception("event %s failed again", pk)
            failed += 1
        else:
            done += 1
    return Tried(done, failed)


def retry_forgotten() -> int:
    """Enqueue events that were stored before a crash and that nobody tried since."""
    forgotten = StripeEvent.objects.unprocessed().filter(
        attempts=0, received_at__lte=timezone.now() - FORGOTTEN_AFTER
    )
    # Once they are tried, failures have jobs of their own.
    pks = list(forgotten.values_list("pk", flat=True)[:200])
    for pk in pks:
        retry.enqueue(pk)
    return len(pks)


@jobs.every("forgotten-events", minutes=5)
@jobs.job(attempts=1)
def retry_forgotten_events() -> None:
    retry_forgotten()


def set_aside_foreign() -> int:
    """Be done with early events about payments that are not this shop's; how many.

    Others may use the same account. Stripe is asked about each payment, once: what
    names an order of ours stays unprocessed, with a note, until somebody has looked.
    """
    old = timezone.now() - EARLY_FOR
    early = StripeEvent.objects.unprocessed().filter(
        note="", error__startswith=reversals.TooEarly.__name__
    )
    count = 0
    for event in early.order_by("pk")[:MOST_ASKED]:
        if reversals.moment(event.payload["created"]) > old:
            continue
        try:
            is_ours = _is_ours(event)
        except payments.PaymentUnavailable:
            logger.warning("Stripe cannot be asked about %s", event)
            break
        waiting = StripeEvent.objects.filter(pk=event.pk, processed_at=None)
        if is_ours:
            logger.error("%s names a payment of ours that is not known", event)
            waiting.update(note="Stripe says that it is about an order of this shop.")
        else:
            note = "About a payment that is not this shop's: set aside."
            count += waiting.update(processed_at=timezone.now(), error="", note=note)
    return count


@jobs.every("foreign-events", hours=1)
@jobs.job(attempts=1)
def set_aside_foreign_events() -> None:
    set_aside_foreign()


def forget_old() -> int:
    """Empty what processed events said, once it is old enough; of how many.

    It names people; what it told of orders is facts of ours by then. Events that still
    wait keep it. In small pieces: safe to interrupt and to repeat.
    """
    before = timezone.now() - timedelta(days=settings.STRIPE_EVENT_DAYS)
    old = StripeEvent.objects.filter(processed_at__lt=before, payload__isnull=False)
    count = 0
    while pks := list(
        old.order_by("processed_at").values_list("pk", flat=True)[:BATCH]
    ):
        count += StripeEvent.objects.filter(pk__in=pks).update(payload=None)
    return count


@jobs.every("forget-events", days=1)
@jobs.job(lease=timedelta(hours=1))
def forget_old_events() -> None:
    forget_old()


def _is_ours(event):
    intent = event.payload["data"]["object"].get("payment_intent")
    if not intent:  # all of ours have one
        return False
    names = payments.metadata_of(intent)
    attempts = Payment.objects.filter(
        Q(intent_id=intent) | Q(idempotency_key=names.get("payment", ""))
    )
    orders = Order.objects.filter(code=names.get("order", ""))
    return attempts.exists() or orders.exists()


def _try(pk, *, again):
    try:
        process(pk)
    except Exception as error:
        # The error is written outside the transaction that it rolled back.
        StripeEvent.objects.filter(pk=pk, processed_at=None).update(
            error=f"{type(error).__name__}: {error}"[:2000], attempts=F("attempts") + 1
        )
        if not again:
            raise
        logger.exception("event %s failed and will be tried again", pk)
        retry.enqueue(pk)


def _known(ids):
    found = set()
    for start in range(0, len(ids), 500):  # SQLite takes so many parameters
        some = StripeEvent.objects.filter(event_id__in=ids[start : start + 500])
        found.update(some.values_list("event_id", flat=True))
    return found


def _store(event):
    try:
        with transaction.atomic():
            return StripeEvent.objects.create(
                event_id=event["id"], type=event["type"], payload=event
            )
    except IntegrityError:  # a repeat; an unprocessed one gets its second chance
        return StripeEvent.objects.get(event_id=event["id"])
