"""What a listing shows of a product.

Pictures and swatches are kept ready; price and stock are live.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from catalog.images import Picture

NEW_FOR = timedelta(days=14)
SWATCHES = 5


@dataclass(frozen=True)
class Card:
    image: Picture | None
    amount: int
    compare_at: int | None
    currency: str
    from_price: bool
    is_sold_out: bool
    is_new: bool
    swatches: list[str]
    swatch_count: int
    option_words: str


def deal(product) -> Card:
    variants = product.for_sale
    cheapest = min(variants, key=lambda variant: variant.amount)
    differs = any(variant.amount != cheapest.amount for variant in variants)
    colours, words = _first_option(product.looks.get("options", []))
    return Card(
        image=next(iter(product.pictures), None),
        amount=cheapest.amount,
        compare_at=None if differs else cheapest.compare_at_amount,
        currency=settings.SHOP_CURRENCY,
        from_price=differs,
        is_sold_out=all(variant.is_sold_out for variant in variants),
        is_new=product.published_at > timezone.now() - NEW_FOR,
        swatches=colours[:SWATCHES],
        swatch_count=len(colours),
        option_words=words,
    )


def _first_option(options) -> tuple[list[str], str]:
    """The colours of the first option if each value has one, else words."""
    if not options:
        return [], ""
    values = options[0]["values"]
    if all(value["colour"] for value in values):
        return [value["colour"] for value in values], ""
    names = [value["name"] for value in values]
    return [], " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
