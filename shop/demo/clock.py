"""The demo's clock: for a while this process believes that it is an earlier day.

So the demo's past is lived and not written: orders are placed, paid, held and released
by the shop's own verbs, each on its day. The shop asks `timezone.now()` for the time,
the sandbox and the rate limits ask `time.time()`. Both look the clock up under a name
in their module when they are called, and these two names are lent out here. Whatever
asks the machine by itself, such as a wait, goes on in real time.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.utils import timezone


class Clock:
    """How far the present is from the day that is believed in."""

    def __init__(self):
        self.shift = timedelta()

    def move_to(self, moment: datetime) -> None:
        """It is that moment now, and time goes on from there."""
        self.shift = moment - datetime.now(UTC)


@contextmanager
def lent() -> Iterator[Clock]:
    """A clock to move; when the block ends, it is today again."""
    clock = Clock()
    seconds, moments = time.time, timezone.datetime

    class AnyMoment(type):
        def __instancecheck__(cls, value):
            return isinstance(value, datetime)

    class Moment(datetime, metaclass=AnyMoment):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + clock.shift

    timezone.datetime = Moment
    time.time = lambda: seconds() + clock.shift.total_seconds()
    try:
        yield clock
    finally:
        timezone.datetime, time.time = moments, seconds
