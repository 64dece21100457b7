"""The way from cart to parcel."""

from orders.models.cart import Cart, CartLine
from orders.models.order import (
    Order,
    OrderAddress,
    OrderDiscount,
    OrderEvent,
    OrderLine,
)
from orders.models.payment import Payment, StripeEvent
from orders.models.refund import Dispute, Refund, RefundLine
from orders.models.shipping import ShippingMethod, ShippingZone

__all__ = [
    "Cart",
    "CartLine",
    "Dispute",
    "Order",
    "OrderAddress",
    "OrderDiscount",
    "OrderEvent",
    "OrderLine",
    "Payment",
    "Refund",
    "RefundLine",
    "ShippingMethod",
    "ShippingZone",
    "StripeEvent",
]
