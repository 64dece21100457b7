"""The page that says whether the machine runs; each tile opens what it counts."""

from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from orders.models import StripeEvent
from referrals import health, jobs
from referrals.models import ReleasePause, Settlement
from shop.kit.models import BookProof, Message
from shop.kit.staff import list_url


def page(room, request):
    return room.page(
        request,
        "programme_health",
        "Does it run",
        signs=[(sign, _lists()[sign.name]) for sign in health.signs()],
        now=timezone.now(),
    )


def _lists():
    def runs_of(job):
        return list_url(DBTaskResult, f"q={job.module_path}")

    return {
        "webhooks": list_url(StripeEvent, "processed_at__isempty=1"),
        "unsettled": list_url(Settlement),
        "paused": list_url(ReleasePause),
        "jobs": list_url(DBTaskResult, "status__exact=READY"),
        "failed_jobs": list_url(DBTaskResult, "status__exact=FAILED"),
        "outbox": list_url(Message, "state__exact=queued"),
        "proof": list_url(BookProof),
        "roll-up": runs_of(jobs.roll_up_lately),
        "settle": runs_of(jobs.settle_outdated),
        "release": runs_of(jobs.release_due_rewards),
    }
