"""The programme's part of the demo: one case in every state that there is.

Each file is about one person whom one can sign in as, and says what is to be seen.
"""

from datetime import timedelta

from referrals import attributions, retention, rollup, settlement
from shop.demo.friends import crowd, max, maya, offer, priya, spoken, tomas
from shop.demo.story import Calendar, Scene

# What the worker does at night, as far as something moves by it.
ROUNDS = [settlement.release_due, attributions.lapse_forgotten]
CAST = [maya.MAYA, tomas.TOMAS, priya.PRIYA, max.MAX, offer.LEE]


def scenes(calendar: Calendar) -> list[Scene]:
    parts = (offer, crowd, maya, tomas, priya, max, spoken)
    return [scene for part in parts for scene in part.scenes(calendar)]


def count_the_past() -> None:
    """The funnel of the days whose visits the worker forgets when it starts."""
    day = rollup.today() - timedelta(days=offer.OPENED)
    while day < rollup.day_of(retention.visits_since()):
        rollup.roll_up(day)
        day += timedelta(days=1)
