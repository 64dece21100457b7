"""Jobs that tests enqueue; a worker process imports them by this path."""

import time
from pathlib import Path

from shop.kit import jobs
from shop.kit.models import Schedule


@jobs.job()
def write_down(name: str) -> None:
    """Leave a row behind, to be counted."""
    Schedule.objects.create(name=name, next_run_at="2026-01-01T00:00Z")


@jobs.job(attempts=3)
def always_fails() -> None:
    raise RuntimeError("as always")


@jobs.job()
def fails_until(path: str) -> None:
    """Fail until the file is there."""
    if not Path(path).exists():
        raise RuntimeError("not yet")


@jobs.job()
def take_long(path: str) -> None:
    """Say that it began; the first run never ends, the second one is quick."""
    with Path(path).open("a") as file:
        file.write("begun\n")
    if Path(path).read_text().count("begun") == 1:
        time.sleep(60)
    with Path(path).open("a") as file:
        file.write("done\n")


@jobs.job()
def take_a_moment(path: str) -> None:
    """Say that it began and, a little later, that it is done."""
    Path(path).write_text("begun")
    time.sleep(0.5)
    Path(path).write_text("done")
