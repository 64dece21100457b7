"""Two hundred purchases with refunds, while web server and worker are killed at random.

The seed decides who buys what and what is killed after how many answers; how far the
other processes are at that moment is for the machine to say.
"""

import json
import random
import time
from collections import Counter
from threading import Event, Thread

import pytest

from shop.sandbox.stripe import clock, deliveries
from shop.tests.crash import agreements, crowds, shops
from shop.tests.crash.chaos import Chaos

pytestmark = pytest.mark.postgres

SEED = 20261123
SIX_DAYS = 6 * 24 * 3600
# Stripe tries again after 2, 10, 60 seconds …, an hour; here it is in a hurry, but
# looks before each try whether the shop is up, for it gives up after six.
HURRY_SECONDS = 2 * 3600
LAST_STRIKES = 6
MOST_ROUNDS = 10
NOTHING = "0 settled. 0 events had not arrived, 0 were replayed. 0 failures"


def test_inv_34_a_stream_of_orders_survives_kills_at_random(tmp_path, record_property):
    chance = random.Random(SEED)
    people = crowds.crowd(chance)
    with shops.opened(tmp_path, with_webhooks=True) as shop:
        stream, chaos = storm(shop, people, chance)

        mended = come_to_rest(shop)

        books = shop.books()
        assert NOTHING in shop.run("manage", "reconcile")[1]
        assert ageless(shop.books()) == ageless(books)
        stripe = agreements.read_stripe(agreements.config_of(shop))
        unfinished = json.loads(shop.run("act", "count_unfinished")[1])
        proof = shop.run("manage", "prove_books")[1]

    found = agreements.drift(books, stripe, stream.diary)
    found["Nothing is left to do"] = unfinished
    found["No page said 5xx"] = stream.pulse.errors
    for what, count in happened(books, stripe, stream, chaos, mended):
        record_property("Orders under random kills", {"what": what, "count": count})
    for says, rows in found.items():
        record_property("After the kills", {"drift": len(rows), "rule": says})
    for line in proof.splitlines():
        drifted, says = line.split(maxsplit=1)
        record_property("After the kills", {"drift": drifted, "rule": says})
    assert {says: rows for says, rows in found.items() if rows} == {}
    assert sum(chaos.kills.values()) >= 25
    assert min(chaos.kills["web"], chaos.kills["worker"]) >= 8
    assert len(stream.diary.thanked) == sum(one.ends != "abandons" for one in people)
    assert len(stripe.refunds) >= 50


def storm(shop, people, chance):
    """Everybody shops, staff refund, six days pass, and things are killed meanwhile."""
    money = {"friend": 700, "rich": 30_000}
    friends = [f"{one.email}={money[one.account]}" for one in people if one.account]
    wares = json.loads(shop.run("act", "open_for_a_crowd", *friends)[1])
    shop.web.start()
    shop.worker.start()
    shops.wait_for(f"{shop.address}/healthz")
    stream = crowds.Stream(shop.address, shop.sandbox, wares, people)
    chaos = Chaos(shop, stream.pulse, random.Random(chance.random()))
    config = agreements.config_of(shop)
    with hurry(config):
        with chaos:
            stream.run()
        assert stream.diary.failures == []
        # Card pages that nobody paid expire, slow refunds arrive, some come back.
        clock.advance(config, SIX_DAYS)
        for _ in range(LAST_STRIKES):
            chaos.strike()
    return stream, chaos


def come_to_rest(shop):
    """What follows by itself: one reconciler run, late webhooks, the worker's hours."""
    shop.worker.stop()
    said = shop.run("manage", "reconcile")[1]
    config = agreements.config_of(shop)
    while deliveries.deliver_due(config, now=time.time() + SIX_DAYS):
        pass
    for _ in range(MOST_ROUNDS):
        shop.work()
        if json.loads(shop.run("act", "count_unfinished")[1]) == []:
            break
    return said.strip()


class hurry:
    """Meanwhile Stripe waits for less before it tries a webhook again."""

    def __init__(self, config):
        self.config = config
        self.over = Event()
        self.thread = Thread(target=self._deliver, daemon=True)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _deliver(self):
        tried = 0
        while not self.over.wait(0 if tried else 0.5):
            shops.wait_for(f"{self.config.shop_url}/healthz")
            soon = time.time() + HURRY_SECONDS
            tried = deliveries.deliver_due(self.config, now=soon, limit=1)


def ageless(books):
    for order in books["orders"]:
        del order["age"]
    return books


def happened(books, stripe, stream, chaos, mended):
    yield from sorted(
        (f"orders {state}", count)
        for state, count in Counter(one["state"] for one in books["orders"]).items()
    )
    yield (
        "paid sessions",
        sum(one["payment_status"] == "paid" for one in stripe.sessions),
    )
    yield from sorted(
        (f"refunds {state}", count)
        for state, count in Counter(one["status"] for one in stripe.refunds).items()
    )
    yield from sorted((f"kills of the {name}", n) for name, n in chaos.kills.items())
    yield "connections broken or refused", stream.pulse.broken
    yield "answers", stream.pulse.count
    yield "webhooks delivered again", stripe.redeliveries
    yield "mails, by Message-ID", len(stripe.letters)
    yield "mails sent again", stripe.letters.total() - len(stripe.letters)
    yield "the reconciler said", mended
