from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from shop.kit import jobs
from shop.kit.models import Schedule
from shop.kit.tests import jobs_for_tests

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(time_machine):
    time_machine.move_to("2026-03-01T12:00Z", tick=False)
    return time_machine


class ChangedMyMind(Exception):
    pass


def done(name="done"):
    return Schedule.objects.filter(name=name).count()


def test_a_job_runs_once_with_its_arguments(run_jobs):
    jobs_for_tests.write_down.enqueue("done")

    run_jobs()
    run_jobs()

    assert done() == 1


def test_a_job_of_a_change_that_was_taken_back_never_runs(run_jobs):
    def change_and_take_back():
        with transaction.atomic():
            jobs_for_tests.write_down.enqueue("done")
            raise ChangedMyMind

    with pytest.raises(ChangedMyMind):
        change_and_take_back()
    run_jobs()

    assert done() == 0
    assert not DBTaskResult.objects.exists()


def test_a_failed_job_waits_longer_before_every_try(run_jobs, clock, tmp_path):
    jobs_for_tests.fails_until.enqueue(str(tmp_path / "there"))

    waits = []
    for _ in range(4):
        run_jobs()
        row = DBTaskResult.objects.get()
        assert row.status == TaskResultStatus.READY
        waits.append((row.run_after - timezone.now()).total_seconds())
        run_jobs()  # not before its time
        assert len(DBTaskResult.objects.get().worker_ids) == len(waits)
        clock.move_to(row.run_after + timedelta(seconds=1), tick=False)

    assert waits == [5, 20, 80, 320]
    (tmp_path / "there").touch()
    run_jobs()
    assert DBTaskResult.objects.get().status == TaskResultStatus.SUCCESSFUL


def test_the_pause_never_exceeds_an_hour():
    assert jobs.delay_before(20) == timedelta(hours=1)


def test_a_job_that_keeps_failing_is_given_up_and_says_so(run_jobs, clock, caplog):
    jobs_for_tests.always_fails.enqueue()

    for _ in range(5):
        run_jobs()
        clock.shift(timedelta(hours=2))
        jobs.reap()

    row = DBTaskResult.objects.get()
    assert row.status == TaskResultStatus.FAILED
    assert len(row.worker_ids) == 3
    assert "RuntimeError" in row.traceback
    assert "failed for good after 3 tries" in caplog.text


def test_one_bad_job_does_not_stop_the_others(run_jobs):
    jobs_for_tests.always_fails.enqueue()
    jobs_for_tests.write_down.enqueue("done")

    run_jobs()

    assert done() == 1


def left_running(job, *args, tries=1):
    """A row whose worker was killed in mid job, just now."""
    job.enqueue(*args)
    row = DBTaskResult.objects.get()
    for number in range(tries):
        row.claim(f"worker-{number}")
    return row


def test_a_job_of_a_dead_worker_is_done_after_its_lease(run_jobs, clock):
    left_running(jobs_for_tests.write_down, "done")
    assert jobs.reap() == 0, "it may still be alive"

    clock.shift(jobs.DEFAULT_LEASE + timedelta(seconds=1))
    assert jobs.reap() == 1
    assert jobs.reap() == 0
    clock.shift(timedelta(minutes=1))
    run_jobs()

    assert done() == 1


def test_a_job_that_kills_every_worker_is_given_up(clock, caplog):
    row = left_running(jobs_for_tests.always_fails, tries=3)
    clock.shift(jobs.DEFAULT_LEASE + timedelta(seconds=1))

    assert jobs.reap() == 0

    row.refresh_from_db()
    assert row.status == TaskResultStatus.FAILED
    assert "failed for good" in caplog.text


def test_a_failure_whose_worker_died_before_the_retry_was_noted_is_retried():
    row = left_running(jobs_for_tests.write_down, "done")
    row.set_failed(RuntimeError("just before the kill"))

    assert jobs.reap() == 1

    row.refresh_from_db()
    assert row.status == TaskResultStatus.READY


@pytest.fixture
def hourly(monkeypatch):
    """One schedule, and none of the shop's own."""
    monkeypatch.setattr(jobs, "_schedules", {})
    jobs.every("hourly", hours=1)(jobs_for_tests.write_down)
    monkeypatch.setattr(
        type(jobs_for_tests.write_down), "enqueue", _enqueue_hourly, raising=True
    )


def _enqueue_hourly(task, *args):
    return task.get_backend().enqueue(task, ("hour",), {})


def test_a_schedule_is_enqueued_once_per_interval(hourly, clock):
    assert [jobs.tick(), jobs.tick()] == [1, 0]

    clock.shift(timedelta(minutes=59))
    assert jobs.tick() == 0

    clock.shift(timedelta(minutes=2))
    assert [jobs.tick(), jobs.tick()] == [1, 0]


def test_hours_without_a_worker_are_not_made_up_for_one_by_one(hourly, clock):
    jobs.tick()

    clock.shift(timedelta(hours=9))

    assert [jobs.tick(), jobs.tick()] == [1, 0]


def test_the_age_of_the_queue_is_that_of_its_most_overdue_job(clock):
    assert jobs.oldest_due_age() == timedelta(0)

    jobs_for_tests.write_down.enqueue("done")
    clock.shift(timedelta(minutes=7))

    assert jobs.oldest_due_age() == timedelta(minutes=7)


def test_a_job_that_waits_for_its_next_try_is_not_overdue(run_jobs, clock):
    jobs_for_tests.always_fails.enqueue()
    run_jobs()

    assert jobs.oldest_due_age() == timedelta(0)


def test_jobs_that_ended_weeks_ago_are_forgotten_and_others_kept(clock, run_jobs):
    jobs_for_tests.write_down.enqueue("long ago")
    run_jobs()
    clock.move_to("2026-03-16T12:00Z", tick=False)
    jobs_for_tests.write_down.enqueue("lately")
    run_jobs()
    jobs_for_tests.write_down.enqueue("not yet")

    jobs.prune.call()

    kept = [row.args_kwargs["args"] for row in DBTaskResult.objects.all()]
    assert sorted(kept) == [["lately"], ["not yet"]]
