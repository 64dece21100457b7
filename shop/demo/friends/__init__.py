"""The programme's part of the demo: one case in every state that there is.

Each file is about one person whom one can sign in as, and says what is to be seen.
"""

from orders.models import Order
from referrals import attributions, retention, rollup, sweeps
from referrals.models import Attribution, Reward, Visit
from shop.demo.friends import crowd, max, maya, offer, priya, spoken, tomas
from shop.demo.story import Calendar, Scene

CAST = [maya.MAYA, tomas.TOMAS, priya.PRIYA, max.MAX, offer.LEE]


def scenes(calendar: Calendar) -> list[Scene]:
    parts = (offer, crowd, maya, tomas, priya, max, spoken)
    return [scene for part in parts for scene in part.scenes(calendar)]


def settle_what_ended() -> None:
    sweeps.settle_all(sweeps.ended())


# What the worker does at night, as far as something moves by it.
ROUNDS = [sweeps.release_due, attributions.lapse_forgotten, settle_what_ended]


def count_the_past() -> None:
    """The funnel of the days whose visits the worker forgets when it starts."""
    moments = [
        *Visit.objects.values_list("first_at", flat=True),
        *Attribution.objects.values_list("created_at", flat=True),
        *Order.objects.values_list("confirmed_at", flat=True),
        *Reward.objects.values_list("released_at", flat=True),
    ]
    days = {rollup.day_of(moment) for moment in moments if moment}
    for day in sorted(days):
        if day < rollup.day_of(retention.visits_since()):
            rollup.roll_up(day)
