"""Minor units: what a currency allows, and how a person reads it."""

from .errors import invalid

_ZERO_DECIMAL_CODES = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
ZERO_DECIMAL = frozenset(_ZERO_DECIMAL_CODES.split())
_THREE_DECIMAL_CODES = "bhd jod kwd omr tnd"
THREE_DECIMAL = frozenset(_THREE_DECIMAL_CODES.split())
_TWO_DECIMAL_CODES = (
    "aed ars aud bgn brl cad chf cny cop czk dkk egp eur gbp hkd huf idr ils inr isk "
    "mad mxn myr ngn nok nzd pen php pln ron rsd sar sek sgd thb try twd uah ugx "
    "usd uyu zar"
)
TWO_DECIMAL = frozenset(_TWO_DECIMAL_CODES.split())
# Two digits on paper, and always 00.
WHOLE_ONLY = frozenset(["isk", "ugx"])
CURRENCIES = ZERO_DECIMAL | TWO_DECIMAL | THREE_DECIMAL

MINIMUM = {
    **dict.fromkeys(("usd", "eur", "aud", "cad", "chf", "nzd", "sgd", "brl"), 50),
    **{"gbp": 30, "jpy": 50, "sek": 300, "nok": 300, "dkk": 250, "pln": 200},
    **{"czk": 1500, "hkd": 400, "mxn": 1000, "huf": 17500},
}
MAXIMUM = 99_999_999
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def decimals(currency: str) -> int:
    """How many digits follow the point: 0, 2 or 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def shown(amount: int, currency: str) -> str:
    """`5700, "usd"` reads `$57.00`; without a known symbol, `57.00 CHF`."""
    digits = decimals(currency)
    whole, rest = divmod(amount, 10**digits)
    number = f"{whole:,}" + (f".{rest:0{digits}d}" if digits else "")
    symbol = SYMBOLS.get(currency)
    return f"{symbol}{number}" if symbol else f"{number} {currency.upper()}"


def check_currency(currency: str, param: str) -> str:
    """The code in lower case, or ApiError when Stripe does not know it."""
    if currency.lower() not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency}.", param)
    return currency.lower()


def check_total(amount: int, currency: str) -> None:
    """Raise ApiError unless a payment of that total can be taken. Zero is free."""
    if amount > MAXIMUM:
        raise invalid(
            f"The Checkout Session's total amount must be no more than "
            f"{shown(MAXIMUM, currency)}.",
            "line_items",
            "amount_too_large",
        )
    least = MINIMUM.get(currency, 0)
    if 0 < amount < least:
        raise invalid(
            f"The Checkout Session's total amount due must add up to at least "
            f"{shown(least, currency)} {currency}.",
            "line_items",
            "amount_too_small",
        )
    check_step(amount, currency, "line_items")


def check_step(amount: int, currency: str, param: str) -> None:
    """Raise ApiError for an amount finer than a card can be charged or paid back."""
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_ONLY else 1
    if amount % step:
        raise invalid(f"Amounts in {currency} must be a multiple of {step}.", param)
