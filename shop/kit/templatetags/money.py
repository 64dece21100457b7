from django import template

from shop.kit.money import format_money

register = template.Library()


@register.filter
def money(amount: int, currency: str) -> str:
    """`{{ order.amount_total|money:order.currency }}` → `$57.00`."""
    return format_money(amount, currency)


@register.filter
def money_short(amount: int, currency: str) -> str:
    """The same without the zeros of whole amounts, for price tags: `$57`."""
    return format_money(amount, currency, short=True)
