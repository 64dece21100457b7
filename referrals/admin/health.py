"""The page that says whether the machine runs; each tile opens what it counts."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import Adjustment
from orders.models import StripeEvent
from referrals import health, jobs, settlement, sweeps
from referrals.models import ReleasePause, Reward, Unsettled
from shop.kit.models import BookProof, Message
from shop.kit.staff import BoundedPaginator, list_url

PAGE = 50


def page(room, request):
    lists = _lists()
    signs = [(sign, lists[sign.name]) for sign in health.signs()]
    return room.page(
        request,
        "programme_health",
        signs=signs,
        bad_count=sum(sign.is_bad for sign, _ in signs),
        now=timezone.now(),
        manual_url=settings.OPERATIONS_MANUAL_URL,
    )


def unsettled(room, request):
    """The orders that the sweep would settle, and what each waits for."""
    orders = sweeps.outdated().select_related("referral_settlement")
    shown = BoundedPaginator(orders, PAGE).get_page(request.GET.get("p"))
    since = Unsettled.objects.in_bulk([order.pk for order in shown])
    return room.page(
        request,
        "programme_unsettled",
        title="Orders not settled",
        shown=shown,
        orders=[(order, since.get(order.pk), _why(order)) for order in shown],
    )


def _why(order):
    last = getattr(order, "referral_settlement", None)
    if last is None:
        return "Never settled"
    if last.reason == settlement.RULE_FAILED:
        return "A rule broke"
    return (
        "The pause is over" if last.reason == "paused" else "Something happened since"
    )


def _lists():
    def runs_of(job):
        return list_url(DBTaskResult, f"q={job.module_path}")

    return {
        "webhooks": list_url(StripeEvent, "processed_at__isempty=1"),
        "unsettled": reverse("admin:referrals_programme_unsettled"),
        "review": reverse("admin:referrals_reviewcase_queue"),
        "adjustments": list_url(Adjustment, "decided_at__isempty=1"),
        "grants": list_url(Reward, "half_granted=1"),
        "paused": list_url(ReleasePause),
        "jobs": list_url(DBTaskResult, "due=1"),
        "failed_jobs": list_url(DBTaskResult, "status__exact=FAILED"),
        "outbox": list_url(Message, "state__exact=queued"),
        "proof": list_url(BookProof),
        "roll-up": runs_of(jobs.roll_up_lately),
        "settle": runs_of(jobs.settle_outdated),
        "release": runs_of(jobs.release_due_rewards),
    }
