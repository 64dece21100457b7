"""Pressing "pay": place the order, close the one a changed cart leaves behind."""

from django.utils import timezone

from accounts.models import Address, User
from orders import cancellations, checkout, payments, timeline
from orders.models import Cart, Order


def place(cart: Cart, user: User | None, details: checkout.Details) -> Order:
    """The order to pay now. Raises as `checkout.place_order` and `payments.close` do.

    A cart has one open order. If it changed, the old order's page at Stripe is closed
    first (no transaction is open meanwhile), then its stock and balance return, then
    the new one is placed. If the old one turns out to be paid, it is the order: nothing
    is bought twice.
    """
    try:
        return checkout.place_order(cart, user, details)
    except checkout.OtherOrderOpen as other:
        try:
            cancellations.cancel_unpaid(
                other.order,
                reason="The cart was changed",
                actor=user,
                origin=timeline.Origin.CUSTOMER,
            )
        except payments.AlreadyPaid:
            return Order.objects.get(pk=other.order.pk)
    return checkout.place_order(cart, user, details)


def keep_address(user: User, address: dict[str, str]) -> None:
    """Keep an address for next time; the same one is kept once."""
    kept, created = Address.objects.get_or_create(user=user, **address)
    if not created:
        Address.objects.filter(pk=kept.pk).update(used_at=timezone.now())
