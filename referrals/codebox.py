"""Codes that somebody types in: which link one means, and what to say when it fails.

One sentence stands for every code that does not work, whatever the cause, so that
nobody learns from it which codes exist. Only one's own code is told as such.
"""

from django.utils import timezone

from accounts.models import User
from referrals import candidates, guesses, links
from referrals.models import ReferralLink
from shop.kit import limits

NOT_ACTIVE = "This invitation code is not active. Check how it is spelled."
OWN = "This is your own code. It is for your friends."
TOO_MANY = "That were too many codes. Try again in an hour."

MOST_TRIES = 10
_HOUR = 3600


def may_try(*who: str) -> bool:
    """Count one try of a code for each of these keys, and tell if all are within.

    A client that guesses at links may not guess here either.
    """
    counted = [
        limits.allow("invitation-code", key, limit=MOST_TRIES, seconds=_HOUR)
        for key in who
    ]
    return all(counted) and not any(map(guesses.are_too_many, who))


def link_of(text: str) -> ReferralLink | None:
    """The link that a typed code means, working or not. One query, or none."""
    return links.resolve(text) if text.strip() else None


def refusal(text: str, user: User | None = None) -> str:
    """The sentence for a code that brings nothing; empty for one that works."""
    link = link_of(text)
    if link is None:
        return NOT_ACTIVE
    if user and link.owner_id == user.pk:
        return OWN
    typed = candidates.judged(candidates.Method.TYPED, link, timezone.now())
    return NOT_ACTIVE if typed.against else ""
