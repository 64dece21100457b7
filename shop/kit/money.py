"""The only arithmetic on money.

Money is an integer of minor units (cents, yen, fils) beside a three-letter currency
code in capitals. Stripe counts the same way, so nothing is ever multiplied by 100 on
the way out.
"""

from decimal import Decimal

from babel.numbers import NumberFormatError, format_currency, parse_decimal
from django import forms

# Minor digits as Stripe charges them, not as CLDR prints them (babel has ISK at 0,
# Stripe at 2). Source: Stripe's documentation, "Supported currencies".
_NO_MINOR_UNIT = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF"]
    + ["VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DIGITS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_TWO_DIGITS = frozenset(
    ["AED", "AUD", "BGN", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR"]
    + ["GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "MXN", "MYR", "NOK"]
    + ["NZD", "PHP", "PLN", "RON", "SAR", "SEK", "SGD", "THB", "TRY", "TWD"]
    + ["USD", "ZAR"]
)
SUPPORTED = _NO_MINOR_UNIT | _TWO_DIGITS | _THREE_DIGITS

# The least a card can be charged: Stripe's documentation, "Minimum charge amounts".
_MINIMUM_CHARGE = {
    **dict.fromkeys(
        ["USD", "EUR", "AUD", "CAD", "CHF", "NZD", "SGD", "BRL", "INR"], 50
    ),
    **{"GBP": 30, "JPY": 50, "SEK": 300, "NOK": 300, "DKK": 250, "PLN": 200},
    **{"CZK": 1500, "HKD": 400, "MXN": 1000, "HUF": 17500, "AED": 200, "RON": 200},
    **{"BGN": 100, "MYR": 200, "THB": 1000},
}
# Above what every listed currency needs; a shop in an unlisted one asks a little more
# of a card.
_CAUTIOUS_MINIMUM = 1000


def exponent(currency: str) -> int:
    """How many digits the minor unit has. Raises ValueError for an unknown currency."""
    if currency in _NO_MINOR_UNIT:
        return 0
    if currency in _THREE_DIGITS:
        return 3
    if currency in _TWO_DIGITS:
        return 2
    raise ValueError(f"{currency} is not a currency this shop can charge.")


def step(currency: str) -> int:
    """The step in which a card can be charged: 10 fils in Kuwait, 1 elsewhere."""
    return 10 if currency in _THREE_DIGITS else 1


def minimum_charge(currency: str) -> int:
    """The least that Stripe takes from a card, in minor units."""
    return _MINIMUM_CHARGE.get(currency, _CAUTIOUS_MINIMUM)


def format_money(
    amount: int, currency: str, *, locale: str = "en_US", short: bool = False
) -> str:
    """`1999, "USD"` → `$19.99`. With `short`, whole amounts lose their zeros: `$20`."""
    digits = exponent(currency)
    value = Decimal(amount).scaleb(-digits)
    if short and value == value.to_integral_value():
        return format_currency(
            value, currency, "¤#,##0;-¤#,##0", locale=locale, currency_digits=False
        )
    pattern = "¤#,##0" + ("." + "0" * digits if digits else "")
    return format_currency(
        value, currency, f"{pattern};-{pattern}", locale=locale, currency_digits=False
    )


def to_input(amount: int, currency: str) -> str:
    """The amount as a person would type it, without a symbol: `1999` → `19.99`."""
    return f"{Decimal(amount).scaleb(-exponent(currency)):f}"


def parse(text: str, currency: str, *, locale: str = "en_US") -> int:
    """What a person typed, in minor units. Raises ValueError if it is not exact."""
    digits = exponent(currency)
    try:
        # CLDR's own parser knows which sign groups thousands and which starts cents.
        value = parse_decimal(text.strip().lstrip("$€£¥").strip(), locale=locale)
        scaled = value.scaleb(digits)
        # `1e99999999` is short to type and endless to write out.
        if not scaled.is_finite() or scaled.adjusted() > 18:
            raise ValueError("That is not an amount of money.")
        if scaled != scaled.to_integral_value():
            raise ValueError("That has more decimals than the currency.")
    except (NumberFormatError, ArithmeticError) as error:
        raise ValueError("That is not an amount of money.") from error
    return int(scaled)


def share(amount: int, basis_points: int) -> int:
    """`basis_points` of an amount (10 000 is all of it), rounded half to even, once."""
    whole, rest = divmod(amount * basis_points, 10_000)
    return whole + (rest > 5_000 or (rest == 5_000 and whole % 2 == 1))


def split(amount: int, weights: list[int]) -> list[int]:
    """Divide an amount over weights so that the parts add up to it exactly.

    Largest remainder first, earlier parts winning ties. Weights of zero get nothing;
    when all weights are zero the amount must be zero too, else ValueError.
    """
    total = sum(weights)
    if not total:
        if amount:
            raise ValueError("An amount cannot be divided over nothing.")
        return [0] * len(weights)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda i: (-(amount * weights[i] % total), i)
    )
    for i in by_remainder[: amount - sum(parts)]:
        parts[i] += 1
    return parts


class MoneyField(forms.CharField):
    """A form field for money: a person types `19.99`, the form holds 1999."""

    def __init__(
        self, *, currency: str, minimum: int = 0, maximum: int = 99_999_999, **kwargs
    ):
        kwargs.setdefault("max_length", 30)
        super().__init__(**kwargs)
        self.currency, self.minimum, self.maximum = currency, minimum, maximum
        self.widget.attrs.setdefault("inputmode", "decimal")

    def clean(self, value):
        text = super().clean(value)
        if not text:
            return None
        try:
            amount = parse(text, self.currency)
        except ValueError:
            example = to_input(1500, self.currency)
            raise forms.ValidationError(f"Enter an amount such as {example}.") from None
        if amount < self.minimum:
            least = format_money(self.minimum, self.currency)
            raise forms.ValidationError(f"Enter {least} or more.")
        if amount > self.maximum:
            most = format_money(self.maximum, self.currency)
            raise forms.ValidationError(f"Enter {most} or less.")
        return amount
