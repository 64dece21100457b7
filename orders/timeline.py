"""What happened to an order, for customers and staff in one append-only list."""

from accounts.models import User
from orders.models import Order, OrderEvent


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
