"""A cart becomes an order: priced, taken off the shelf and frozen in one go."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import ledger
from accounts.models import User
from catalog import stock
from catalog.models import Variant
from orders import (
    balances,
    carts,
    confirmation,
    discounts,
    pricing,
    shipping,
    signals,
    timeline,
)
from orders.models import (
    Cart,
    Order,
    OrderAddress,
    OrderDiscount,
    OrderLine,
    Payment,
    ShippingMethod,
)
from shop.kit.currencies import MAXIMUM_CHARGE, minimum_charge

# No I, L, O, U, 0 or 1: nothing that is misread aloud or from a screen.
CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


class CartEmpty(Exception):
    """Nothing in the cart can be bought."""


class TotalsChanged(Exception):
    """The order would cost other than the customer saw. `due` is the amount now."""

    def __init__(self, due: int):
        super().__init__(f"due is {due} now")
        self.due = due


class TooSmall(Exception):
    """What is left for the card is less than a card can be charged."""


class TooLarge(Exception):
    """What is left for the card is more than a card can be charged at once."""


class OtherOrderOpen(Exception):
    """The cart changed while an `order` placed from it waits for its payment."""

    def __init__(self, order: Order):
        super().__init__(order.code)
        self.order = order


@dataclass(frozen=True)
class Details:
    """What the customer decided, beside what is in the cart.

    `balance` is the most of the account balance to use, None for as much as helps;
    `expected_total` and `expected_due` are what the page said the order comes to and
    what the card would pay of it.
    """

    email: str
    address: dict[str, str]
    balance: int | None = None
    expected_total: int | None = None
    expected_due: int | None = None


def quote(
    contents: carts.Contents,
    user: User | None,
    method: ShippingMethod,
    balance: int | None,
    *,
    has: int | None = None,
) -> pricing.Totals:
    """What the cart would cost now, sent by `method`.

    `balance` is the most to use of the customer's, None for as much as helps; `has`
    what is `spendable`, if the caller has just asked.
    """
    goods = contents.amount_goods
    cost = shipping.amount(method, goods)
    usable = _usable(user, balance, contents.cart, has)
    basket = discounts.Basket(
        user, settings.SHOP_CURRENCY, goods, min(usable, goods + cost)
    )
    return pricing.add_up(
        [line.amount for line in contents.buyable],
        currency=settings.SHOP_CURRENCY,
        shipping=cost,
        discounts=discounts.offered(basket),
        balance=usable,
    )


def place_order(cart: Cart, user: User | None, details: Details) -> Order:
    """Turn a cart into an order that is paid, or waits for its payment.

    One transaction: lock, price, take stock, take balance, freeze. Pressing the button
    twice returns the order of the first press. Raises CartEmpty, TotalsChanged,
    TooSmall, TooLarge, NoDelivery, OtherOrderOpen, stock.OutOfStock and
    ledger.InsufficientBalance; then nothing has changed.
    """
    with transaction.atomic():
        # Before this lock all is gossip: another tab may be ordering the same cart.
        cart = Cart.objects.select_for_update(no_key=True).filter(pk=cart.pk).first()
        if not cart:  # poured into another cart by a sign-in a moment ago
            raise CartEmpty
        open_order = (
            Order.objects.select_for_update(no_key=True)
            .filter(cart=cart, status=Order.Status.PENDING)
            .first()
        )
        contents = _locked_contents(cart)
        if contents.lines and not contents.buyable:
            raise stock.OutOfStock(contents.lines[0].variant)
        if not contents.buyable:
            raise CartEmpty
        method = shipping.method_for(details.address["country"])
        totals = quote(contents, user, method, details.balance)
        fingerprint = _fingerprint(contents, user, details, totals)
        if open_order and open_order.fingerprint == fingerprint:
            return open_order
        # Both, for where balance pays everything nothing is due at any price.
        if not _as_promised(details, totals):
            raise TotalsChanged(totals.due)
        if 0 < totals.due < minimum_charge(totals.currency):
            raise TooSmall
        if totals.due > MAXIMUM_CHARGE:
            raise TooLarge
        # Last, so that an order which cannot be placed does not cost the open one.
        if open_order:
            raise OtherOrderOpen(open_order)
        order = _write(cart, user, details, contents, method, totals, fingerprint)
        stock.take(
            {line.variant: line.quantity for line in contents.buyable},
            cause=f"order:{order.pk}:take",
            reason=f"Order {order.code}",
        )
        balances.hold(order)
        timeline.note(
            order,
            "placed",
            "Order placed",
            actor=user,
            origin=timeline.Origin.CUSTOMER,
            moved=("", order.status),
        )
        if order.amount_due:
            Payment.objects.open_for(order)
        else:
            order = confirmation.confirm_order(order.pk)
        signals.tell(order.pk)
    return order


def spendable(user: User, cart: Cart) -> int:
    """The customer's balance, with what the cart's own unpaid order holds of it.

    That comes back before another order is placed.
    """
    held = Order.objects.pending().filter(cart=cart, user=user)
    return ledger.balance(user, settings.SHOP_CURRENCY) + sum(
        held.values_list("amount_balance", flat=True)
    )


def _usable(user, wanted, cart, has):
    if not user or wanted == 0:
        return 0
    if has is None:
        has = spendable(user, cart)
    return has if wanted is None else min(wanted, has)


def _locked_contents(cart):
    """The cart's lines, read after their variants are locked in rising order."""
    list(
        Variant.objects.select_for_update(no_key=True)
        .filter(pk__in=cart.lines.order_by().values("variant"))
        .order_by("pk")
        .values_list("pk")
    )
    return carts.contents(cart)


