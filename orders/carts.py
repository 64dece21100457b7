"""Carts: open, add, change, merge. The only room below a view that knows a cookie.

Amounts are never stored here; a cart prints what its variants cost right now. Nothing
is written on a GET: a line that asks for more than there is says so and counts what
there is.
"""

import secrets
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import or_

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import User
from catalog.images import Picture
from catalog.models import Variant
from orders.models import Cart, CartLine, Order, OrderLine

COOKIE = "tandem_cart"
COOKIE_SECONDS = 60 * 60 * 24 * 30


class NotForSale(Exception):
    """The variant does not exist, or is not sold any more."""


@dataclass(frozen=True)
class Line:
    """A line as it stands: `wanted` was asked for, `quantity` is what there is."""

    variant: Variant
    wanted: int
    available: int

    @property
    def quantity(self) -> int:
        return min(self.wanted, self.available, settings.MAX_PER_LINE)

    @property
    def is_sold_out(self) -> bool:
        return self.available <= 0

    @property
    def is_short(self) -> bool:
        return 0 < self.quantity < self.wanted

    @property
    def is_low(self) -> bool:
        return 0 < self.available <= settings.LOW_STOCK_FROM

    @property
    def most(self) -> int:
        return min(self.available, settings.MAX_PER_LINE)

    @property
    def amount(self) -> int:
        return self.variant.amount * self.quantity

    @property
    def image(self) -> Picture | None:
        pictures = self.variant.product.pictures
        own = [picture for picture in pictures if picture.variant == self.variant.pk]
        return (own or pictures or [None])[0]


@dataclass(frozen=True)
class Contents:
    """What a cart holds now, sold-out lines included; they count for nothing."""

    cart: Cart | None = None
    lines: list[Line] = field(default_factory=list)

    @cached_property
    def buyable(self) -> list[Line]:
        return [line for line in self.lines if line.quantity > 0]

    @property
    def count(self) -> int:
        return sum(line.quantity for line in self.buyable)

    @property
    def amount_goods(self) -> int:
        return sum(line.amount for line in self.buyable)

    @property
    def changed(self) -> bool:
        return any(line.is_short or line.is_sold_out for line in self.lines)


def current(request) -> Cart | None:
    """The visitor's cart, if there is one; looking does not make one."""
    if request.user.is_authenticated:
        return Cart.objects.filter(user=request.user).first()
    return guest_cart(request)


def guest_cart(request) -> Cart | None:
    """The cart that the browser's cookie opens, whoever is signed in."""
    token = request.COOKIES.get(COOKIE, "")
    return Cart.objects.filter(token_hash=_hash(token)).first() if token else None


def open_for(request) -> Cart:
    """The visitor's cart, made if need be; pass the response to `remember` then."""
    cart = current(request)
    if cart:
        return cart
    if request.user.is_authenticated:
        return _cart_of(request.user)
    request.new_cart_token = secrets.token_urlsafe(24)
    return Cart.objects.create(token_hash=_hash(request.new_cart_token))


def remember(request, response) -> None:
    """Plant the cookie of a cart that this request opened."""
    token = getattr(request, "new_cart_token", None)
    if token:
        response.set_cookie(
            COOKIE,
            token,
            max_age=COOKIE_SECONDS,
            httponly=True,
            secure=settings.HTTPS,
            samesite="Lax",
        )
    return response


def contents(cart: Cart | None) -> Contents:
    """The lines with what they need to be shown, in one query.

    Pieces that the cart's own unpaid order has taken count as available to it: nobody
    is told "sold out" because of the order they are about to pay.
    """
    if not cart:
        return Contents()
    own = OrderLine.objects.filter(
        order__cart=cart,
        order__status=Order.Status.PENDING,
        variant=OuterRef("variant"),
    )
    lines = cart.lines.select_related("variant__product").annotate(
        own=Coalesce(Subquery(own.values("quantity")[:1]), 0)
    )
    return Contents(
        cart,
        [
            Line(
                line.variant,
                line.quantity,
                line.variant.stock + line.own if _is_sold(line.variant) else 0,
            )
            for line in lines
        ],
    )


def count(request) -> int:
    """How many pieces the visitor's cart asks for, for the header. One query."""
    token = request.COOKIES.get(COOKIE, "")
    if request.user.is_authenticated:
        lines = CartLine.objects.filter(cart__user=request.user)
    elif token:
        lines = CartLine.objects.filter(cart__token_hash=_hash(token))
    else:
        return 0
    return sum(lines.values_list("quantity", flat=True))


