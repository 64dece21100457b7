"""What happened to an order, for customers and staff in one append-only list."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from orders.models import Order, OrderEvent


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
    public: bool = True,
) -> OrderEvent:
    """Write one entry, in the transaction of the change it tells of."""
    return OrderEvent.objects.create(
        order=order,
        kind=kind,
        text=text,
        data=data or {},
        actor=actor,
        is_public=public,
    )


def told(events: Iterable[OrderEvent]) -> list[Step]:
    """Entries as steps of "What happened"."""
    ended = ("expired", "cancelled")
    return [
        Step(event.text, "stopped" if event.kind in ended else "done", event.created_at)
        for event in events
    ]


def ahead(order: Order) -> list[Step]:
    """Where a confirmed order stands and what comes next; nothing for any other."""
    if order.status != Order.Status.CONFIRMED:
        return []
    return [
        Step("Paid", "done", order.confirmed_at),
        Step("Packing", "now", note="On our bench"),
        Step("With you", "todo", note=f"In {order.shipping_days}"),
    ]
