"""The question put to every discount provider that settings name; it knows none."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import User
from shop.kit import money


@dataclass(frozen=True)
class Basket:
    """What a provider may judge by, in minor units; `user` is None for a guest."""

    user: User | None
    currency: str
    amount_goods: int
    amount_balance: int


@dataclass(frozen=True)
class Discount:
    """What a provider takes off the goods; source and reference say who and why."""

    source: str
    reference: str
    label: str
    amount: int


def offered(basket: Basket) -> list[Discount]:
    """What all providers together take off, never more than the goods are worth.

    What a provider worked out finer than the currency's step, such as a percentage, is
    rounded down to it.
    """
    left = basket.amount_goods
    discounts = []
    for path in settings.CHECKOUT_DISCOUNTS:
        discount = import_string(path)(basket)
        amount = (
            money.floor(min(discount.amount, left), basket.currency) if discount else 0
        )
        if amount:
            discounts.append(
                Discount(discount.source, discount.reference, discount.label, amount)
            )
            left -= amount
    return discounts
