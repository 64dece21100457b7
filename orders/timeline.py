"""What happened to an order, for customers and staff in one append-only list.

Customers read the kinds named here, and the notes that staff wrote for them. A kind
that is not named stays among staff, so a new one is shown to nobody by oversight.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from orders.models import Order, OrderEvent

Origin = OrderEvent.Origin

PUBLIC = {
    "placed",
    "payment_failed",
    "paid",
    "confirmed",
    "expired",
    "cancelled",
    "refunded",
    "refund_failed",
}
CANCELLED = "Cancelled"
_WORDS = {
    "placed": "You placed the order",
    "payment_failed": "Your payment did not go through",
    "confirmed": "We have your order",
}
_CANCELLED_BY = {
    Origin.CUSTOMER: "You cancelled the order",
    Origin.STAFF: "We cancelled the order",
}


@dataclass(frozen=True)
class Step:
    """One step of a drawn timeline; `state` is done, now, todo or stopped."""

    label: str
    state: str
    at: datetime | None = None
    note: str = ""


def note(
    order: Order,
    kind: str,
    text: str,
    *,
    data: dict | None = None,
    actor: User | None = None,
    origin: str = Origin.SHOP,
    moved: tuple[str, str] = ("", ""),
) -> OrderEvent:
    """Write one entry, in the transaction of the change it tells of.

    `moved` is the order's state before and after, when the entry tells of a move.
    """
    before, after = moved
    return OrderEvent.objects.create(
        order=order,
        kind=kind,
        text=text,
        before=before,
        after=after,
        origin=origin,
        data=data or {},
        actor=actor,
        is_public=kind in PUBLIC,
    )


def remark(order: Order, text: str, actor: User, *, public: bool) -> OrderEvent:
    """What somebody of the staff wants to be kept, for the customer too if `public`."""
    return OrderEvent.objects.create(
        order=order,
        kind="note",
        text=text,
        origin=Origin.STAFF,
        actor=actor,
        is_public=public,
    )


def told(events: Iterable[OrderEvent]) -> list[Step]:
    """Public entries as steps of "What happened", in words for the customer."""
    return [_step(event) for event in events]


def _step(event):
    if event.kind == "note":
        return Step("From us", "done", event.created_at, event.text)
    if event.kind == "cancelled":
        label = _CANCELLED_BY.get(event.origin, CANCELLED)
        why = "" if event.text == CANCELLED else event.text
        return Step(label, "stopped", event.created_at, why)
    state = "stopped" if event.kind in ("expired", "payment_failed") else "done"
    return Step(_WORDS.get(event.kind, event.text), state, event.created_at)


def ahead(order: Order) -> list[Step]:
    """Where a confirmed order stands and what comes next; nothing for any other."""
    if order.status != Order.Status.CONFIRMED:
        return []
    on_the_way = f"{order.shipping_days} on the way" if order.shipping_days else ""
    return [
        Step("Paid", "done", order.confirmed_at),
        Step("Packing", "now", note="On our bench"),
        # How long the way is, not when it ends: a week later that is true, too.
        Step("With you", "todo", note=on_the_way),
    ]
