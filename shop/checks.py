"""What must be right before the shop opens; `manage.py` checks it at every start."""

from django.conf import settings
from django.core.checks import Error, register
from django.utils.module_loading import import_string

from shop.kit import money


@register
def currency_is_known(app_configs, **kwargs):
    if settings.SHOP_CURRENCY in money.SUPPORTED:
        return []
    return [
        Error(
            f"SHOP_CURRENCY {settings.SHOP_CURRENCY!r} is not a currency of Stripe's.",
            hint="Use a three-letter code in capitals, such as USD.",
            id="tandem.E001",
        )
    ]


@register
def providers_exist(app_configs, **kwargs):
    errors = []
    for name in ("CHECKOUT_DISCOUNTS", "REFUND_CONSEQUENCES"):
        for path in getattr(settings, name):
            try:
                import_string(path)
            except ImportError as error:
                errors.append(Error(f"{name}: {error}", id="tandem.E002"))
    return errors
