"""A member's cart, passed on: what they picked of it, behind a link of their own.

The friend opens a copy with today's prices and stock, and nothing goes into their cart
until they say so. The link carries the invitation like any other.
"""

import hashlib
import json
import secrets

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from orders import carts
from orders.carts import Contents, Line
from orders.models import Cart
from referrals import bare, links
from referrals.models import ReferralLink, SharedCart, SharedCartLine

MOST_LINES = 100


class Empty(Exception):
    """There is nothing in the cart that could be bought now."""


class TooLong(Exception):
    """More was picked than one page shows."""


def share(
    user: User, lines: list[Line], *, picked: set[int] | None = None, note: str = ""
) -> ReferralLink:
    """A link that opens a copy of these lines, or of those whose variants are picked.

    The same things with the same note have one link, however often they are shared.
    Raises Empty, TooLong, and TooMany and NoOffer of `links`.
    """
    chosen = {
        line.variant.pk: line.quantity
        for line in lines
        if picked is None or line.variant.pk in picked
    }
    if not chosen:
        raise Empty
    if len(chosen) > MOST_LINES:
        raise TooLong
    note = bare.words(note)
    content = hashlib.sha256(json.dumps([sorted(chosen.items()), note]).encode())
    with transaction.atomic():
        # The lock: two tabs that share the same cart get the same link.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        known = ReferralLink.objects.with_code().filter(
            owner=user,
            disabled_at=None,
            shared_cart__content_hash=content.hexdigest(),
        )
        return known.first() or _made(user, chosen, note, content.hexdigest())


def read(token: str) -> SharedCart | None:
    """What was shared; None if there is no such cart (any more)."""
    return SharedCart.objects.filter(token=token).first() if len(token) < 30 else None


def contents(shared: SharedCart) -> Contents:
    """It as it stands today. One query.

    What is not sold any more is a line with nothing available.
    """
    lines = shared.lines.select_related("variant__product__category").order_by("pk")
    return Contents(
        lines=[
            Line(
                line.variant,
                line.quantity,
                line.variant.stock if _is_sold(line.variant) else 0,
            )
            for line in lines
        ]
    )


def put_into(cart: Cart, shared: SharedCart) -> int:
    """Add what there is to somebody's own cart; how many pieces found no room."""
    missed = 0
    for line in contents(shared).buyable:
        try:
            missed += carts.add(cart, line.variant.sku, line.quantity)[1]
        except carts.NotForSale:
            missed += line.quantity
    return missed


def is_one(link: ReferralLink) -> bool:
    """Whether this link opens a cart: then it is for whomever the member chose."""
    return link.path.startswith(reverse("referrals:share_basket"))


def _made(user, chosen, note, content_hash):
    token = secrets.token_urlsafe(9)
    day = date_format(timezone.localtime(), "j F")
    path = reverse("referrals:basket", args=[token])
    link = links.add(user, f"Cart of {day}", path=path)
    cart = SharedCart.objects.create(
        link=link, token=token, content_hash=content_hash, note=note
    )
    SharedCartLine.objects.bulk_create(
        SharedCartLine(cart=cart, variant_id=pk, quantity=quantity)
        for pk, quantity in chosen.items()
    )
    return link


def _is_sold(variant):
    return variant.is_active and variant.product.is_live
