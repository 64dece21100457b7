import random
import threading
from collections import Counter
from types import SimpleNamespace

import pytest
import stripe

from .factories import session_params


class Webhook:
    """A shop that verifies and remembers; refuses the first `refusals` parcels."""

    def __init__(self, secret, refusals=0):
        self.secret, self.refusals = secret, refusals
        self.ids = []
        self.lock = threading.Lock()

    def post(self, body, signature):
        event = stripe.Webhook.construct_event(body, signature, self.secret)
        with self.lock:
            self.ids.append(event.id)
            self.refusals -= 1
            return SimpleNamespace(status_code=500 if self.refusals >= 0 else 200)


@pytest.fixture
def events(client, sandbox):
    for _ in range(3):
        sandbox.pay(client.v1.checkout.sessions.create(session_params()).id)
    return sandbox.events()


@pytest.fixture
def webhook(sandbox):
    return Webhook(sandbox.config.webhook_secret)


def test_events_arrive_in_order_and_once_unless_asked_otherwise(
    sandbox, events, webhook
):
    delivered = sandbox.deliver(webhook.post, events)

    assert webhook.ids == [event["id"] for event in events]
    assert {status for _, status in delivered.answers} == {200}
    assert delivered.refused == delivered.dropped == []


def test_a_seed_decides_the_order(sandbox, events, webhook):
    again = Webhook(webhook.secret)

    sandbox.deliver(webhook.post, events, shuffle=random.Random(7))
    sandbox.deliver(again.post, events, shuffle=random.Random(7))

    assert webhook.ids == again.ids != [event["id"] for event in events]


def test_events_can_come_many_times_and_at_once(sandbox, events, webhook):
    sandbox.deliver(
        webhook.post, events, shuffle=random.Random(7), duplicate=3, parallel=4
    )

    assert Counter(webhook.ids) == {event["id"]: 3 for event in events}


def test_dropped_events_never_arrive(sandbox, events, webhook):
    delivered = sandbox.deliver(
        webhook.post, events, shuffle=random.Random(7), duplicate=2, drop=0.25
    )

    assert len(delivered.dropped) == 3
    assert not set(webhook.ids) & {event["id"] for event in delivered.dropped}


def test_what_is_refused_comes_back(sandbox, events, webhook):
    webhook.refusals = 2

    delivered = sandbox.deliver(webhook.post, events)

    assert webhook.ids[-2:] == webhook.ids[:2]
    assert delivered.refused == []


def test_what_is_always_refused_is_told(sandbox, events, webhook):
    webhook.refusals = 999

    delivered = sandbox.deliver(webhook.post, events[:1], retries=2)

    assert len(webhook.ids) == 3
    assert delivered.refused == events[:1]
