"""Rate limits in the cache: so many tries of one thing by one key in one window."""

import time

from django.core.cache import cache


def allow(name: str, key: str, *, limit: int, seconds: int) -> bool:
    """Count one try and tell whether it is within `limit` tries per `seconds`."""
    return count(name, key, seconds=seconds) <= limit


def count(name: str, key: str, *, seconds: int) -> int:
    """Count one try; the how-manieth it is in this window of so many seconds."""
    window = int(time.time() // seconds)
    slot = f"limit:{name}:{key}:{window}"
    cache.add(slot, 0, timeout=seconds + 1)
    try:
        return cache.incr(slot)
    except ValueError:  # the entry fell out of the cache between the two calls
        return 1


def counted(name: str, key: str, *, seconds: int) -> int:
    """How many tries were counted in this window so far; asking counts none."""
    return cache.get(f"limit:{name}:{key}:{int(time.time() // seconds)}", 0)
