"""Mailboxes that are one, however their address is spelled: to compare, never to write.

Dots in a Gmail name, anything after a plus, capitals and width make no other person.
"""

import re
import unicodedata

from django.utils.crypto import salted_hmac

_GMAIL = ("gmail.com", "googlemail.com")


def canonical(email: str) -> str:
    """One form for all spellings of a mailbox."""
    name, _, domain = (
        unicodedata.normalize("NFKC", email).strip().casefold().rpartition("@")
    )
    name = name.partition("+")[0]
    if domain in _GMAIL:
        name, domain = name.replace(".", ""), "gmail.com"
    return f"{name}@{domain}"


def spellings(email: str) -> str:
    """A regular expression, for any capitals, that the spellings of a mailbox match."""
    name, _, domain = canonical(email).rpartition("@")
    if domain == "gmail.com":
        letters = r"\.*".join(re.escape(letter) for letter in name)
        return rf"^\.*{letters}\.*(\+[^@]*)?@(gmail|googlemail)\.com$"
    return rf"^{re.escape(name)}(\+[^@]*)?@{re.escape(domain)}$"


def hash_of(email: str) -> str:
    """A keyed hash of the mailbox, for whoever must be recognised and not be known."""
    key = salted_hmac("referrals.mailboxes", canonical(email), algorithm="sha256")
    return key.hexdigest()
