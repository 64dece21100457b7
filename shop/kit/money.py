"""The only arithmetic on money.

Money is an integer of minor units (cents, yen, fils) beside a three-letter currency
code in capitals. Stripe counts the same way, so nothing is ever multiplied by 100 on
the way out. Every amount is a multiple of the currency's `step`; what is typed, shared
or divided is brought onto it here, so that whatever is asked of a card is on it, too.
"""

import math
from decimal import Decimal

from babel.numbers import (
    NumberFormatError,
    format_currency,
    get_currency_symbol,
    parse_decimal,
)
from django import forms
from django.db.models import F, Q
from django.db.models.lookups import Exact

from shop.kit.currencies import MAXIMUM_CHARGE, STEPS, about, exponent, step


class TooFine(ValueError):
    """Between two steps of the currency, `low` and `high`."""

    def __init__(self, low: int, currency: str):
        super().__init__("That lies between two steps of the currency.")
        self.low, self.high = low, low + step(currency)


def format_money(
    amount: int, currency: str, *, locale: str = "en_US", short: bool = False
) -> str:
    """`1999, "USD"` → `$19.99`. With `short`, whole amounts lose their zeros: `$20`."""
    digits = exponent(currency)
    value = Decimal(amount).scaleb(-digits)
    is_whole = value == value.to_integral_value()
    # Where no coin is smaller than the unit, zeros behind it would say nothing.
    if is_whole and (short or step(currency) == 10**digits):
        digits = 0
    # CLDR parts letters from figures: `$12`, and `KWD 12` with a space that holds.
    gap = "\N{NO-BREAK SPACE}" if _symbol(currency, locale)[-1].isalpha() else ""
    pattern = f"¤{gap}#,##0" + ("." + "0" * digits if digits else "")
    return format_currency(
        value, currency, f"{pattern};-{pattern}", locale=locale, currency_digits=False
    )


def to_input(amount: int, currency: str) -> str:
    """The amount as a person would type it, without a symbol: `1999` → `19.99`."""
    return f"{Decimal(amount).scaleb(-exponent(currency)):f}"


def parse(text: str, currency: str, *, locale: str = "en_US") -> int:
    """What a person typed, in minor units: `$1,234.5`, `KWD 1.250`, `¥1200`.

    Raises TooFine for what the currency cannot say, ValueError for what is no amount.
    """
    digits = exponent(currency)
    try:
        # CLDR's own parser knows which sign groups thousands and which starts cents;
        # a comma in another place is refused, for it may have been meant as a point.
        bare = _without_currency(text, currency, locale)
        value = parse_decimal(bare, locale=locale, strict=True)
        scaled = value.scaleb(digits)
        # `1e99999999` is short to type and endless to write out.
        if not scaled.is_finite() or scaled.adjusted() > 18:
            raise ValueError("That is not an amount of money.")
        amount = floor(math.floor(scaled), currency)
    except (NumberFormatError, ArithmeticError) as error:
        raise ValueError("That is not an amount of money.") from error
    if amount != scaled:
        raise TooFine(amount, currency)
    return amount


def _symbol(currency, locale):
    return get_currency_symbol(currency, locale=locale)


def _without_currency(text, currency, locale):
    bare = text.strip().upper()
    for sign in (currency, _symbol(currency, locale).upper(), *"$€£¥￥"):
        bare = bare.removeprefix(sign).removesuffix(sign).strip()
    return bare


def in_steps(*fields: str, unless: Q | None = None) -> Q:
    """The condition of a CHECK: these columns hold whole steps of the row's `currency`.

    Rows that `unless` holds for are left alone.
    """
    condition = Q()
    for size in sorted(set(STEPS.values())):
        codes = sorted(code for code in STEPS if STEPS[code] == size)
        whole = Q(*(Exact(F(field) % size, 0) for field in fields))
        condition &= ~Q(currency__in=codes) | whole
    return unless | condition if unless else condition


def floor(amount: int, currency: str) -> int:
    """The largest amount of whole steps that is not more."""
    return amount - amount % step(currency)


def ceil(amount: int, currency: str) -> int:
    """The smallest amount of whole steps that is not less."""
    return -floor(-amount, currency)


def share(amount: int, basis_points: int, *, step: int = 1) -> int:
    """`basis_points` of an amount (10 000 is all of it), in whole steps.

    Rounded half to even, once.
    """
    whole, rest = divmod(amount * basis_points, 10_000 * step)
    half = 5_000 * step
    return (whole + (rest > half or (rest == half and whole % 2 == 1))) * step


def split(amount: int, weights: list[int], *, step: int = 1) -> list[int]:
    """Divide an amount over weights so that the parts add up to it exactly.

    Largest remainder first, earlier parts winning ties; each part is a multiple of
    `step`. Where the weights are, too, and sum to the amount or more, no part exceeds
    its weight. Weights of zero get nothing. Raises ValueError when all weights are zero
    and the amount is not, or when the amount is no multiple of `step`.
    """
    if amount % step:
        raise ValueError(f"{amount} cannot be divided into steps of {step}.")
    total = sum(weights)
    if not total:
        if amount:
            raise ValueError("An amount cannot be divided over nothing.")
        return [0] * len(weights)
    steps = amount // step
    parts = [steps * weight // total for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda i: (-(steps * weights[i] % total), i)
    )
    for i in by_remainder[: steps - sum(parts)]:
        parts[i] += 1
    return [part * step for part in parts]


class MoneyField(forms.CharField):
    """A form field for money: a person types `19.99`, the form holds 1999."""

    def __init__(
        self,
        *,
        currency: str,
        minimum: int = 0,
        maximum: int = MAXIMUM_CHARGE,
        **kwargs,
    ):
        kwargs.setdefault("max_length", 30)
        super().__init__(**kwargs)
        self.currency, self.minimum = currency, minimum
        self.maximum = floor(maximum, currency)
        self.widget.attrs.setdefault("inputmode", "decimal")

    def clean(self, value):
        text = super().clean(value)
        if not text:
            return None
        try:
            amount = parse(text, self.currency)
        except TooFine as error:
            raise forms.ValidationError(self._steps_in_words(error)) from None
        except ValueError:
            example = to_input(about(1500, self.currency), self.currency)
            raise forms.ValidationError(f"Enter an amount such as {example}.") from None
        if amount < self.minimum:
            least = format_money(self.minimum, self.currency)
            raise forms.ValidationError(f"Enter {least} or more.")
        if amount > self.maximum:
            most = format_money(self.maximum, self.currency)
            raise forms.ValidationError(f"Enter {most} or less.")
        return amount

    def _steps_in_words(self, error):
        smallest = format_money(step(self.currency), self.currency)
        low, high = (to_input(each, self.currency) for each in (error.low, error.high))
        return f"Amounts go in steps of {smallest}: enter {low} or {high}."
