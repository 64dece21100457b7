"""Whoever tries codes that lead nowhere, over and over, is refused for a while.

Counted by client, so that nobody else notices; and in the cache, so that a flood of
guesses writes no row.
"""

from allauth.account.adapter import get_adapter

from shop.kit import limits

MOST = 20
_NAME = "invitation-misses"
_HOUR = 3600


def are_too_many(request) -> bool:
    """Whether this client has used up its wrong codes of the hour."""
    return limits.counted(_NAME, _client(request), seconds=_HOUR) >= MOST


def count(request) -> None:
    """One more code that led nowhere."""
    limits.count(_NAME, _client(request), seconds=_HOUR)


def _client(request):
    return get_adapter(request).get_client_ip(request)
