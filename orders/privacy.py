"""A person's orders, for them to take along. They are the shop's books, and stay."""

from django.db.models import Q

from accounts.models import User
from orders.models import Cart, Order
from shop.kit import mail


def export(user: User) -> dict:
    """What the shop knows of this person's orders, as plain data."""
    orders = Order.objects.filter(user=user).select_related("address")
    return {
        "orders": [
            {
                "code": order.code,
                "placed_at": order.placed_at.isoformat(timespec="seconds"),
                "status": order.status,
                "email": order.email,
                "currency": order.currency,
                "amount_total": order.amount_total,
                "amount_balance": order.amount_balance,
                "sent_to": str(getattr(order, "address", "")),
                "lines": [
                    {"product": line.product_name, "quantity": line.quantity}
                    for line in order.lines.all()
                ],
            }
            for order in orders.prefetch_related("lines").order_by("placed_at")
        ]
    }


def erase(user: User) -> None:
    """What was only meant to be bought is nobody's; mails on orders are forgotten."""
    Cart.objects.filter(user=user).delete()
    codes = Order.objects.filter(user=user).values("code")
    mail.forget(Q(reference__in=codes))


def pending(user: User) -> dict[str, int]:
    """Nothing is on its way to a person by what they bought themselves."""
    return {}
