"""Lines in, totals out. Pure: no queries, no clock, no settings."""

from dataclasses import dataclass

from orders.discounts import Discount
from shop.kit import money
from shop.kit.currencies import minimum_charge, step


@dataclass(frozen=True)
class Totals:
    """What an order adds up to, in minor units; `line_discounts` in order of lines."""

    currency: str
    goods: int
    shipping: int
    tax: int
    discounts: tuple[Discount, ...]
    line_discounts: tuple[int, ...]
    balance: int

    @property
    def discount(self) -> int:
        return sum(discount.amount for discount in self.discounts)

    @property
    def total(self) -> int:
        return self.goods + self.shipping + self.tax - self.discount

    @property
    def due(self) -> int:
        return self.total - self.balance


def add_up(
    line_amounts: list[int],
    *,
    currency: str,
    shipping: int = 0,
    discounts: list[Discount] = (),
    balance: int = 0,
) -> Totals:
    """Add up lines, delivery and discounts; `balance` is the most that may be used.

    The shop has no tax rates yet, so tax is zero and prices are what they say.
    """
    goods = sum(line_amounts)
    off = sum(discount.amount for discount in discounts)
    if off > goods:
        raise ValueError("Discounts cannot exceed the goods.")
    return Totals(
        currency=currency,
        goods=goods,
        shipping=shipping,
        tax=0,
        discounts=tuple(discounts),
        line_discounts=tuple(money.split(off, line_amounts, step=step(currency))),
        balance=usable_balance(goods + shipping - off, balance, currency),
    )


def usable_balance(total: int, wanted: int, currency: str) -> int:
    """How much of `wanted` can pay towards `total`.

    A card cannot be charged less than Stripe's minimum, nor in steps finer than its
    currency allows: what the balance leaves over is zero, or large enough for a card.
    """
    wanted = max(0, min(wanted, total))
    left = total - wanted
    if not left:
        return wanted
    return max(0, total - money.ceil(max(left, minimum_charge(currency)), currency))
