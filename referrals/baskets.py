"""A member's cart, passed on: what is in it, frozen into a link of the member's own.

The friend opens a copy with today's prices and stock, and nothing goes into their cart
until they say so. The link carries the invitation like any other.
"""

from django.core import signing
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from catalog.models import Variant
from orders import carts
from orders.carts import Contents, Line
from orders.models import Cart
from referrals import links
from referrals.models import ReferralLink

MOST_LINES = 15  # the path of a link has room for so many

_SALT = "referrals.baskets"


class Empty(Exception):
    """There is nothing in the cart that could be bought now."""


def share(user: User, cart: Cart | None) -> ReferralLink:
    """A new link that opens a copy of this cart.

    Raises Empty, and TooMany and NoOffer of `links`.
    """
    lines = carts.contents(cart).buyable[:MOST_LINES]
    if not lines:
        raise Empty
    token = signing.dumps(
        [[line.variant.pk, line.quantity] for line in lines], salt=_SALT
    )
    day = date_format(timezone.localtime(), "j F")
    path = reverse("referrals:basket", args=[token])
    return links.add(user, f"Cart of {day}", path=path)


def read(token: str) -> Contents | None:
    """What was shared, as it stands today; None if we did not sign it. One query.

    What is not sold any more is a line with nothing available.
    """
    try:
        wanted = dict(signing.loads(token, salt=_SALT))
    except (signing.BadSignature, ValueError):
        return None
    variants = Variant.objects.select_related("product__category").in_bulk(wanted)
    return Contents(
        lines=[
            Line(variant, wanted[pk], variant.stock if _is_sold(variant) else 0)
            for pk, variant in sorted(variants.items())
        ]
    )


def put_into(cart: Cart, shared: Contents) -> int:
    """Add what there is to somebody's own cart; how many pieces found no room."""
    missed = 0
    for line in shared.buyable:
        try:
            missed += carts.add(cart, line.variant.sku, line.quantity)[1]
        except carts.NotForSale:
            missed += line.quantity
    return missed


def _is_sold(variant):
    return variant.is_active and variant.product.is_live
