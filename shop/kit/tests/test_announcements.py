from functools import partial

import pytest
from django.db import transaction
from django_tasks_db.models import DBTaskResult

from shop.kit.announcements import Announcement
from shop.kit.models import Schedule

pytestmark = pytest.mark.django_db

bell = Announcement("bell", sender=Schedule)

heard: list[dict] = []
broken: list[str] = []


def listens(sender, signal, **payload):
    heard.append({"sender": sender, "signal": signal, **payload})


def breaks(sender, fact, **payload):
    if broken:
        raise RuntimeError(broken.pop())
    heard.append({"at last": fact})


@pytest.fixture(autouse=True)
def silence():
    heard.clear()
    broken.clear()
    yield
    for receiver in (listens, breaks):
        bell.disconnect(receiver)
        bell.disconnect(receiver, sender=Schedule)


@pytest.fixture
def later(time_machine):
    """Move to where the worker tries again what has failed."""
    time_machine.move_to("2026-03-01T12:00Z", tick=False)
    return lambda: time_machine.shift(3600)


def test_a_receiver_hears_the_class_the_fact_and_the_ids(run_jobs):
    bell.connect(listens)

    bell.tell(7, row_id=7)
    run_jobs()

    assert heard == [
        {"sender": Schedule, "signal": bell, "fact": "bell:7", "row_id": 7}
    ]


def test_what_was_rolled_back_is_not_told(run_jobs):
    bell.connect(listens)

    with transaction.atomic():
        bell.tell(7)
        transaction.set_rollback(True)
    run_jobs()

    assert heard == []


def test_where_nobody_listens_nothing_is_written():
    bell.connect(listens, sender=DBTaskResult)

    bell.tell(7)

    assert not DBTaskResult.objects.exists()
    bell.disconnect(listens, sender=DBTaskResult)


def test_a_receiver_that_breaks_is_tried_again_alone(run_jobs, later):
    bell.connect(breaks)
    bell.connect(listens, sender=Schedule)
    broken.extend(["third", "second", "first"])

    bell.tell(7)
    run_jobs()
    assert [each["fact"] for each in heard] == ["bell:7"]

    for _ in range(3):
        later()
        run_jobs()

    assert broken == []
    assert heard[1:] == [{"at last": "bell:7"}]


def test_a_receiver_that_no_row_could_name_is_refused():
    for receiver in (lambda **kwargs: None, partial(listens), heard.append):
        with pytest.raises(ValueError, match="no function of a module"):
            bell.connect(receiver)