def _as_promised(details, totals):
    return details.expected_total in (None, totals.total) and (
        details.expected_due in (None, totals.due)
    )


def _fingerprint(contents, user, details, totals):
    """Two presses of one button have one fingerprint, a change of mind another."""
    decided = [
        [
            [line.variant.pk, line.quantity, line.variant.amount]
            for line in contents.buyable
        ],
        user.pk if user else None,
        details.email,
        sorted(details.address.items()),
        [totals.shipping, totals.discount, totals.balance, totals.due],
    ]
    return hashlib.sha256(json.dumps(decided).encode()).hexdigest()


def _write(cart, user, details, contents, method, totals, fingerprint):
    now = timezone.now()
    order = _with_fresh_code(
        cart=cart,
        user=user,
        email=details.email,
        language=settings.LANGUAGE_CODE,
        fingerprint=fingerprint,
        currency=totals.currency,
        amount_goods=totals.goods,
        amount_discount=totals.discount,
        amount_shipping=totals.shipping,
        amount_tax=totals.tax,
        amount_total=totals.total,
        amount_balance=totals.balance,
        amount_due=totals.due,
        shipping_name=method.name,
        shipping_days=f"{method.days_least} to {method.days_most} days",
        placed_at=now,
        expires_at=now + timedelta(minutes=settings.ORDER_MINUTES),
    )
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            variant=line.variant,
            position=position,
            product_name=line.variant.product.name,
            variant_name=line.variant.name,
            sku=line.variant.sku,
            image=line.image.name if line.image else "",
            quantity=line.quantity,
            amount_unit=line.variant.amount,
            amount=line.amount,
            amount_discount=share,
        )
        for position, (line, share) in enumerate(
            zip(contents.buyable, totals.line_discounts, strict=True)
        )
    )
    OrderDiscount.objects.bulk_create(
        OrderDiscount(
            order=order,
            source=discount.source,
            reference=discount.reference,
            label=discount.label,
            amount=discount.amount,
        )
        for discount in totals.discounts
    )
    OrderAddress.objects.create(order=order, **details.address)
    return order


def _with_fresh_code(**fields):
    for _ in range(5):
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(8))
        try:
            with transaction.atomic():
                return Order.objects.create(
                    code=code, access_token=secrets.token_urlsafe(32), **fields
                )
        except IntegrityError:
            if not Order.objects.filter(code=code).exists():
                raise  # not the code: another constraint spoke
    raise RuntimeError("No free order code in five tries.")
