"""Pages from cart to order, one file per stretch of the way."""

from orders.views.cancel import cancel
from orders.views.cart import add_to_cart, cart, change_cart
from orders.views.checkout import checkout, checkout_return, pay
from orders.views.history import find_order, history, order
from orders.views.stripe import stripe_webhook

__all__ = [
    "add_to_cart",
    "cancel",
    "cart",
    "change_cart",
    "checkout",
    "checkout_return",
    "find_order",
    "history",
    "order",
    "pay",
    "stripe_webhook",
]
