"""Background work as rows, written in the same transaction as the change.

    @jobs.job(attempts=6)
    def send_receipt(order_id: int): ...

    with transaction.atomic():
        ...
        send_receipt.enqueue(order.pk)       # commits or rolls back with us

    jobs.every("expire-orders", minutes=1)(expire_unpaid_orders)

The rows and the one-shot worker are django-tasks-db's; retries, crash recovery and
schedules are ours. A job runs at least once: a worker may be killed between the work
and the note that it is done, so every job must be safe to repeat. Arguments are JSON:
pass ids.
"""

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone
from django.utils.crypto import get_random_string
from django_tasks import TaskResultStatus, task
from django_tasks.signals import task_finished

logger = logging.getLogger("tandem.jobs")

DEFAULT_ATTEMPTS = 8
DEFAULT_LEASE = timedelta(minutes=10)


@dataclass(frozen=True)
class Policy:
    """How often a job may be tried, and after how long a silent run counts as dead."""

    attempts: int = DEFAULT_ATTEMPTS
    lease: timedelta = DEFAULT_LEASE


_policies: dict[str, Policy] = {}
_schedules: dict[str, tuple[timedelta, object]] = {}


def job(
    *,
    attempts: int = DEFAULT_ATTEMPTS,
    lease: timedelta = DEFAULT_LEASE,
    queue="default",
):
    """Decorator: the function can be enqueued, is retried, and survives a crash."""

    def decorate(function: Callable):
        made = task(queue_name=queue)(function)
        _policies[made.module_path] = Policy(attempts, lease)
        return made

    return decorate


def every(name: str, **interval):
    """Decorator: enqueue this job regularly; `interval` is what `timedelta` takes."""

    def decorate(made):
        _schedules[name] = (timedelta(**interval), made)
        return made

    return decorate


def delay_before(attempt: int) -> timedelta:
    """The pause before the next try: 5 s, 20 s, 80 s … at most an hour."""
    return timedelta(seconds=min(5 * 4 ** (attempt - 1), 3600))


def connect():
    """Called once at start: listen for failures, which django-tasks-db calls final."""
    task_finished.connect(_retry_failed, dispatch_uid="tandem.jobs.retry")


def _retry_failed(sender, task_result, **kwargs):
    if task_result.status == TaskResultStatus.FAILED:
        _put_back(task_result.db_result)


def _put_back(row) -> bool:
    """Make a failed or dead row ready again, unless its attempts are used up."""
    from django_tasks_db.models import DBTaskResult

    policy = _policies.get(row.task_path, Policy())
    tried = len(row.worker_ids)
    if tried >= policy.attempts:
        _tell_it_is_over(row)
        return False
    return bool(
        # Compare-and-set on `started_at`: two sweeps must not both put it back.
        DBTaskResult.objects.filter(
            pk=row.pk, status=row.status, started_at=row.started_at
        ).update(
            status=TaskResultStatus.READY,
            run_after=timezone.now() + delay_before(tried),
            finished_at=None,
        )
    )


def _give_up(row):
    """A dead run was the last one: say so in its row, where staff can see it."""
    from django_tasks_db.models import DBTaskResult

    running = DBTaskResult.objects.filter(
        pk=row.pk, status=row.status, started_at=row.started_at
    )
    if running.update(status=TaskResultStatus.FAILED, finished_at=timezone.now()):
        _tell_it_is_over(row)


def _tell_it_is_over(row):
    logger.error(
        "job %s %s failed for good after %d tries",
        row.task_path,
        row.pk,
        len(row.worker_ids),
    )


def reap() -> int:
    """Put back jobs whose worker died: past their lease, or failed and not retried."""
    from django_tasks_db.models import DBTaskResult

    now = timezone.now()
    lost = DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING) | (
        # The worker was killed between noting the failure and `_retry_failed`.
        DBTaskResult.objects.filter(
            status=TaskResultStatus.FAILED, finished_at__gt=now - timedelta(days=1)
        )
    )
    count = 0
    for row in lost:
        policy = _policies.get(row.task_path, Policy())
        alive = (
            row.status == TaskResultStatus.RUNNING
            and row.started_at > now - policy.lease
        )
        if alive:
            continue
        if len(row.worker_ids) < policy.attempts:
            count += _put_back(row)
        elif row.status == TaskResultStatus.RUNNING:
            _give_up(row)
    return count


def tick() -> int:
    """Enqueue what the schedules ask for. Of two workers that tick at once one wins."""
    from shop.kit.models import Schedule

    now = timezone.now()
    known = set(
        Schedule.objects.filter(name__in=_schedules).values_list("name", flat=True)
    )
    Schedule.objects.bulk_create(
        [
            Schedule(name=name, next_run_at=now)
            for name in _schedules
            if name not in known
        ],
        ignore_conflicts=True,
    )
    count = 0
    for name, (interval, made) in _schedules.items():
        with transaction.atomic():
            due = Schedule.objects.filter(name=name, next_run_at__lte=now)
            if due.update(next_run_at=now + interval):
                made.enqueue()
                count += 1
    return count


def run_due(*, limit: int | None = None) -> None:
    """Run the jobs that are due now, and those they enqueue, then return."""
    _worker(limit).run()


def _worker(limit):
    from django_tasks_db.management.commands.db_worker import Worker

    return Worker(
        queue_names=["*"],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=limit,
        worker_id=get_random_string(32),
        excluded_queue_names=[],
    )


def work(*, pause: float | None = None) -> None:
    """The worker's life: recover, tick, run, sleep, until SIGTERM or SIGINT."""
    stopping = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        # The job in hand is finished first; the next one is left to somebody else.
        signal.signal(name, lambda *_: stopping.set())
    while not stopping.is_set():
        reap()
        tick()
        # One at a time, so that a signal is noticed between two jobs.
        while not stopping.is_set() and _anything_due():
            run_due(limit=1)
        stopping.wait(settings.WORKER_PAUSE_SECONDS if pause is None else pause)


def _anything_due() -> bool:
    from django_tasks_db.models import DBTaskResult

    return DBTaskResult.objects.ready().exists()


def due() -> Q:
    """The condition of jobs that a worker would take now."""
    from django_tasks_db.models import get_date_max

    return Q(status=TaskResultStatus.READY) & (
        Q(run_after=get_date_max()) | Q(run_after__lte=timezone.now())
    )


def oldest_due_age() -> timedelta:
    """For how long the most overdue job has waited; zero when the queue is empty."""
    from django_tasks_db.models import DBTaskResult, get_date_max

    ready = DBTaskResult.objects.filter(status=TaskResultStatus.READY)
    now = timezone.now()
    since = [
        ready.filter(run_after=get_date_max()).aggregate(since=Min("enqueued_at"))[
            "since"
        ],
        ready.filter(run_after__lte=now).aggregate(since=Min("run_after"))["since"],
    ]
    return now - min((moment for moment in since if moment), default=now)


@every("prune-jobs", days=1)
@job(attempts=1)
def prune() -> None:
    """Forget jobs that ended two weeks ago: the worker polls this table all day."""
    call_command("prune_db_task_results", "--queue-name=*", verbosity=0)
