"""Where parcels go and what that costs."""

from accounts.addresses import territories
from orders.models import ShippingMethod


class NoDelivery(Exception):
    """No zone delivers to the country."""


def method_for(country: str) -> ShippingMethod:
    """The method of the zone a country lies in. Raises NoDelivery."""
    if country not in territories():
        raise NoDelivery(country)
    elsewhere = None
    for method in ShippingMethod.objects.select_related("zone").order_by(
        "zone__position", "pk"
    ):
        if country in method.zone.countries:
            return method
        if "*" in method.zone.countries:
            elsewhere = elsewhere or method
    if elsewhere:
        return elsewhere
    raise NoDelivery(country)


def amount(method: ShippingMethod, amount_goods: int) -> int:
    """What a parcel costs; nothing from `free_from_amount` of goods on."""
    if method.free_from_amount is not None and amount_goods >= method.free_from_amount:
        return 0
    return method.amount


def countries() -> list[tuple[str, str]]:
    """The countries we deliver to, as choices in the order of their names."""
    named = territories()
    zones = ShippingMethod.objects.values_list("zone__countries", flat=True)
    reached = {code for codes in zones for code in codes}
    if "*" in reached:
        reached = set(named)
    return sorted(
        ((code, named[code]) for code in reached if code in named), key=lambda c: c[1]
    )


def usual() -> tuple[str, ShippingMethod | None]:
    """Where an estimate goes before an address is known, and how.

    The first country of the first zone that names one.
    """
    for method in ShippingMethod.objects.select_related("zone").order_by(
        "zone__position", "pk"
    ):
        for code in method.zone.countries:
            if code != "*":
                return code, method
    return "", None


def country_in_words(code: str) -> str:
    """`US` → `the US`, `DE` → `Germany`: as it stands after "Delivery to"."""
    return {"US": "the US", "GB": "the UK"}.get(code) or territories().get(code, code)
