"""Orders that wait for a person's look: the ways out, each taken once, with a reason.

An order is held when money came that does not fit. Nothing follows by itself; here
staff say what it means. What they decide covers the money that had come by then: the
same message from Stripe once more changes nothing, new money holds the order again.
"""

from dataclasses import dataclass

from django.db import models, transaction
from django.utils import timezone

from accounts.models import User
from orders import confirmation, payments, refunds, signals, timeline
from orders.models import Dispute, Order, Payment
from shop.kit.money import format_money

# The customer reads it where the refund is told.
GOES_BACK = "Your payment did not fit the order, so all of it goes back to you."


class Way(models.TextChoices):
    CONFIRM = "confirm", "The money is right after all: confirm the order"
    REFUND = "refund", "Refund everything and close the order"
    LEAVE = "leave", "Looked at: leave it as it is"


class AlreadyDecided(Exception):
    """The order is not as it was shown: somebody decided, or more money came."""


class CannotConfirm(Exception):
    """What the order needs is gone; the message is for a person."""


@dataclass(frozen=True)
class Look:
    """What there is to decide about a held order; amounts in minor units.

    `version` stands for what was seen: a decision is about exactly that.
    """

    order: Order
    received: int
    returned: int
    lost: int
    ways: tuple[Way, ...]
    version: str

    @property
    def left(self) -> int:
        return self.received - self.returned - self.lost

    @property
    def sums(self) -> list[tuple[str, str]]:
        """Each figure with its label, as people write money."""
        order = self.order
        figures = [
            ("Due by card", order.amount_due),
            ("Received", self.received),
            ("Given back", self.returned),
            ("Left with us", self.left),
        ]
        if self.lost:
            figures.insert(3, ("Taken back by the bank", self.lost))
        if order.amount_balance:
            figures.insert(0, ("Paid by balance", order.amount_balance))
        return [(label, format_money(sum_, order.currency)) for label, sum_ in figures]


def look(order: Order) -> Look:
    """What came, what went back, and which ways are open. Writes nothing."""
    paid = order.payments.filter(status=Payment.Status.PAID)
    received = sum(paid.values_list("amount_received", flat=True))
    returned = order.refunds.standing().amount("amount_card")
    lost = Dispute.objects.lost_by(payment__order=order)
    sums = f"{received}-{returned}-{lost}"
    return Look(
        order=order,
        received=received,
        returned=returned,
        lost=lost,
        ways=tuple(_ways(order, received, returned + lost)),
        version=f"{order.held_at:%Y%m%d%H%M%S%f}-{order.status}-{sums}"
        if order.held_at
        else "",
    )


def confirm(seen: Look, *, actor: User, reason: str) -> Order:
    """The money is right after all: the order counts, as if it had matched.

    Raises AlreadyDecided, and CannotConfirm when its goods, its balance or its
    discount are gone; then nothing is changed.
    """
    with transaction.atomic():
        order = _lift(seen, Way.CONFIRM, actor, reason)
        order = confirmation.confirm_order(order.pk)
        if order.status != Order.Status.CONFIRMED:
            raise CannotConfirm(order.held_because)
    return order


def leave(seen: Look, *, actor: User, reason: str) -> Order:
    """Nothing more is to be done about it. Raises AlreadyDecided."""
    with transaction.atomic():
        return _lift(seen, Way.LEAVE, actor, reason)


def refund(seen: Look, *, actor: User, reason: str) -> Order:
    """All that is left goes back, payment by payment; then the order is closed.

    Raises AlreadyDecided, and what `refunds.execute` raises: until all the money is on
    its way the order stays held, and the same may be asked for again.
    """
    order = seen.order
    if look(_fresh(order)).version != seen.version:
        raise AlreadyDecided(order.code)
    for payment in order.payments.filter(status=Payment.Status.PAID):
        try:
            plan = refunds.plan(
                order,
                refunds.Wish(everything=True, payment=payment.pk, reason=GOES_BACK),
            )
        except refunds.NotRefundable:
            if _is_left(payment):
                raise
            continue  # this one went back before
        try:
            refunds.execute(plan, actor)
        except refunds.FactsChanged as error:
            raise AlreadyDecided(order.code) from error
    try:
        payments.close(order)  # a second page of the order may still be open
    except payments.AlreadyPaid as error:
        raise AlreadyDecided(order.code) from error
    with transaction.atomic():
        now = look(_fresh(order, lock=True))
        if now.left > 0:
            raise AlreadyDecided(order.code)
        order = _lift(now, Way.REFUND, actor, reason)
        confirmation.cancel_refunded(order, reason=timeline.CANCELLED, actor=actor)
    return order


def _ways(order, received, gone):
    is_new = order.confirmed_at is None
    if not order.held_at:
        return
    if is_new and received and not gone:
        yield Way.CONFIRM
    if is_new and received:
        yield Way.REFUND
    # An order that still waits would only be held up: it has to end one way or other.
    if order.status != Order.Status.PENDING:
        yield Way.LEAVE


def _lift(seen, way, actor, reason):
    order = _fresh(seen.order, lock=True)
    now = look(order)
    if now.version != seen.version or way not in now.ways:
        raise AlreadyDecided(order.code)
    because = order.held_because
    order.held_at, order.held_because = None, ""
    order.reviewed_at = timezone.now()
    order.save(update_fields=["held_at", "held_because", "reviewed_at"])
    timeline.note(
        order,
        f"review_{way.value}",
        f"{way.label}. Reason: {reason}"[:250],
        data={"held_because": because, "received": now.received, "reason": reason},
        actor=actor,
        origin=timeline.Origin.STAFF,
    )
    signals.tell(order.pk)
    return order


def _fresh(order, lock=False):
    rows = Order.objects.select_related("user")
    if lock:
        rows = rows.select_for_update(no_key=True, of=("self",))
    return rows.get(pk=order.pk)


def _is_left(payment):
    given = payment.refunds.standing().amount("amount_card")
    return payment.amount_received > given + Dispute.objects.lost_by(payment=payment)
