"""Find the orders that wait to be settled, and settle them, one transaction each.

A signal is for promptness, a sweep for correctness: both end in `settlement`.
"""

import logging
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import LotUse
from orders.models import Order
from referrals import breaker
from referrals.facts import OUT_OF_ROOM
from referrals.models import Reward, Settlement, Unsettled
from referrals.settlement import PAUSED, RULE_FAILED, judge_and_settle

logger = logging.getLogger("tandem.referrals")

State = Reward.State


def outdated() -> QuerySet[Order]:
    """Orders of invited people that were never settled, or not since the last news.

    A pause that ended and a rule that broke are news, too. Read from what the database
    marks, by index: they are few, however many orders there are.
    """
    again = Settlement.objects.filter(
        Q(reason=RULE_FAILED)
        | Q(reason="paused", attribution__terms__campaign__paused_at=None),
        # As the index says it.
        reason__in=["paused", RULE_FAILED],
    )
    marked = Unsettled.objects.values("order").union(again.values("order"))
    return Order.objects.filter(pk__in=marked).order_by("confirmed_at", "pk")


def waiting() -> QuerySet[Order]:
    """Orders whose reward was taken back, all of it or a share, is due again and has no
    room, or waits for releases to go on: each look may find that it has."""
    has_no_room = Settlement.objects.filter(
        reason__in=OUT_OF_ROOM, reward__state__in=[State.REVERSED, *Reward.LIVE]
    )
    is_paused = Settlement.objects.filter(reason=PAUSED, reward__state=State.REVERSED)
    rows = Order.objects.filter(referral_settlement__in=has_no_room | is_paused)
    return rows.order_by("confirmed_at", "pk")


def ended() -> QuerySet[Order]:
    """Orders whose reward has credit that ran out lately and does not say so."""
    uses = LotUse.objects.filter(
        transfer__kind="expiry",
        transfer__created_at__gte=timezone.now() - timedelta(days=1),
        lot__transfer__key__startswith="reward:",
    )
    keys = uses.values_list("lot__transfer__key", flat=True)
    found = {int(key.split(":")[1]) for key in keys}
    told = Reward.objects.filter(pk__in=found, state=State.AVAILABLE)
    return Order.objects.filter(pk__in=told.values("order")).order_by("pk")


def release_due(now: datetime | None = None) -> int:
    """Settle the orders whose rewards waited long enough; how many were released."""
    if breaker.standing():
        return 0
    due = Reward.objects.due(now or timezone.now()).order_by("available_at", "pk")
    # Bound before the loop: what is held for a look stays due, and would come again.
    return sum(
        _released(order_id) for order_id in list(due.values_list("order", flat=True))
    )


def settle_all(orders: QuerySet[Order]) -> int:
    """Settle many orders, one transaction each; how many succeeded.

    A failure stops no other.
    """
    return sum(
        _settled(order_id) for order_id in list(orders.values_list("pk", flat=True))
    )


def _settled(order_id):
    try:
        judge_and_settle(order_id)
    except Exception:
        logger.exception("order %s could not be settled", order_id)
        return False
    return True


def _released(order_id):
    if not _settled(order_id):
        return False
    return Reward.objects.filter(order=order_id, state=State.AVAILABLE).exists()
