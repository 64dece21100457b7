"""The arrows of the state diagram: confirm, expire, cancel; each at most once."""

from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone

from accounts import ledger
from accounts.models import User
from catalog import stock
from orders import balances, carts, emails, reversals, signals, timeline
from orders.models import Order, OrderDiscount, Payment

Status = Order.Status


class PageOpen(Exception):
    """The order has a page at Stripe that can be paid: close it there first."""


def confirm_order(order_id: int) -> Order:
    """Make an order that is paid, or owes nothing, count. Safe to repeat and to race.

    Called for every message that says "paid"; only the first does anything. Late money
    (the order expired or was cancelled) confirms when its stock and balance can be
    taken once more; otherwise all of it goes back, and a person looks at the order.
    """
    with transaction.atomic():
        order = _lock(order_id)
        # One that was cancelled after it counted is not bought by a repeated message.
        if order.confirmed_at or not _is_covered(order):
            return order
        late = order.status != Status.PENDING
        if late and _is_gift_used(order):
            _refuse(order, "Paid late, and another order has used its discount since.")
            return order
        if late and not _take_again(order):
            _refuse(order, "Paid after the goods were given back, and they are gone.")
            return order
        balances.capture(order)
        before = order.status
        order.status, order.confirmed_at = Status.CONFIRMED, timezone.now()
        order.save(update_fields=["status", "confirmed_at"])
        prefetch_related_objects([order], "lines")
        carts.forget_ordered(order)
        timeline.note(
            order,
            "confirmed",
            "Order confirmed",
            data={"late": late},
            moved=(before, order.status),
        )
        emails.order_confirmed(order)
        signals.tell(order.pk)
    return order


def expire_order(order_id: int) -> Order:
    """Give stock and balance of an unpaid order back; leave any other alone.

    Raises PageOpen when the customer has opened another page meanwhile.
    """
    with transaction.atomic():
        order, closed = _close(order_id, Status.EXPIRED, "Not paid in time")
        if closed:
            emails.order_expired(order)
    return order


def cancel_order(
    order_id: int,
    *,
    reason: str,
    actor: User | None = None,
    origin: str = timeline.Origin.SHOP,
    notifies: bool = False,
) -> Order:
    """Take an unpaid order back, with its stock and balance; leave any other alone.

    Its page at Stripe is closed before: see `cancellations`. Raises PageOpen when the
    customer has opened another one since.
    """
    with transaction.atomic():
        order, closed = _close(order_id, Status.CANCELLED, reason, actor, origin)
        if closed and notifies:
            emails.order_cancelled(order, reason)
    return order


def cancel_refunded(order: Order, *, reason: str, actor: User) -> None:
    """Take back a pending order whose money all went back; leave any other alone.

    The caller holds the order's lock, and has seen that no money is left. Raises
    PageOpen.
    """
    if order.status == Status.PENDING:
        _undo(order, Status.CANCELLED, reason, actor, timeline.Origin.STAFF)


def hold(order: Order, reason: str) -> None:
    """Put an order before a person: its money is recorded, nothing else follows.

    The caller holds the order's lock. The first reason stays.
    """
    if order.held_at:
        return
    order.held_at, order.held_because = timezone.now(), reason
    order.save(update_fields=["held_at", "held_because"])
    timeline.note(order, "held", reason)
    signals.tell(order.pk)


def _refuse(order, reason):
    """Late money cannot buy any more: it goes back, and a person hears of it."""
    if not order.held_at:
        reversals.promise(order, reason)
        hold(order, reason)


def _lock(order_id):
    return (
        Order.objects.select_for_update(no_key=True, of=("self",))
        .select_related("user")
        .get(pk=order_id)
    )


def _is_covered(order):
    if not order.amount_due:
        return True
    return order.payments.filter(status=Payment.Status.PAID).exists()


def _close(order_id, status, text, actor=None, origin=timeline.Origin.SHOP):
    """The order, and whether it was unpaid and is closed now."""
    order = _lock(order_id)
    if order.status != Status.PENDING or _is_covered(order):
        return order, False
    _undo(order, status, text, actor, origin)
    return order, True


def _undo(order, status, text, actor, origin):
    """Goods and balance of a pending order go back."""
    _close_attempts(order)
    before, order.status = order.status, status
    moment = "expired_at" if status == Status.EXPIRED else "cancelled_at"
    setattr(order, moment, timezone.now())
    order.save(update_fields=["status", moment])
    stock.give_back(
        _quantities(order),
        cause=f"order:{order.pk}:return",
        reason=f"Order {order.code} {status}",
    )
    balances.give_back(order)
    timeline.note(
        order, status, text, actor=actor, origin=origin, moved=(before, status)
    )
    signals.tell(order.pk)


def _close_attempts(order):
    """Attempts without a page end here; one that has a page only Stripe can end.

    The statement decides: an attempt that notes its page at this moment is either seen
    by it, or finds itself closed and closes its page (see `payments.start`).
    """
    order.payments.filter(session_id=None).close()
    if order.payments.filter(status=Payment.Status.OPEN).exists():
        raise PageOpen(order.code)


def _take_again(order):
    """Stock and balance of a closed order, all or nothing; False when they are gone."""
    try:
        with transaction.atomic():
            stock.take(
                _quantities(order),
                cause=f"order:{order.pk}:retake",
                reason=f"Order {order.code} paid late",
            )
            balances.hold_again(order)
    except (stock.OutOfStock, ledger.InsufficientBalance):
        return False
    return True


def _is_gift_used(order):
    """Whether a discount of this order also came off another that counts."""
    return any(
        OrderDiscount.objects.filter(
            source=discount.source,
            reference=discount.reference,
            order__status=Status.CONFIRMED,
        ).exists()
        for discount in order.discounts.all()
    )


def _quantities(order):
    return {
        line.variant: line.quantity for line in order.lines.select_related("variant")
    }
