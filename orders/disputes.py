"""Payments that a bank questions: disputes, inquiries and fraud warnings, written down.

Stripe tells of them in any order, any number of times; each verb takes the order's lock
and only ever moves a row forward. What follows for rewards is decided above.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import F, Max, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from accounts.models import User
from orders import reversals, signals, timeline
from orders.models import Dispute, Order, Refund
from shop.kit import jobs
from shop.kit.money import format_money

# A warning that no dispute followed for so long is over; staff may say so earlier.
WARNINGS_STAND = timedelta(days=90)

# How far a dispute has come; words that we do not know stand in the middle.
_PROGRESS = {
    "warning_needs_response": 1,
    "warning_under_review": 2,
    "warning_closed": 3,
    "needs_response": 4,
    "under_review": 5,
    "prevented": 7,
    "lost": 8,
    "won": 9,  # also an appeal that turned a loss
}


def record_closed(said: dict) -> None:
    """Stripe says that it is over, be it by a word that we do not know."""
    record_dispute(said, is_over=True)


def record_dispute(said: dict, *, is_over: bool = False) -> None:
    """Opened, answered, won or lost; an inquiry moves no money."""
    is_over = is_over or said["status"] in Dispute.ENDS
    status = _read(said, is_over)
    closed_at = timezone.now() if is_over else None
    with transaction.atomic():
        order, payment = reversals.lock_order_of(said)
        dispute, made = Dispute.objects.get_or_create(
            stripe_id=said["id"],
            defaults={
                "payment": payment,
                "amount": said["amount"],
                "currency": said["currency"].upper(),
                "status": status,
                "reason": said["reason"],
                "due_by": _due_by(said),
                "opened_at": reversals.moment(said["created"]),
                "closed_at": closed_at,
            },
        )
        if not made:
            if not _is_news(dispute, status, is_over):
                return
            dispute.status, dispute.amount = status, said["amount"]
            dispute.due_by = _due_by(said) or dispute.due_by
            dispute.closed_at = closed_at
            dispute.save(update_fields=["status", "amount", "due_by", "closed_at"])
        _answer_warnings(payment)
        kind = "dispute_closed" if dispute.closed_at else "disputed"
        _note_dispute(order, dispute, kind)


def record_warning(said: dict) -> None:
    """A bank reports fraud before anybody disputes: most such become disputes."""
    with transaction.atomic():
        order, payment = reversals.lock_order_of(said)
        dispute, made = Dispute.objects.get_or_create(
            stripe_id=said["id"],
            defaults={
                "payment": payment,
                "amount": payment.amount_received,
                "currency": payment.currency,
                "status": Dispute.FRAUD_WARNING,
                "reason": said["fraud_type"],
                "opened_at": reversals.moment(said["created"]),
            },
        )
        if made:
            _answer_warnings(payment)
            _note_dispute(order, dispute, "fraud_warning")


def is_unknown(dispute: Dispute) -> bool:
    """Open under a word of Stripe's that we do not know: only a person ends it."""
    is_warning = dispute.status == Dispute.FRAUD_WARNING
    return not dispute.closed_at and not is_warning and is_vague(dispute.status)


def is_vague(word: str) -> bool:
    """Whether a dispute's word leaves open who has the money in the end."""
    return word == "prevented" or word not in _PROGRESS


