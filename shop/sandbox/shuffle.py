"""Deliver events as the world does: late, twice, at once, in any order, or never."""

import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from .stripe import events as stripe_events
from .stripe import signing

Event = dict[str, Any]
# (signed body, `Stripe-Signature`) in, an answer with a `status_code` out.
Post = Callable[[bytes, str], Any]


@dataclass
class Delivered:
    """What became of the parcels: (event, status) in the order of answers."""

    answers: list[tuple[Event, int]] = field(default_factory=list)
    dropped: list[Event] = field(default_factory=list)

    @property
    def refused(self) -> list[Event]:
        """Events whose last answer was not 2xx: Stripe would come back with them."""
        last = {event["id"]: (event, status) for event, status in self.answers}
        return [event for event, status in last.values() if not 200 <= status < 300]


def deliver(
    client_post: Post,
    events: Iterable[Event],
    *,
    secret: str,
    shuffle: random.Random | None = None,
    duplicate: int = 1,
    parallel: int = 1,
    drop: float = 0,
    retries: int = 3,
) -> Delivered:
    """Post each event `duplicate` times, and again while it is not answered 2xx.

    `shuffle` (a seeded Random, so that a failure can be repeated) mixes the parcels;
    without it they keep their order. `parallel` posts run at once, in threads: a
    Django view needs a transactional database then, and each thread closes its own
    connections. `drop` is the share of events, 0 to 1, of which no parcel arrives.
    """
    told = list(events)
    luck = shuffle or random.Random(0)
    lost = luck.sample(range(len(told)), round(len(told) * drop))
    result = Delivered(dropped=[told[n] for n in sorted(lost)])
    parcels = [event for n, event in enumerate(told) if n not in lost] * duplicate
    if shuffle:
        shuffle.shuffle(parcels)
    for _ in range(1 + retries):
        result.answers += _round(client_post, parcels, secret, parallel)
        parcels = result.refused
        if not parcels:
            break
    return result


def _round(post: Post, parcels: list[Event], secret: str, parallel: int):
    def send(event: Event) -> tuple[Event, int]:
        body = stripe_events.body(event)
        signature = signing.header(secret, body, int(time.time()))
        return event, post(body, signature).status_code

    if parallel == 1:
        return [send(event) for event in parcels]
    with ThreadPoolExecutor(parallel) as threads:
        return list(threads.map(send, parcels))
