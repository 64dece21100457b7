"""What must be right before the shop opens; `manage.py` checks it at every start."""

from django.apps import apps
from django.conf import settings
from django.core.checks import Error, Tags, register
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db import DatabaseError, connection
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


@register(Tags.database)
def money_is_in_our_currency(app_configs, databases=None, **kwargs):
    other = another_currency() if databases else ""
    if not other:
        return []
    return [
        Error(
            f"SHOP_CURRENCY is {settings.SHOP_CURRENCY}, and the money in this "
            f"database is in {other}.",
            hint=f"Set it back to {other}, or begin with an empty database: amounts "
            "are never converted.",
            id="tandem.E001",
        )
    ]


def refuse_another_currency() -> None:
    """Raise ImproperlyConfigured where prices would be read in another currency.

    For the web server, which runs no checks.
    """
    try:
        errors = money_is_in_our_currency(None, databases=["default"])
    except DatabaseError:
        return  # not there yet: `/readyz` says so, and nobody can buy meanwhile
    for error in errors:
        raise ImproperlyConfigured(f"{error.msg} {error.hint}")


def another_currency() -> str:
    """What the database counts in if not in ours; empty where all is well.

    A table is in another currency when it has rows and none of them is in ours. One
    quick question per table, for usually the first row answers it.
    """
    present = set(connection.introspection.table_names())
    for model in apps.get_models():
        if model._meta.db_table not in present or not _has_currency(model):
            continue
        rows = model._base_manager.order_by()
        if not rows.filter(currency=settings.SHOP_CURRENCY).exists():
            other = rows.values_list("currency", flat=True).first()
            if other:
                return other
    return ""


def _has_currency(model):
    try:
        model._meta.get_field("currency")
    except FieldDoesNotExist:
        return False
    return True