def end(dispute: Dispute, *, is_lost: bool, actor: User, reason: str) -> bool:
    """Staff looked at a dispute of an unknown word: it is over.

    `is_lost` says that the bank keeps the money. Whatever Stripe says later in words
    that we know still counts. False if it had ended, or its word is known by now.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update(no_key=True).get(
            payments=dispute.payment_id
        )
        dispute = Dispute.objects.get(pk=dispute.pk)
        if not is_unknown(dispute):
            return False
        word = dispute.status
        dispute.status = "lost" if is_lost else word
        dispute.closed_at = timezone.now()
        dispute.save(update_fields=["status", "closed_at"])
        _answer_warnings(dispute.payment)
        where = "the bank keeps the money" if is_lost else "the money is with us"
        timeline.note(
            order,
            "dispute_ended",
            f"Dispute looked at, it is over: {where}. Reason: {reason}"[:250],
            data={"dispute": dispute.pk, "said": word, "reason": reason},
            actor=actor,
            origin=timeline.Origin.STAFF,
        )
        signals.tell(order.pk)
    return True


def dismiss_warning(dispute: Dispute, actor: User) -> bool:
    """Staff looked at a fraud warning and it is fine; False if it was closed before."""
    return _close_warning(
        dispute, "Fraud warning looked at and dismissed", "warning_dismissed", actor
    )


def close_stale_warnings() -> int:
    """Close fraud warnings that nothing came of; how many.

    Those that stood for WARNINGS_STAND, and those whose money all went back: what a
    bank has no payment for any more it cannot dispute.
    """
    standing = Refund.objects.standing().filter(payment=OuterRef("payment"))
    given = standing.order_by().values("payment").annotate(total=Sum("amount_card"))
    stale = (
        Dispute.objects.open()
        .filter(status=Dispute.FRAUD_WARNING)
        .annotate(given=Subquery(given.values("total")))
        .filter(
            Q(opened_at__lte=timezone.now() - WARNINGS_STAND)
            | Q(given__gte=F("payment__amount_received"))
        )
    )
    text = "Fraud warning closed: nothing came of it"
    closed = [_close_warning(each, text, "warning_closed") for each in stale[:500]]
    return sum(closed)


@jobs.every("close-fraud-warnings", days=1)
@jobs.job(attempts=5)
def close_fraud_warnings() -> None:
    close_stale_warnings()


def _close_warning(dispute, text, kind, actor=None):
    with transaction.atomic():
        order = Order.objects.select_for_update(no_key=True).get(
            payments=dispute.payment_id
        )
        warning = Dispute.objects.open().filter(
            pk=dispute.pk, status=Dispute.FRAUD_WARNING
        )
        if not warning.update(closed_at=timezone.now()):
            return False
        origin = timeline.Origin.STAFF if actor else timeline.Origin.SHOP
        timeline.note(
            order, kind, text, data={"dispute": dispute.pk}, actor=actor, origin=origin
        )
        signals.tell(order.pk)
    return True


def _note_dispute(order, dispute, kind):
    amount = format_money(dispute.amount, dispute.currency)
    text = f"{dispute} ({amount})"[:250]
    timeline.note(
        order,
        kind,
        text,
        data={"dispute": dispute.pk},
        origin=timeline.Origin.STRIPE,
    )
    signals.tell(order.pk)


def _answer_warnings(payment):
    """A warning has done its work once a dispute exists, whichever came first."""
    warnings = payment.disputes.filter(status=Dispute.FRAUD_WARNING)
    others = payment.disputes.exclude(status=Dispute.FRAUD_WARNING)
    came = others.aggregate(at=Max("opened_at"))["at"]
    if came:
        warnings.filter(closed_at=None).update(closed_at=came)


def _progress(status):
    return _PROGRESS.get(status, 6)


def _read(said, is_over):
    """Stripe's word; an end by a vague one that left the money away is a loss."""
    is_loss = is_over and is_vague(said["status"]) and money_away(said) > 0
    return "lost" if is_loss else said["status"]


def money_away(said: dict) -> int:
    """What of a dispute's money is with the bank, by Stripe's own list; fee apart."""
    return -sum(row["amount"] for row in said["balance_transactions"] or ())


def _is_news(dispute, status, is_over):
    before, now = _progress(dispute.status), _progress(status)
    # Of two words that we do not know only an end is told from the other.
    return now > before or (now == before and is_over and not dispute.closed_at)


def _due_by(said):
    due = (said.get("evidence_details") or {}).get("due_by")
    return reversals.moment(due) if due else None
