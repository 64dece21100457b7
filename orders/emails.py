"""Every message a buyer receives."""

from django.conf import settings

from accounts import addresses
from orders.models import Order, Refund
from shop.kit import mail


def order_confirmed(order: Order) -> None:
    """Thank the buyer: what was bought, what it cost, where it goes."""
    mail.write(
        "order_confirmed",
        f"order:{order.pk}",
        order.email,
        "order_confirmed",
        {
            "order": order,
            "lines": list(order.lines.all()),
            "discounts": list(order.discounts.all()),
            "address_lines": addresses.written(order.address),
            "url": settings.SITE_URL + order.get_absolute_url(),
        },
    )


def order_link(order: Order, *, asked_at: str) -> None:
    """Send a guest the link to an order they asked for; once per minute of asking."""
    mail.write(
        "order_link",
        f"order:{order.pk}:{asked_at}",
        order.email,
        "order_link",
        {"order": order, "url": settings.SITE_URL + order.get_absolute_url()},
    )


def money_back(refund: Refund, order: Order) -> None:
    """What comes back and where; for a cancelled or a sold-out order, why."""
    kind = "refunded"
    if refund.cancels:
        kind = "cancelled"
    elif refund.origin == Refund.Origin.AUTOMATIC:
        kind = "sold_out_after_payment"
    mail.write(
        kind,
        f"refund:{refund.pk}",
        order.email,
        kind,
        {
            "order": order,
            "refund": refund,
            "card": refund.payment.card if refund.payment else "",
            "url": settings.SITE_URL + order.get_absolute_url(),
        },
    )
