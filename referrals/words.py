"""Words that a member's code or name may not contain, or only with staff's consent.

Compared in the codes' own spelling, in which 0 stands for O, 1 for I and L and V for U,
so that nobody slips through with a digit; and once more with the digits that people
write for letters.
"""

import unicodedata
from functools import cache

from django.conf import settings

# Whoever hears one of these takes it for the shop speaking.
_OF_THE_SHOP = """
    ACCOUNT ADMIN BILLING CHECKOUT CONTACT CUSTOMER HELPDESK LOGIN MODERATOR OFFICIAL
    PASSWORD PAYMENT REFERRAL REFUND SECURITY SERVICE STAFF SUPPORT SYSTEM VERIFY
"""
_ALONE = """
    HELP INFO MAIL NULL ROOT SALES SHOP STORE TEAM TEST
    ANAL ARSE BOOB COCK CRAP DAMN DICK HELL HURE NAZI PISS RAPE TITS TWAT
"""

# Marks of others, which are not a member's to hand out: at the start or the end.
_MARKS = """
    ADIDAS ALDI AMAZON APPLE EBAY ETSY FACEBOOK GOOGLE IKEA INSTAGRAM MASTERCARD
    MICROSOFT MUJI NIKE PAYPAL PUMA SAMSUNG SHOPIFY STRIPE TESCO TIKTOK TWITTER VISA
    WALMART WHATSAPP YOUTUBE ZARA
"""

_RUDE = """
    ARSCHLOCH ASSHOLE BASTARD BITCH BOLLOCKS CUNT FAGGOT FICKEN FOTZE FUCK HITLER KANAKE
    NIGGER NUTTE PENIS PORN PUSSY RETARD SCHEISS SCHLAMPE SHIT SIEGHEIL SLUT VAGINA WANK
    WHORE WICHSER
"""

# A code that promises something is an advertisement, and the shop would answer for it.
_ADVERTISING = """
    BARGAIN BONUS CASH CHEAP COUPON CREDIT DEAL DISCOUNT DOLLAR EURO FREE GIFT MONEY
    OFFER PERCENT PRIZE PROMO RABATT SALE SAVE VOUCHER
"""

# What other alphabets draw like one of these letters: nobody poses as ANNA in Cyrillic.
LOOK_ALIKE = dict(
    zip(
        "АВЕЅКМНОРСТУХЗІЈԚԜҮΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "ABESKMHOPCTYX31JQWYABEZHIKMNOPTYX",
        strict=True,
    )
)

_SPELLING = str.maketrans("OILU", "011V")
_AS_LETTERS = str.maketrans("0134578", "OIEASTB")


def may_be_had(display: str) -> bool:
    """Whether a member may call themselves that."""
    ways = _ways_to_read(display)
    anywhere = [settings.SHOP_NAME.upper(), *_OF_THE_SHOP.split(), *_RUDE.split()]
    return not (
        any(way == word for word in _spelled(_ALONE) for way in ways)
        or any(
            way.startswith(mark) or way.endswith(mark)
            for mark in _spelled(_MARKS)
            for way in ways
        )
        or any(word in way for word in _spelled(" ".join(anywhere)) for way in ways)
    )


def is_advertisement(display: str) -> bool:
    """Whether it reads like a promise; so does a number before OFF."""
    ways = _ways_to_read(display)
    return any(word in way for word in _spelled(_ADVERTISING) for way in ways) or (
        display.endswith("OFF") and any(letter.isdigit() for letter in display)
    )


def may_be_read(name: str) -> bool:
    """Whether a person's own name may be shown to others.

    Whole words only: Harshit and Zara are names. Signs and invisible marks are none.
    """
    said = {folded(word) for word in name.split()} | {folded(name)}
    is_name = any(letter.isalpha() for letter in name)
    return is_name and said.isdisjoint(_not_read(settings.SHOP_NAME))


def folded(name: str) -> str:
    """A name in its one spelling: no accents, capitals, dots, spaces or disguises."""
    plain = "".join(
        LOOK_ALIKE.get(letter, letter)
        for letter in unicodedata.normalize("NFKD", name).upper()
        if letter.isalnum()
    )
    return plain.translate(_AS_LETTERS).translate(_SPELLING) or name.strip()


@cache
def _not_read(shop):
    return {*_spelled(_OF_THE_SHOP), *_spelled(_RUDE), folded(shop)}


def _ways_to_read(display):
    """Without its dashes: as it is spelled, and with letters for the digits."""
    plain = display.replace("-", "")
    return plain.translate(_SPELLING), plain.translate(_AS_LETTERS).translate(_SPELLING)


def _spelled(words):
    return words.translate(_SPELLING).split()
