"""Choosing a variant by its options: which is meant, and what each value leads to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import prefetch_related_objects

from catalog.models import Product, Variant

PREFIX = "o_"  # of the fields: `o_colour=sage`


@dataclass
class Value:
    slug: str
    name: str
    colour: str
    is_chosen: bool
    is_disabled: bool
    is_sold_out: bool
    note: str


@dataclass
class Choice:
    """One fieldset of the picker."""

    name: str
    field: str
    chosen: str
    values: list[Value] = field(default_factory=list)


def preselect(variants: list[Variant]) -> Variant | None:
    """The first that can be bought; the first at all when everything is sold out."""
    return next(
        (v for v in variants if not v.is_sold_out), variants[0] if variants else None
    )


def is_asked(data: Mapping) -> bool:
    """Whether a form or query string chooses by options."""
    return any(key.startswith(PREFIX) for key in data)


def resolve(product: Product, data: Mapping) -> Variant | None:
    """The variant that `o_…` fields ask for.

    Earlier options weigh more; nonsense is ignored.
    """
    candidates = product.for_sale
    for option in product.looks.get("options", []):
        asked = data.get(PREFIX + option["slug"])
        wanted = next(
            (value["id"] for value in option["values"] if value["slug"] == asked), None
        )
        candidates = _with(product, candidates, option["id"], wanted) or candidates
    return preselect(candidates)


def meant(sku: str, data: Mapping) -> str:
    """The SKU that a posted product form means; empty when it is not made.

    Without JavaScript the radios may have moved since the page was printed for `sku`:
    what the person sees chosen wins.
    """
    product = Product.objects.filter(variants__sku=sku).first()
    if not is_asked(data) or not product:
        return sku
    prefetch_related_objects([product], Product.for_sale_prefetch())
    chosen = resolve(product, data)
    if not chosen:
        return sku
    mine = _values_of(product, chosen.pk)
    for option in product.looks.get("options", []):
        asked = data.get(PREFIX + option["slug"])
        got = {
            value["slug"]
            for value in option["values"]
            if value["id"] == mine.get(option["id"])
        }
        if asked and asked not in got:
            return ""
    return chosen.sku


def picker(product: Product, chosen: Variant) -> list[Choice]:
    """The fieldsets, as they stand when `chosen` is shown.

    A value is disabled when no variant has it together with what is chosen above it.
    Only above: judged by all other choices, a variant could be out of reach for ever.
    """
    choices, reach = [], product.for_sale
    mine = _values_of(product, chosen.pk)
    options = product.looks.get("options", [])
    for place, option in enumerate(options):
        choice = Choice(option["name"], PREFIX + option["slug"], "")
        for value in option["values"]:
            within = _with(product, reach, option["id"], value["id"])
            is_chosen = mine.get(option["id"]) == value["id"]
            if is_chosen:
                choice.chosen = value["name"]
            leads_to = _closest(product, within, options[place + 1 :], mine)
            choice.values.append(
                Value(
                    slug=value["slug"],
                    name=value["name"],
                    colour=value["colour"],
                    is_chosen=is_chosen,
                    is_disabled=not within,
                    is_sold_out=bool(within)
                    and all(variant.is_sold_out for variant in within),
                    note=_note(leads_to, within),
                )
            )
        choices.append(choice)
        reach = _with(product, reach, option["id"], mine.get(option["id"])) or reach
    return choices


def look_alike(product: Product, one: int | None, other: int) -> bool:
    """Whether two variants, by id, share the first option: mostly the colour."""
    options = product.looks.get("options", [])
    if not options or one is None:
        return False
    first = options[0]["id"]
    mine, theirs = _values_of(product, one), _values_of(product, other)
    return first in mine and mine[first] == theirs.get(first)


def _values_of(product, variant_id) -> dict[int, int]:
    # Keys of JSON are text.
    stored = product.looks.get("choices", {}).get(str(variant_id), {})
    return {int(option): value for option, value in stored.items()}


def _with(product, variants, option_id, value_id) -> list[Variant]:
    return [
        v
        for v in variants
        if value_id and _values_of(product, v.pk).get(option_id) == value_id
    ]


def _closest(product, variants, options, mine) -> Variant | None:
    for option in options:
        variants = (
            _with(product, variants, option["id"], mine.get(option["id"])) or variants
        )
    return preselect(variants)


def _note(variant, within) -> str:
    if not variant:
        return "not made"
    if variant.is_low:
        return f"{variant.stock} left"
    if not variant.is_sold_out:
        return ""
    return (
        "sold out"
        if all(other.is_sold_out for other in within)
        else "sold out in this choice"
    )
