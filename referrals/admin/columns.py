"""Columns and filters that several lists share."""

from django.contrib import admin

from shop.kit.money import format_money
from shop.kit.staff import NOTHING


def amount(field, label):
    """A column that shows a field of minor units as money of the row's currency."""

    @admin.display(description=label, ordering=field)
    def shown(self, row):
        return format_money(getattr(row, field), row.currency)

    return shown


def in_words(field, label):
    """A column that shows a reason such as `over_cap` as people say it."""

    @admin.display(description=label, ordering=field)
    def shown(self, row):
        return spoken(getattr(row, field))

    return shown


class InWords(admin.AllValuesFieldListFilter):
    """A filter whose choices are reasons, as people say them."""

    def choices(self, changelist):
        for choice in super().choices(changelist):
            yield {**choice, "display": spoken(str(choice["display"]))}


def spoken(reason: str) -> str:
    return reason.replace("_", " ").capitalize() or NOTHING
