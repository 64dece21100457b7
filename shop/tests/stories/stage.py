"""One telling of a story: a shop and a Stripe of its own, and the way between them."""

import random
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory

import time_machine
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.test import Client, TestCase, override_settings

from catalog.tests.factories import make_variant
from orders import expiry, payments, reconciler, refunds
from orders.models import Order, StripeEvent
from orders.tests.factories import give, make_user, make_zone, post_event
from referrals import sweeps
from referrals.tests.factories import make_attribution, make_member, set_terms
from shop.kit import books, jobs
from shop.sandbox.testing import MemoryStripe
from shop.tests.stories import acts, picture

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
# Settling makes refunds, whose events are heard, which may settle more.
MOST_ROUNDS = 6


@dataclass(frozen=True)
class Weather:
    """How messages travel; `None` stands for the fair one: in order, once, at once.

    `drop` of them are not delivered but found by asking Stripe; each of the others
    comes up to `copies` times. With `restless` the worker looks between messages.
    """

    seed: int = 0
    copies: int = 2
    drop: float = 0.3
    restless: bool = False


def tell(story: acts.Story, weather: Weather | None = None) -> picture.Picture:
    """Play a story from its beginning to its end; what is left, proved.

    The database is as before when it returns. It asks for one in which transactions
    can be rolled back, and for `run_jobs`.
    """
    with _world(story) as stage:
        stage.weather, stage.luck = weather, random.Random(weather and weather.seed)
        for act in story.acts:
            stage.do(act)
        stage.settle()
        stage.prove()
        return picture.take(stage.outcomes)


def tell_afterwards(
    story: acts.Story, mixed: Callable[[list], list]
) -> picture.Picture:
    """Play a story while no message gets through; then all come, as `mixed` has them.

    What failed because it came too early is left to the shop's own jobs.
    """
    with _world(story) as stage:
        stage.is_deaf = True
        for act in story.acts:
            stage.do(act)
        stage.is_deaf = False
        stage.hear_late(mixed)
        stage.settle()
        stage.prove()
        return picture.take(stage.outcomes)


@contextmanager
def _world(story):
    """A shop before anything happened, gone afterwards."""
    cache.clear()
    with (
        time_machine.travel(BEGIN, tick=False) as clock,
        TemporaryDirectory() as folder,
        transaction.atomic(),
    ):
        stripe = MemoryStripe(folder, webhook_secret=settings.STRIPE_WEBHOOK_SECRETS[0])
        with stripe.serving() as address, override_settings(STRIPE_API_BASE=address):
            payments.client.cache_clear()
            try:
                yield Stage(story.beginning, stripe, clock)
            finally:
                payments.client.cache_clear()
        transaction.set_rollback(True)
    cache.clear()


