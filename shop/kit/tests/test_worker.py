"""The worker as a process of its own, on a file, killed as machines are killed."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from django_tasks_db.models import DBTaskResult

JOBS = DBTaskResult._meta.db_table
ROOT = Path(__file__).resolve().parents[3]

ENQUEUE = """
import django; django.setup()
from shop.kit.tests import jobs_for_tests
jobs_for_tests.{job}.enqueue({path!r})
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A migrated database file and the environment of processes that use it."""
    file = tmp_path_factory.mktemp("worker") / "shop.sqlite3"
    environment = os.environ | {
        "SHOP_ENV": "test",
        "DATABASE_URL": f"sqlite:///{file}",
        "REDIS_URL": "",
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("PYTEST_ADDOPTS", None)
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"],
        cwd=ROOT,
        env=environment,
        check=True,
    )
    return environment


def enqueue(shop, job, path):
    code = ENQUEUE.format(job=job, path=str(path))
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=shop, check=True)


@contextmanager
def worker(shop):
    process = subprocess.Popen(
        [sys.executable, "manage.py", "worker"], cwd=ROOT, env=shop
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition, *, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def read(path):
    return path.read_text() if path.exists() else ""


def let_time_pass(shop):
    """Make the lease end and the next try due, without waiting for it."""
    with sqlite3.connect(shop["DATABASE_URL"].removeprefix("sqlite:///")) as database:
        database.execute(
            f"UPDATE {JOBS} SET started_at = '2020-01-01 00:00:00' "
            "WHERE status = 'RUNNING'"
        )
        database.execute(
            f"UPDATE {JOBS} SET run_after = '2020-01-01 00:00:00'"
            " WHERE status = 'READY' AND started_at IS NOT NULL"
        )


def test_inv_34_a_job_whose_worker_is_killed_is_done_by_the_next(shop, tmp_path):
    said = tmp_path / "said"
    enqueue(shop, "take_long", said)
    with worker(shop) as first:
        wait_for(lambda: "begun" in read(said))
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert "done" not in read(said)

    let_time_pass(shop)
    with worker(shop):
        wait_for(lambda: let_time_pass(shop) or "done" in read(said))
        time.sleep(0.3)

    assert read(said).split() == ["begun", "begun", "done"]


def test_a_worker_that_is_told_to_stop_finishes_its_job_first(shop, tmp_path):
    said = tmp_path / "said"
    enqueue(shop, "take_a_moment", said)

    with worker(shop) as process:
        wait_for(lambda: read(said) == "begun")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0

    assert read(said) == "done"
