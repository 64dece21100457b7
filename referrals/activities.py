"""Named steps of a browser that came by a link, and the touch behind an order.

A browser without the cookie costs nothing here. Steps are for the funnel and for staff
who follow one path; nothing is decided by them.
"""

from datetime import datetime
from urllib.parse import quote

from django.db import transaction
from django.utils import timezone

from orders.models import Order
from referrals import candidates, clicks, handoff, plugins, visits
from referrals.models import Activity, OrderTouch
from shop.kit import limits

Step = Activity.Step

MOST_A_DAY = 200
SAMPLE_OF = 10

_DAY = 24 * 60 * 60
_MINUTE = 60


def note(request, step: Step, subject: str = "") -> None:
    """Write down a step; the same step with the same thing within a minute is one.

    Beyond 200 steps a day one in ten is kept. Owners of the link and staff take none,
    nor do machines, and pages that nobody has opened yet.
    """
    if not _is_by_person(request):
        return
    visitor = visits.visitor_of(request)
    if visitor is None or visitor.is_owner or request.user.is_staff:
        return
    # Asked of the cache first: a page that is opened twice costs no query.
    seen = f"{visitor.pk}:{step}:{quote(subject)}"
    if not limits.is_first("step", seen, seconds=_MINUTE) or not _is_kept(visitor):
        return
    _write(visitor.pk, step, subject, timezone.now())


def touch_order(request, order_id: int) -> bool:
    """Keep which link stood behind an order as it was placed; whether any did.

    Safe to repeat.
    """
    visitor = visits.visitor_of(request)
    touch = (
        candidates.standing(visitor)
        if visitor
        else candidates.carried(handoff.of(request))
    )
    if not touch or touch.link.owner == request.user or request.user.is_staff:
        return False
    OrderTouch.objects.get_or_create(
        order_id=order_id,
        defaults={
            "visitor": visitor,
            "link": touch.link,
            "touched_at": touch.touched_at,
        },
    )
    return True


def note_payment(order_id: int) -> None:
    """The step "paid", from the order's own facts. Safe to repeat."""
    order = Order.objects.select_related("referral_touch").get(pk=order_id)
    touch = getattr(order, "referral_touch", None)
    if touch and touch.visitor_id and order.confirmed_at:
        _write(touch.visitor_id, Step.PAID, f"order:{order_id}", order.confirmed_at)


def minute_of(moment: datetime) -> datetime:
    """Its start: in it the database keeps the same step with the same thing once."""
    return moment.replace(second=0, microsecond=0)


def _is_by_person(request):
    if clicks.is_speculation(request):
        return False
    if request.method == "GET" and not clicks.is_navigation(request):
        return False
    return not plugins.ask("REFERRAL_BOT_DETECTOR", clicks.is_machine, request)


def _write(visitor_id, step, subject, at):
    row = Activity(
        visitor_id=visitor_id, step=step, subject=subject[:40], bucket=minute_of(at)
    )
    with transaction.atomic():
        Activity.objects.bulk_create([row], ignore_conflicts=True)


def _is_kept(visitor):
    number = limits.count("activity", str(visitor.pk), seconds=_DAY)
    return number <= MOST_A_DAY or number % SAMPLE_OF == 0
