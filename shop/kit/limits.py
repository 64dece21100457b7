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


def is_first(name: str, key: str, *, seconds: int) -> bool:
    """Whether so many seconds have passed since this was last the first time."""
    slot, now = f"limit:{name}:{key}:first", time.time()
    if cache.add(slot, now, timeout=seconds):
        return True
    # The moment is the value: by our clock, whatever clock the cache goes by.
    if now - cache.get(slot, 0) < seconds:
        return False
    cache.set(slot, now, timeout=seconds)
    return True


def is_used_up(name: str, key: str, *, limit: int, seconds: int) -> bool:
    """Whether this window's tries are used up or the key is shut; asking counts none.

    One question to the cache.
    """
    slot = f"limit:{name}:{key}:{int(time.time() // seconds)}"
    found = cache.get_many([slot, _closed(name, key)])
    is_shut = time.time() < found.get(_closed(name, key), 0)
    return is_shut or found.get(slot, 0) >= limit


def shut(name: str, key: str, *, seconds: int) -> None:
    """Use up every try of this key from now on, for so many seconds."""
    # The end is the value: by our clock, whatever clock the cache goes by.
    cache.set(_closed(name, key), time.time() + seconds, timeout=seconds)


def _closed(name, key):
    return f"limit:{name}:{key}:shut"
