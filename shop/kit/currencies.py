"""What Stripe charges in: digits, steps and limits of each currency.

Tables only, and no Django, so that the settings can ask before anything is set up.
Codes are in capitals, amounts in minor units.
"""

# Minor digits as Stripe charges them, not as CLDR prints them (babel has ISK at 0,
# Stripe at 2). Source: Stripe's documentation, "Supported currencies".
NO_DIGITS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF"]
    + ["VND", "VUV", "XAF", "XOF", "XPF"]
)
TWO_DIGITS = frozenset(
    ["AED", "AUD", "BGN", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR"]
    + ["GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "MXN", "MYR", "NOK"]
    + ["NZD", "PHP", "PLN", "RON", "SAR", "SEK", "SGD", "THB", "TRY", "TWD"]
    + ["UGX", "USD", "ZAR"]
)
THREE_DIGITS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
SUPPORTED = NO_DIGITS | TWO_DIGITS | THREE_DIGITS

# Where the smallest coin is larger than the minor unit: fils go by ten, and these two
# have hundredths on paper only.
STEPS = {**dict.fromkeys(THREE_DIGITS, 10), "ISK": 100, "UGX": 100}

# The least a card can be charged: Stripe's documentation, "Minimum charge amounts".
_MINIMUM_CHARGE = {
    **dict.fromkeys(
        ["USD", "EUR", "AUD", "CAD", "CHF", "NZD", "SGD", "BRL", "INR"], 50
    ),
    **{"GBP": 30, "JPY": 50, "SEK": 300, "NOK": 300, "DKK": 250, "PLN": 200},
    **{"CZK": 1500, "HKD": 400, "MXN": 1000, "HUF": 17500, "AED": 200, "RON": 200},
    **{"BGN": 100, "MYR": 200, "THB": 1000},
}
# Eight digits; more cannot be asked of a card at once.
MAXIMUM_CHARGE = 99_999_999

# What a dollar is worth, to one digit or two. Money that somebody pays never passes
# here: it sizes the first offer and the demo's prices, and guards the least charge of
# currencies for which Stripe names none.
_ABOUT_A_DOLLAR = {
    **dict.fromkeys(["USD", "EUR", "GBP", "CHF", "AUD", "CAD", "NZD", "SGD"], 100),
    **{"AED": 400, "BGN": 200, "BRL": 500, "CNY": 700, "CZK": 2500, "DKK": 700},
    **{"HKD": 800, "HUF": 35000, "IDR": 1_600_000, "ILS": 400, "INR": 8000},
    **{"ISK": 14000, "MXN": 2000, "MYR": 400, "NOK": 1000, "PHP": 6000, "PLN": 400},
    **{"RON": 400, "SAR": 400, "SEK": 1000, "THB": 3500, "TRY": 4000, "TWD": 3000},
    **{"UGX": 400_000, "ZAR": 2000},
    **{"BIF": 3000, "CLP": 1000, "DJF": 200, "GNF": 9000, "JPY": 150, "KMF": 500},
    **{"KRW": 1400, "MGA": 4500, "PYG": 8000, "RWF": 1400, "VND": 25000},
    **{"VUV": 120, "XAF": 600, "XOF": 600, "XPF": 110},
    **{"BHD": 400, "JOD": 700, "KWD": 300, "OMR": 400, "TND": 3000},
}


def exponent(currency: str) -> int:
    """How many digits the minor unit has. Raises ValueError for an unknown currency."""
    if currency in NO_DIGITS:
        return 0
    if currency in THREE_DIGITS:
        return 3
    if currency in TWO_DIGITS:
        return 2
    raise ValueError(f"{currency} is not a currency this shop can charge.")


def step(currency: str) -> int:
    """What every amount is a multiple of: 10 fils in Kuwait, a whole króna, else 1."""
    return STEPS.get(currency, 1)


def minimum_charge(currency: str) -> int:
    """The least that Stripe takes from a card."""
    return _MINIMUM_CHARGE.get(currency) or _ABOUT_A_DOLLAR[currency]


def about(cents: int, currency: str) -> int:
    """What some US cents come to, roughly and roundly: three digits, whole steps.

    For amounts that nobody has decided yet, such as the demo's; `about(500, "JPY")` is
    750 yen.
    """
    amount = cents * _ABOUT_A_DOLLAR[currency] // 100
    coarse = max(step(currency), 10 ** (len(str(amount)) - 3))
    return -(-amount // coarse) * coarse
