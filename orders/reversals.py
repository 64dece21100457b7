"""Money that goes back, as it turns out: refunds, written down.

What Stripe reports has no ceiling and comes in any order, any number of times; each
verb takes the order's lock and only ever moves a row forward. What a refund brings
along (balance, goods, a mail) happens once, when Stripe has taken it on.
"""

import secrets
from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone

from accounts import ledger
from catalog import stock
from orders import balances, emails, signals, timeline
from orders.models import Order, Payment, Refund
from shop.kit.money import format_money

Kind = ledger.Kind
State = Refund.State

_STATES = {
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "canceled": State.CANCELLED,
}  # any other word of Stripe's means that it is on its way
_MOVES = {
    State.REQUESTED: {
        State.PENDING,
        State.SUCCEEDED,
        State.FAILED,
        State.CANCELLED,
    },
    State.PENDING: {State.SUCCEEDED, State.FAILED, State.CANCELLED},
    State.SUCCEEDED: {State.FAILED},
}
_ORIGINS = {
    Refund.Origin.STAFF: timeline.Origin.STAFF,
    Refund.Origin.CUSTOMER: timeline.Origin.CUSTOMER,
    Refund.Origin.AUTOMATIC: timeline.Origin.SHOP,
    Refund.Origin.STRIPE: timeline.Origin.STRIPE,
}


class TooEarly(Exception):
    """Stripe speaks of money that we have not heard of yet: the event waits."""


def new_key(order: Order) -> str:
    """An idempotency key for the next refund of an order; each call makes another."""
    return f"tandem-refund-{order.code}-{secrets.token_hex(8)}"


def promise(order: Order, reason: str) -> Refund | None:
    """Write down that all the card's money goes back; the worker asks Stripe for it.

    The caller holds the order's lock.
    """
    payment = order.payments.filter(status=Payment.Status.PAID).last()
    if not payment:
        return None
    left = payment.amount_received - payment.refunds.standing().amount("amount_card")
    return Refund.objects.create(
        order=order,
        payment=payment,
        idempotency_key=new_key(order),
        amount_card=left,
        amount_left=left,
        currency=order.currency,
        origin=Refund.Origin.AUTOMATIC,
        reason=reason,
    )


def record_refund(said: dict, at: datetime | None = None) -> None:
    """What Stripe says about one refund, ours or one made in its dashboard.

    `at` is when it became so, now if nobody knows.
    """
    with transaction.atomic():
        order, payment = lock_order_of(said)
        refund = _row_of(said) or _made_elsewhere(order, payment, said)
        if not refund.stripe_id:  # the webhook was faster than our own third beat
            refund.stripe_id = said["id"]
            refund.save(update_fields=["stripe_id"])
        _turn(refund, order, said, at or timezone.now())


def accept_without_card(refund: Refund) -> None:
    """A refund to the balance alone needs no Stripe. The caller has the lock."""
    _move(refund, refund.order, State.SUCCEEDED, timezone.now())


def note_refused(refund: Refund, because: str) -> None:
    """Stripe said no, and nothing has happened: the books stay as they are."""
    with transaction.atomic():
        order = Order.objects.select_for_update(no_key=True).get(pk=refund.order_id)
        refused = order.refunds.filter(
            pk=refund.pk, state=State.REQUESTED, stripe_id=None
        )
        if refused.update(
            state=State.FAILED, failure_reason=because[:250], failed_at=timezone.now()
        ):
            text = f"Stripe refused to refund: {because}"[:250]
            timeline.note(order, "refund_refused", text, origin=timeline.Origin.STRIPE)
            signals.tell(order.pk)


def check_charge(charge: dict) -> None:
    """Stripe's own sum of refunds against our rows: one that is missing is awaited."""
    payment = Payment.objects.filter(intent_id=charge["payment_intent"]).first()
    if not payment:
        name = (charge["metadata"] or {}).get("payment", "")
        if name and Payment.objects.filter(idempotency_key=name).exists():
            raise TooEarly(f"{charge['id']} is refunded before it was paid")
        return
    known = payment.refunds.amount("amount_card")
    if charge["amount_refunded"] > known:
        raise TooEarly(f"{charge['amount_refunded']} refunded, {known} known")


def lock_order_of(said: dict) -> tuple[Order, Payment]:
    """The order and payment that something at Stripe is about, the order locked."""
    row = _row_of(said)
    payment = row.payment if row else None
    if not payment and said.get("payment_intent"):
        found = Payment.objects.filter(intent_id=said["payment_intent"])
        payment = found.first()
    if not payment:
        raise TooEarly(f"{said['id']} is about a payment we do not know of")
    order = (
        Order.objects.select_for_update(no_key=True, of=("self",))
        .select_related("user")
        .get(pk=payment.order_id)
    )
    return order, payment


