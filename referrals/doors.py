"""Where somebody lives, however the address is written: to compare, never to send.

Only the street, the postal code and the country are compared. The number of a flat is
left out, for whoever wants to be two people invents one.
"""

import re
import unicodedata

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
    code = "".join(filter(str.isalnum, _plain(address.postal_code or address.city)))
    key = f"{address.country}:{code}:{street}"
    return salted_hmac("referrals.doors", key, algorithm="sha256").hexdigest()


def _plain(text):
    # casefold() before it, for it makes ß two letters.
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
