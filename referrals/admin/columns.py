"""Columns that several lists share."""

from django.contrib import admin

from shop.kit.money import format_money


def amount(field, label):
    """A column that shows a field of minor units as money of the row's currency."""

    @admin.display(description=label, ordering=field)
    def shown(self, row):
        return format_money(getattr(row, field), row.currency)

    return shown