def _row_of(said):
    if said["object"] != "refund":
        return None
    rows = Refund.objects.select_related("payment")
    key = (said["metadata"] or {}).get("refund", "")
    found = rows.filter(stripe_id=said["id"]).first()
    if not found and key:
        found = rows.filter(idempotency_key=key, stripe_id=None).first()
    return found


def _made_elsewhere(order, payment, said):
    return Refund.objects.create(
        order=order,
        payment=payment,
        idempotency_key=f"stripe:{said['id']}",
        stripe_id=said["id"],
        amount_card=said["amount"],
        currency=order.currency,
        origin=Refund.Origin.STRIPE,
        reason=said["reason"] or "Refunded in Stripe's dashboard",
        created_at=moment(said["created"]),
    )


def _turn(refund, order, said, at):
    state = _STATES.get(said["status"], State.PENDING)
    if state == State.FAILED:
        refund.failure_reason = said.get("failure_reason") or "unknown"
    _move(refund, order, state, at)


def _move(refund, order, state, at):
    if state not in _MOVES.get(refund.state, ()):
        return
    is_new = not refund.accepted_at
    refund.state = state
    refund.accepted_at = refund.accepted_at or timezone.now()
    if state == State.FAILED:
        refund.failed_at = at
    refund.save(update_fields=["state", "failure_reason", "accepted_at", "failed_at"])
    if is_new:
        _take_effect(refund, order)
    if state in (State.FAILED, State.CANCELLED):
        _reopen(refund, order)
    _resolve(order)
    signals.tell(order.pk)


def _resolve(order):
    """Failed money went another way if a refund was made since; by all that is known.

    News of the two come in any order, and the second may be called off again.
    """
    accepted = order.refunds.filter(accepted_at__isnull=False)
    stands = accepted.exclude(state=State.CANCELLED)
    for failed in order.refunds.filter(state=State.FAILED):
        since = stands.filter(created_at__gt=failed.failed_at)
        answered = since.exclude(pk=failed.pk).exists()
        if answered != bool(failed.resolved_at):
            failed.resolved_at = timezone.now() if answered else None
            failed.save(update_fields=["resolved_at"])


def _take_effect(refund, order):
    """Once per refund, whatever becomes of its card's part: goods first, then books."""
    restocked = {
        row.line.variant: row.restocked
        for row in refund.lines.select_related("line__variant")
        if row.restocked
    }
    if restocked:
        stock.give_back(
            restocked,
            cause=f"refund:{refund.pk}:return",
            reason=f"Order {order.code} refunded",
        )
    if refund.amount_balance:
        ledger.post(
            key=f"refund:{refund.pk}:credit",
            debit=(None, Kind.SALES),
            credit=(order.user, Kind.WALLET),
            amount=refund.amount_balance,
            currency=refund.currency,
            kind="refund",
            reason="Refunded to you",
            reference=order.code,
            actor=refund.actor,
            restores=balances.spends(order),
        )
    origin = _ORIGINS[refund.origin]
    if refund.cancels and order.status == Order.Status.CONFIRMED:
        order.status, order.cancelled_at = Order.Status.CANCELLED, timezone.now()
        order.save(update_fields=["status", "cancelled_at"])
        timeline.note(
            order,
            "cancelled",
            refund.reason or timeline.CANCELLED,
            actor=refund.actor,
            origin=origin,
            moved=(Order.Status.CONFIRMED, Order.Status.CANCELLED),
        )
    if refund.amount:
        data = {
            "refund": refund.pk,
            "card": refund.amount_card,
            "balance": refund.amount_balance,
        }
        timeline.note(
            order,
            "refunded",
            _words(refund),
            data=data,
            actor=refund.actor,
            origin=origin,
        )
    went = refund.state not in (State.FAILED, State.CANCELLED)
    if went and refund.notifies:
        emails.money_back(refund, order)


def _reopen(refund, order):
    amount = format_money(refund.amount_card, refund.currency)
    word = "came back to us" if refund.state == State.FAILED else "was called off"
    timeline.note(
        order,
        "refund_failed",
        f"The refund of {amount} to the card {word}. We find another way.",
        data={"refund": refund.pk, "because": refund.failure_reason},
        origin=timeline.Origin.STRIPE,
    )


def _words(refund):
    parts = [
        f"{format_money(amount, refund.currency)} to {where}"
        for amount, where in (
            (refund.amount_card, "the card"),
            (refund.amount_balance, "the balance"),
        )
        if amount
    ]
    return "Refunded " + " and ".join(parts)


def moment(stamp: int) -> datetime:
    """A moment as Stripe writes it."""
    return datetime.fromtimestamp(stamp, UTC)
