"""Where the demo shop delivers: one flat rate per zone, about so many US cents."""

from django.conf import settings

from orders.models import ShippingMethod, ShippingZone
from shop.kit.currencies import about

_EUROPE = [
    *("AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FI", "FR"),
    *("GB", "IE", "IT", "LU", "NL", "NO", "PL", "PT", "SE"),
]
_ZONES = [
    ("United States", ["US"], 600, 7500, (2, 4)),
    ("Canada", ["CA"], 1200, 15000, (4, 8)),
    ("Europe", _EUROPE, 1800, 20000, (5, 9)),
    ("Everywhere else", ["*"], 2800, None, (8, 16)),
]


def load() -> None:
    """Create the zones that do not exist yet; staff's changes stay."""
    for position, (name, countries, amount, free_from, days) in enumerate(_ZONES):
        zone, created = ShippingZone.objects.get_or_create(
            name=name, defaults={"countries": countries, "position": position}
        )
        if created:
            ShippingMethod.objects.create(
                zone=zone,
                name="Standard delivery",
                amount=about(amount, settings.SHOP_CURRENCY),
                free_from_amount=free_from and about(free_from, settings.SHOP_CURRENCY),
                days_least=days[0],
                days_most=days[1],
            )