class Stage:
    """Where the people of a story act; its verbs are used by `acts`."""

    def __init__(self, beginning, stripe: MemoryStripe, clock):
        self.stripe, self.clock = stripe, clock
        self.weather, self.luck = None, random.Random()
        self.outcomes, self.is_deaf = [], False
        self._client = Client(headers={"host": settings.SITE_HOST})
        self._heard, self._waiting = set(), []
        make_zone(amount=500)
        terms = set_terms(hold_days=beginning.hold_days)
        self.inviter = make_member("inviter@example.com")
        self.friend = make_member("friend@example.com", days_ago=1)
        self.stranger = make_user("stranger@example.com")
        self.staff = make_user("staff@example.com", is_staff=True)
        make_attribution(self.inviter, self.friend, terms=terms)
        if beginning.balance:
            give(self.friend, beginning.balance)
        self.allows_debit = beginning.allows_debit
        self.lamp = make_variant(sku="LAMP", amount=1750, stock=30)
        self.last = make_variant(sku="LAST", amount=4500, stock=1)

    def do(self, act: acts.Act) -> None:
        """One act, and whatever of its news arrives at once."""
        verb, depends_on_news = acts.VERBS[act.verb]
        if depends_on_news:
            self.settle()
        self.pass_time(minutes=1)
        with TestCase.captureOnCommitCallbacks(execute=True):
            outcome = acts.attempt(verb, self, act)
        self.outcomes.append((act.verb, outcome))
        if not self.is_deaf:
            self.hear_some()

    def orders(self):
        return Order.objects.order_by("pk")

    def pass_time(self, **much) -> None:
        """For the shop and for Stripe, which then does what was planned."""
        self.clock.shift(timedelta(**much))
        self.stripe.clock.advance(0)

    def hear_some(self) -> None:
        """Fair: all of it. Else any part of what waits, some of it twice."""
        self._collect()
        if not self.weather:
            self._deliver(self._waiting)
            self._waiting = []
            return
        now = [event for event in self._waiting if self.luck.random() < 0.5]
        again = [event for event in self.stripe.events() if self.luck.random() < 0.1]
        again = [event for event in again if event["id"] in self._heard]
        self._scatter(now + again)
        if self.weather.restless:
            self._work()

    def hear_late(self, mixed: Callable[[list], list]) -> None:
        """All that was ever said comes at last; jobs try again what came too early."""
        self._deliver(mixed(self._collect()))
        self._waiting = []
        for _ in range(MOST_ROUNDS):
            self.pass_time(minutes=2)
            self._work()

    def settle(self) -> None:
        """All that was said has arrived, and the shop has done what follows from it."""
        self.pass_time(minutes=2)
        for _ in range(MOST_ROUNDS):
            self._collect()
            if not self.weather:
                self._deliver(self._waiting)
                self._waiting = []
            else:
                self._scatter(self._waiting)
                self._ask_stripe()
            self._work()
            with TestCase.captureOnCommitCallbacks(execute=True):
                refunds.finish_requested()
                expiry.expire_overdue()
            if not self._collect():
                break
        else:
            raise AssertionError("The shop never comes to rest.")
        self._work()
        assert not StripeEvent.objects.unprocessed().exists()

    def prove(self) -> None:
        """The books add up, by Stripe's own lists, too; settling once more is idle."""
        self.pass_time(minutes=2)
        found = books.prove(outside=True)
        wrong = {each.rule.says: each.rows for each in found if each.rows}
        assert wrong == {}, "The books do not add up at the end of this story."
        before = picture.take([])
        sweeps.settle_all(self.orders())
        assert picture.take([]) == before, "A later settlement decides otherwise."

    def _collect(self) -> list:
        """Note what Stripe has said since; it waits on its way to the shop."""
        known = {event["id"] for event in self._waiting} | self._heard
        news = [event for event in self.stripe.events() if event["id"] not in known]
        self._waiting += news
        return self._waiting

    def _scatter(self, events) -> None:
        """Some of each event's copies arrive, in any order; the lost ones wait on."""
        lost = {
            event["id"]
            for event in events
            if event["id"] not in self._heard and self.luck.random() < self.weather.drop
        }
        arriving = [event for event in events if event["id"] not in lost]
        copies = self.luck.randint(1, self.weather.copies)
        self._deliver(arriving, shuffle=self.luck, duplicate=copies)
        self._waiting = [
            event for event in self._waiting if event["id"] not in self._heard
        ]

    def _deliver(self, events, **how) -> None:
        done = self.stripe.deliver(self._post, events, **how)
        assert not done.refused
        self._heard |= {event["id"] for event in events}

    def _post(self, body, signature):
        with TestCase.captureOnCommitCallbacks(execute=True):
            return post_event(self._client, body, signature)

    def _ask_stripe(self) -> None:
        with TestCase.captureOnCommitCallbacks(execute=True):
            reconciler.reconcile()
        self._heard |= {event["id"] for event in self._waiting}
        self._waiting = []

    def _work(self) -> None:
        """The worker's turn: jobs, and the sweeps for rewards."""
        with TestCase.captureOnCommitCallbacks(execute=True):
            jobs.run_due()
            sweeps.settle_all(sweeps.outdated())
            sweeps.release_due()
            jobs.run_due()