def add(cart: Cart, sku: str, quantity: int) -> tuple[CartLine, int]:
    """Add pieces; the line, and how many could not be added. Raises NotForSale."""
    with transaction.atomic():
        _lock(cart)
        variant = _for_sale(sku)
        line = cart.lines.filter(variant=variant).first()
        before = line.quantity if line else 0
        there = variant.stock + _in_open_order(cart).get(variant.pk, 0)
        after = min(before + quantity, max(there, 1), settings.MAX_PER_LINE)
        # A cart that already asks for more than there is left keeps what it asked for.
        after = max(after, before)
        line = _set(cart, variant, after)
    return line, before + quantity - after


def change(cart: Cart, sku: str, quantity: int) -> None:
    """Set how many of a variant the cart holds; 0 removes it, unknown ones pass."""
    with transaction.atomic():
        _lock(cart)
        line = cart.lines.select_related("variant").filter(variant__sku=sku).first()
        if not line:
            return
        if quantity <= 0:
            line.delete()
        else:
            _set(cart, line.variant, min(quantity, settings.MAX_PER_LINE))


def merge(guest: Cart, user: User) -> list[str]:
    """Make a guest's cart the user's, or pour it in; sentences about what was not kept.

    Happens once: the guest's cart is gone afterwards, and its cookie opens nothing.
    """
    with transaction.atomic():
        guest = (
            Cart.objects.select_for_update(no_key=True)
            .filter(pk=guest.pk, user=None)
            .first()
        )
        if not guest:
            return []
        own = Cart.objects.select_for_update(no_key=True).filter(user=user).first()
        if not own:
            guest.user, guest.token_hash = user, None
            guest.save(update_fields=["user", "token_hash"])
            return []
        # Before any line: a payment that arrives now locks its order first, too.
        _bring_open_order(_locked_orders(guest, own), guest, own)
        taken = _in_open_order(own)
        said = []
        for line in guest.lines.select_related("variant__product"):
            before = own.lines.filter(variant=line.variant).first()
            wanted = line.quantity + (before.quantity if before else 0)
            there = line.variant.stock + taken.get(line.variant_id, 0)
            kept = max(min(wanted, there, settings.MAX_PER_LINE), 1)
            _set(own, line.variant, kept)
            if kept < wanted:
                said.append(f"{line.variant}: {kept} of the {wanted} you asked for.")
        guest.delete()
    return said


def forget_ordered(order: Order) -> None:
    """Take what an order bought out of its cart, and leave what was added since."""
    if not order.cart_id:
        return
    bought = {line.variant_id: line.quantity for line in order.lines.all()}
    lines = CartLine.objects.filter(cart=order.cart_id)
    # Conditional statements, for another tab may be adding to the same lines.
    whole = [
        Q(variant=variant, quantity__lte=quantity)
        for variant, quantity in bought.items()
    ]
    gone, _ = lines.filter(reduce(or_, whole)).delete()
    if gone == len(bought):
        return
    for line in lines.filter(variant__in=bought):
        quantity = bought[line.variant_id]
        lines.filter(pk=line.pk, quantity__gt=quantity).update(
            quantity=F("quantity") - quantity
        )


def _hash(token):
    return salted_hmac("orders.carts", token, algorithm="sha256").hexdigest()


def _cart_of(user):
    try:
        with transaction.atomic():
            return Cart.objects.create(user=user)
    except IntegrityError:  # another tab opened it a moment ago
        return Cart.objects.get(user=user)


def _lock(cart):
    Cart.objects.select_for_update(no_key=True).get(pk=cart.pk)
    Cart.objects.filter(pk=cart.pk).update(updated_at=timezone.now())


def _in_open_order(cart):
    """What the cart's own unpaid order has taken from the shelf, by variant."""
    lines = OrderLine.objects.filter(
        order__cart=cart, order__status=Order.Status.PENDING
    )
    return dict(lines.values_list("variant_id", "quantity"))


def _locked_orders(guest, own):
    """The orders that a merge writes, or whose late payment would take lines away.

    The guest's all lose their cart with it, those that ended too.
    """
    orders = Order.objects.filter(Q(cart=guest) | Q(cart=own, confirmed_at=None))
    return list(orders.select_for_update(no_key=True).order_by("pk"))


def _bring_open_order(orders, guest, own):
    """The guest's unpaid order becomes the own cart's, unless that one has its own."""
    open_orders = [each for each in orders if each.status == Order.Status.PENDING]
    if [order.cart_id for order in open_orders] == [guest.pk]:
        Order.objects.filter(pk=open_orders[0].pk).update(cart=own)


def _for_sale(sku):
    variant = (
        Variant.objects.select_related("product")
        .filter(sku=sku, is_active=True)
        .first()
    )
    if not variant or not _is_sold(variant):
        raise NotForSale(sku)
    return variant


def _is_sold(variant):
    product = variant.product
    return (
        variant.is_active
        and product.status == product.Status.LIVE
        and product.published_at <= timezone.now()
    )


def _set(cart, variant, quantity):
    line, _ = CartLine.objects.update_or_create(
        cart=cart, variant=variant, defaults={"quantity": quantity}
    )
    return line
