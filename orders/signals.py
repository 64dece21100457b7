"""Facts that orders tell upwards, always after commit.

Each is sent with `send_robust` and carries `order_id`. A receiver that fails delays
what it would have done, never the order: a regular sweep finds what was missed.

Steps are told by the views, with the `request`, for whoever wants to know which browser
took them. Nothing may depend on a step: it is told once, and a crash forgets it.
"""

from django.db import transaction
from django.dispatch import Signal

# An order's money or state is different now: placed, confirmed, expired, cancelled.
order_facts_changed = Signal()

# An order counts that balance has paid a part of: `order_id`, once, after commit.
balance_spent = Signal()

# Somebody put something into the cart: `request`, `sku`.
line_added = Signal()
# Somebody looks at the checkout with something to buy: `request`.
checkout_started = Signal()
# Somebody pressed "pay", and the order stands: `request`, `order_id`.
order_placed = Signal()


def tell(order_id: int, signal: Signal = order_facts_changed) -> None:
    """Send a fact of an order once the running transaction has committed."""
    transaction.on_commit(
        lambda: signal.send_robust(sender=None, order_id=order_id), robust=True
    )
