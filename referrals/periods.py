"""A stretch of days by the shop's own calendar, as reports ask for it."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from referrals import rollup

WEEK = timedelta(days=7)
QUARTER = timedelta(days=90)
LONGEST = timedelta(days=800)


@dataclass(frozen=True)
class Period:
    """From one day to another, both included."""

    since: date
    until: date

    @property
    def start(self) -> datetime:
        return _midnight(self.since)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return _midnight(self.until + timedelta(days=1))

    def within(self, moment: str) -> dict[str, datetime]:
        """The filter of a moment's column, as a query and as an address."""
        return {f"{moment}__gte": self.start, f"{moment}__lt": self.end}

    def days(self, day: str) -> dict[str, date]:
        """The same of a column of days."""
        return {f"{day}__gte": self.since, f"{day}__lte": self.until}

    def __str__(self):
        return f"from {self.since} to {self.until}"


def lately() -> Period:
    """The last quarter up to today."""
    today = rollup.today()
    return Period(today - QUARTER, today)


def monday(day: date) -> date:
    """The first day of a day's week."""
    return day - timedelta(days=day.weekday())


def _midnight(day):
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())
