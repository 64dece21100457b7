"""Whoever tries codes that lead nowhere, over and over, is refused for a while.

Counted by client, so that nobody else notices; and in the cache, so that a flood of
guesses writes no row. A canary was shown to nobody: the first one tried is enough.
"""

from allauth.account.adapter import get_adapter

from referrals import canaries
from shop.kit import limits

MOST = 20
_NAME = "invitation-misses"
_LATE = "invitation-latecomers"
_HOUR = 3600


def client_of(request) -> str:
    """The address that guesses are counted by."""
    return get_adapter(request).get_client_ip(request)


def are_too_many(client: str) -> bool:
    """Whether this client has used up its wrong codes of the hour."""
    return limits.is_used_up(_NAME, client, limit=MOST, seconds=_HOUR)


def count(client: str, *, is_guess: bool = True) -> None:
    """One more request whose codes led nowhere.

    One that named a link which there is, or was, guesses nothing: a whole office may
    still open it. It is counted aside, so that the time tells no difference.
    """
    limits.count(_NAME if is_guess else _LATE, client, seconds=_HOUR)


def look_at(client: str, texts: list[str]) -> None:
    """Refuse this client for an hour if a canary is among what it typed.

    The answer to this request is the same as to any wrong code. One query, or none.
    """
    if canaries.are_among(texts):
        limits.shut(_NAME, client, seconds=_HOUR)
