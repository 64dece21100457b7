"""What must be right before the shop opens; `manage.py` checks it at every start."""

from django.conf import settings
from django.core.checks import Error, register
from django.utils.module_loading import import_string


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
