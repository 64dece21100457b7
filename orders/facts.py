"""What Stripe says, written down: sessions, charges, failures; who records the rest.

Only facts are recorded here, each under its order's lock; what follows from them is
decided in `confirmation`. So events may come twice, late or in any order.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from orders import confirmation, disputes, emails, reversals, signals, timeline
from orders.models import Order, Payment
from shop.kit.money import format_money

logger = logging.getLogger("tandem.payments")

# How long the goods wait for a second try of somebody who hears of the first by mail.
TIME_TO_TRY_AGAIN = timedelta(days=1)


def record(event: dict) -> None:
    """Record what one event says, in any order, any number of times.

    A type that is not among EVENTS passes.
    """
    if event["livemode"] != settings.LIVE_MODE:
        logger.warning("event %s is of the other mode", event["id"])
        return
    recorder = _RECORDERS.get(event["type"])
    if recorder is reversals.record_refund:
        recorder(event["data"]["object"], reversals.moment(event["created"]))
    elif recorder:
        recorder(event["data"]["object"])


def record_session(session: dict) -> None:
    """Paid money confirms its order; an expired session gives everything back."""
    with transaction.atomic():
        payment = _lock_payment(session_id=session["id"], metadata=session["metadata"])
        if not payment:
            return
        if not payment.session_id:  # the webhook was faster than our own second beat
            payment.session_id = session["id"]
            payment.save(update_fields=["session_id"])
        if session["status"] == "expired" and session["id"] == payment.session_id:
            if Payment.objects.filter(pk=payment.pk).close():
                timeline.note(
                    payment.order,
                    "page_closed",
                    "Stripe closed the card page, unpaid",
                    data={"payment": payment.pk},
                    origin=timeline.Origin.STRIPE,
                )
            # The order lives on if another attempt is open by now, its page payable.
            if not payment.order.payments.filter(status=Payment.Status.OPEN).exists():
                confirmation.expire_order(payment.order_id)
        elif session["status"] == "complete" and session["payment_status"] == "paid":
            _record_money(payment, session)


def record_debit_failure(session: dict) -> None:
    """Money that was on its way for days never came: the order can be paid once more.

    Its buyer has left long ago, so a mail asks them back, and the goods wait for a day.
    Only cards are offered by us; Stripe's dashboard may one day offer more.
    """
    with transaction.atomic():
        payment = _lock_payment(session_id=session["id"], metadata=session["metadata"])
        if not payment or not Payment.objects.filter(pk=payment.pk).close():
            return
        order = payment.order
        timeline.note(
            order,
            "payment_failed",
            "The payment was on its way and did not come",
            data={"payment": payment.pk},
            origin=timeline.Origin.STRIPE,
        )
        if order.is_open:
            order.expires_at = max(order.expires_at, timezone.now() + TIME_TO_TRY_AGAIN)
            order.save(update_fields=["expires_at"])
            emails.payment_failed(payment, order)
        signals.tell(order.pk)


def record_charge(charge: dict) -> None:
    """Which card paid: its name for people, a keyed hash to compare with others."""
    card = (charge.get("payment_method_details") or {}).get("card") or {}
    with transaction.atomic():
        payment = _lock_payment(
            intent_id=charge["payment_intent"], metadata=charge["metadata"]
        )
        if payment and card.get("fingerprint"):
            brand = (card.get("brand") or "card").capitalize()
            payment.card = f"{brand} ending {card.get('last4') or '…'}"
            payment.card_hash = salted_hmac(
                "orders.payments", card["fingerprint"], algorithm="sha256"
            ).hexdigest()
            payment.save(update_fields=["card", "card_hash"])
            signals.tell(payment.order_id)


def record_failure(intent: dict) -> None:
    """A refused card is news for the timeline; the session stays open.

    No mail: its owner reads it on Stripe's page, beside the field for another card.
    """
    error = intent.get("last_payment_error") or {}
    with transaction.atomic():
        payment = _lock_payment(intent_id=intent["id"], metadata=intent["metadata"])
        if payment and payment.status == Payment.Status.OPEN:
            code = error.get("decline_code") or error.get("code") or "declined"
            payment.last_error = code[:250]
            payment.save(update_fields=["last_error"])
            timeline.note(
                payment.order,
                "payment_refused",
                f"Payment refused: {code}"[:250],
                data={"payment": payment.pk},
                origin=timeline.Origin.STRIPE,
            )


_RECORDERS = {
    "checkout.session.completed": record_session,
    "checkout.session.async_payment_succeeded": record_session,
    "checkout.session.async_payment_failed": record_debit_failure,
    "checkout.session.expired": record_session,
    "charge.succeeded": record_charge,
    "charge.refunded": reversals.check_charge,
    "payment_intent.payment_failed": record_failure,
    "refund.created": reversals.record_refund,
    "refund.updated": reversals.record_refund,
    "refund.failed": reversals.record_refund,
    "charge.dispute.created": disputes.record_dispute,
    "charge.dispute.updated": disputes.record_dispute,
    "charge.dispute.closed": disputes.record_closed,
    "charge.dispute.funds_withdrawn": disputes.record_dispute,
    "charge.dispute.funds_reinstated": disputes.record_dispute,
    "radar.early_fraud_warning.created": disputes.record_warning,
}
EVENTS = set(_RECORDERS)  # what the endpoint in Stripe's dashboard has to send


def _record_money(payment, session):
    """Write down the money; only matching money confirms. The caller has the locks."""
    order = payment.order
    if payment.status != Payment.Status.PAID:
        payment.intent_id = session["payment_intent"]
        payment.amount_received = session["amount_total"]
        payment.status, payment.paid_at = Payment.Status.PAID, timezone.now()
        payment.save(
            update_fields=["intent_id", "amount_received", "status", "paid_at"]
        )
        paid = format_money(session["amount_total"], session["currency"].upper())
        timeline.note(
            order,
            "paid",
            f"Paid {paid} by card",
            data={"payment": payment.pk},
            origin=timeline.Origin.STRIPE,
        )
        signals.tell(order.pk)
    if _was_reviewed(payment):
        return  # a person decided about this very money; it may have gone back
    problem = _mismatch(payment, session)
    if problem:
        confirmation.hold(order, problem)
    elif not order.held_at:
        confirmation.confirm_order(order.pk)


def _was_reviewed(payment):
    reviewed_at = payment.order.reviewed_at
    return reviewed_at is not None and payment.paid_at <= reviewed_at


def _mismatch(payment, session):
    order = payment.order
    if session["mode"] != "payment" or session["client_reference_id"] != order.code:
        return "Stripe's session names another order."
    if session["id"] != payment.session_id:
        return "The money came through a session this order does not know."
    if session["currency"] != order.currency.lower():
        return f"Paid in {session['currency'].upper()}, ordered in {order.currency}."
    if session["amount_total"] != order.amount_due:
        return "The amount paid is not the amount due."
    paid = order.payments.filter(status=Payment.Status.PAID)
    if paid.exclude(pk=payment.pk).exists():
        return "Paid twice."
    return ""


def _lock_payment(*, metadata, session_id=None, intent_id=None):
    """The attempt a Stripe object belongs to, its order locked first; None if not ours.

    Objects other than sessions may arrive before the session did, and then know their
    attempt only by the metadata that we sent along.
    """
    known = Payment.objects.none()
    if session_id:
        known = Payment.objects.filter(session_id=session_id)
    elif intent_id:
        known = Payment.objects.filter(intent_id=intent_id)
    found = known.first() or _payment_named(metadata)
    if not found:
        return None
    Order.objects.select_for_update(no_key=True).get(pk=found.order_id)
    return (
        Payment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("order")
        .get(pk=found.pk)
    )


def _payment_named(metadata):
    name = (metadata or {}).get("payment", "")
    return Payment.objects.filter(idempotency_key=name).first() if name else None
