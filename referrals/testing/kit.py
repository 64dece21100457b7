"""People, links and orders for the tests of whoever builds on the programme.

Everything that makes a row comes from the factories of our own tests. Ask for the
fixtures `stripe_sandbox`, `run_jobs` and `time_machine` to go with it.
"""

import random
from datetime import timedelta

from orders.tests.factories import deliver
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    make_visit,
    make_visitor,
    set_terms,
)
from referrals.tests.people import buy, join, sign_up

__all__ = [
    "advance_time",
    "buy",
    "deliver_stripe",
    "join",
    "make_attribution",
    "make_link",
    "make_member",
    "make_order",
    "make_visit",
    "make_visitor",
    "set_terms",
    "sign_up",
]


def advance_time(time_machine, run_jobs, **span: float) -> None:
    """Let so much time pass, as `timedelta` takes it, and the worker do what is due."""
    time_machine.shift(timedelta(**span))
    run_jobs()


def deliver_stripe(client, stripe, events, *, times=3, shuffle=True, seed=0) -> None:
    """Post Stripe's events to the webhook, each so often and in no order.

    Another `seed` is another order. AssertionError where one is not acknowledged.
    """
    lot = [event for event in events for _ in range(times)]
    if shuffle:
        random.Random(seed).shuffle(lot)
    for event in lot:
        assert deliver(client, stripe, event).status_code == 200
