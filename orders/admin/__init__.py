"""What staff see on the way from cart to parcel."""

from orders.admin import carts, delivery, orders, payments, refunds  # noqa: F401
