"""Where somebody lives, however the address is written: to compare, never to send.

Only the street, the postal code and the country are compared. The number of a flat is
left out, for whoever wants to be two people invents one.
"""

import re
import unicodedata

from django.db.models import QuerySet, Value
from django.db.models.functions import Left, Replace, Upper
from django.utils.crypto import salted_hmac

from accounts.models import PostalAddress

_SAME = {
    "st": "street",
    "str": "street",
    "strasse": "street",
    "rd": "road",
    "ave": "avenue",
    "av": "avenue",
    "blvd": "boulevard",
    "dr": "drive",
    "ln": "lane",
    "ct": "court",
    "pl": "place",
    "sq": "square",
    "hwy": "highway",
    "n": "north",
    "s": "south",
    "e": "east",
    "w": "west",
}
_FLAT = re.compile(
    r"(?:\b(?:apt|apartment|flat|unit|suite|ste|room|rm|floor|fl|no)\b\.?|#)\s*\w+\s*"
)


def door_of(address: PostalAddress) -> str:
    """A keyed hash of the front door; empty without a street."""
    street = _plain(address.street)
    # German streets carry their kind at the end of the word.
    street = re.sub(r"(\w)(?:strasse|str)\b\.?", r"\1 street", street)
    words = re.findall(r"\w+", _FLAT.sub(" ", street))
    if not words:
        return ""
    street = "".join(_SAME.get(word, word) for word in words)
    key = f"{address.country}:{code_of(address)}:{street}"
    return salted_hmac("referrals.doors", key, algorithm="sha256").hexdigest()


def code_of(address: PostalAddress) -> str:
    """The postal code in letters and digits, else the city; of a ZIP the first five."""
    code = "".join(filter(str.isalnum, _plain(address.postal_code or address.city)))
    return code[:5] if address.country == "US" and address.postal_code else code


def near(rows: QuerySet, address: QuerySet) -> QuerySet:
    """Of these addresses those whose code begins like one of the others.

    So much a database can compare; `door_of` says which of them are one door.
    """
    begin = Left(_without(Upper("postal_code"), " ", "-", "."), 5)
    others = address.annotate(begin=begin).values("begin")
    return rows.annotate(begin=begin).filter(
        begin__in=others, country__in=address.values("country")
    )


def _without(text, *letters):
    for letter in letters:
        text = Replace(text, Value(letter), Value(""))
    return text


def _plain(text):
    # casefold() before it, for it makes ß two letters.
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
