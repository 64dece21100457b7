"""The demo's past: many scenes, lived side by side, a day at a time.

A scene is a generator. It yields the moment at which it goes on, and does the next
thing when that moment has come. Of all scenes the one whose moment is nearest goes on,
so that orders, numbers and transfers come in the order in which they happened. After
each the worker's jobs run, and each night those of its rounds that move something.
"""

import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts import expiry as credit
from accounts.models import User
from orders import expiry as orders
from shop.demo import clock, errands, opening, people
from shop.demo.people import Person
from shop.kit import jobs

Scene = Iterator[datetime]

OPENED = 100  # days ago

_NIGHT = time(0, 10)


@dataclass(frozen=True)
class Calendar:
    """Moments before the present one; days are the shop's own."""

    now: datetime

    def day(self, ago: int, hour: int = 12, minute: int = 0) -> datetime:
        return self._at(ago, time(hour, minute))

    def just(self, **ago: float) -> datetime:
        """Shortly before now, as `timedelta` takes it."""
        return self.now - timedelta(**ago)

    def nights(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """Shortly after each midnight in between."""
        ago = (self.now - since).days + 1
        moments = (self._at(each, _NIGHT) for each in range(ago, -1, -1))
        return (moment for moment in moments if since < moment <= until)

    def _at(self, ago, at):
        zone = timezone.get_default_timezone()
        day = timezone.localdate(self.now, zone) - timedelta(days=ago)
        return datetime.combine(day, at, tzinfo=zone)


def load(say: Callable[[str], None]) -> None:
    """Let the people live their story, once; the fresh member joins when it is over."""
    if User.objects.filter(email=people.MEMBER.email).exists():
        return
    calendar = Calendar(timezone.now())
    if User.objects.filter(email=people.CUSTOMER.email).exists():
        say("The demo was interrupted; `make clean` lets it begin anew.")
    elif settings.SANDBOX:
        say("Letting the demo's people shop …")
        with opening.shop_open(), _one_connection():
            _play(calendar)
            if _has_programme():
                _friends().count_the_past()
    for person in reversed(cast()):
        people.join(person, calendar.day(2, 18, 40))


def cast() -> list[Person]:
    """Whom one can sign in as, the fresh member first and the staff last."""
    everybody = [*people.CAST, *(_friends().CAST if _has_programme() else [])]
    return sorted(everybody, key=lambda person: person.is_staff)


@contextmanager
def _one_connection():
    # The worker closes its connection after each job, and SQLite tidies up whenever the
    # last one is closed: a hundred times that takes longer than the story.
    connection.ensure_connection()
    connection.close_at = None
    try:
        yield
    finally:
        connection.close()


def _play(calendar):
    scenes, rounds = [_customer(calendar)], [credit.run.call, orders.expire_overdue]
    if _has_programme():
        scenes += _friends().scenes(calendar)
        rounds += _friends().ROUNDS
    waiting: list[tuple[datetime, int, Scene]] = []
    for number, scene in enumerate(scenes):
        _wait(waiting, number, scene)
    with clock.lent() as moved:
        before = waiting[0][0]
        while waiting:
            moment, number, scene = heapq.heappop(waiting)
            _sleep(calendar.nights(before, moment), rounds, moved)
            before = moment
            moved.move_to(moment)
            _wait(waiting, number, scene)
            jobs.run_due()
        _sleep(calendar.nights(before, calendar.now), rounds, moved)


def _wait(waiting, number, scene):
    moment = next(scene, None)
    if moment:
        heapq.heappush(waiting, (moment, number, scene))


def _sleep(nights, rounds, moved):
    for night in nights:
        moved.move_to(night)
        for each in rounds:
            each()
        jobs.run_due()


def _customer(calendar) -> Scene:
    """A customer with a history, and who runs the shop."""
    yield calendar.day(OPENED, 8)
    people.join(people.STAFF)
    anna = people.join(people.CUSTOMER)
    yield calendar.day(90, 19, 30)
    errands.buy(anna, {"TG-REE-CLAY": 1, "TG-FOL-INK": 1})


def _has_programme():
    # A shop without the referral programme has a demo, too.
    return apps.is_installed("referrals")


def _friends():
    from shop.demo import friends

    return friends
