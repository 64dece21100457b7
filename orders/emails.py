"""Every message a buyer receives.

A refused card is not among them: it is told on Stripe's page, to whoever typed it.
"""

from django.conf import settings

from accounts import addresses
from orders.models import CartLine, Order, Payment, Refund
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
            "url": _url(order),
        },
        reference=order.code,
    )


def payment_failed(payment: Payment, order: Order) -> None:
    """Money that was on its way did not come; the order waits to be paid again."""
    mail.write(
        "payment_failed",
        f"payment:{payment.pk}",
        order.email,
        "payment_failed",
        {"order": order, "url": _url(order)},
        reference=order.code,
    )


def order_expired(order: Order) -> None:
    """Not paid in time: nothing was charged, and the way back is one press.

    Sent to those who had got as far as the card page, for they may wonder whether they
    paid; not to somebody who has ordered anew since.
    """
    if not order.payments.exclude(session_id=None).exists():
        return
    later = Order.objects.filter(email=order.email, placed_at__gt=order.placed_at)
    if later.filter(status__in=["pending", "confirmed"]).exists():
        return
    mail.write(
        "order_expired",
        f"order:{order.pk}",
        order.email,
        "order_expired",
        {
            "order": order,
            "has_cart": CartLine.objects.filter(cart=order.cart_id).exists(),
            "url": _url(order),
        },
        reference=order.code,
    )


def order_cancelled(order: Order, reason: str) -> None:
    """An unpaid order was taken back by the shop, for this reason."""
    mail.write(
        "cancelled",
        f"order:{order.pk}",
        order.email,
        "cancelled",
        {"order": order, "refund": None, "reason": reason, "url": _url(order)},
        reference=order.code,
    )


def order_link(order: Order, *, asked_at: str) -> None:
    """Send a guest the link to an order they asked for; once per minute of asking."""
    mail.write(
        "order_link",
        f"order:{order.pk}:{asked_at}",
        order.email,
        "order_link",
        {"order": order, "url": _url(order)},
        reference=order.code,
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
            # Of Stripe's dashboard it is a word of Stripe's; of the shop, ours.
            "reason": refund.reason if refund.origin == Refund.Origin.STAFF else "",
            "url": _url(order),
        },
        reference=order.code,
    )


def _url(order):
    return settings.SITE_URL + order.get_absolute_url()
