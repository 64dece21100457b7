"""The page that is red when somebody has to look."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from orders.models import StripeEvent
from referrals import health, jobs, settlement
from referrals.models import ReleasePause, ReviewCase, Settlement, Unsettled
from referrals.tests.counting import counted
from referrals.tests.factories import make_attribution, make_order
from shop.kit.models import BookProof, Message
from shop.tests.sweep import row_counts

pytestmark = pytest.mark.django_db

PAGE = "/admin/referrals/funnelday/programme/health/"
REGULAR = [jobs.roll_up_lately, jobs.settle_outdated, jobs.release_due_rewards]


def ago(**length):
    return timezone.now() - timedelta(**length)


def make_proof(**fields):
    said = {
        "started_at": ago(hours=1),
        "finished_at": ago(hours=1),
        "asked_outside": True,
        "counts": {},
        "mismatches": [],
        "mismatch_count": 0,
    }
    return BookProof.objects.create(**said | fields)


@pytest.fixture
def in_order(run_jobs):
    """A shop whose worker has just run everything, and whose books were proved."""
    for job in REGULAR:
        job.enqueue()
    run_jobs()
    make_proof()


def sign(name):
    return next(each for each in health.signs() if each.name == name)


def bad():
    return [each.name for each in health.signs() if each.is_bad]


def test_a_shop_in_order_shows_nothing_red(in_order):
    assert bad() == []


def test_a_shop_where_nothing_ever_ran_does():
    assert bad() == ["proof", "roll-up", "settle", "release"]


def test_an_event_that_waits_or_failed_is_red(in_order):
    event = StripeEvent.objects.create(event_id="evt_1", type="x", payload={})
    assert (sign("webhooks").value, bad()) == ("1", [])

    StripeEvent.objects.filter(pk=event.pk).update(received_at=ago(minutes=11))
    assert sign("webhooks").note == "The oldest waits for 11 min"
    assert bad() == ["webhooks"]

    StripeEvent.objects.filter(pk=event.pk).update(
        received_at=timezone.now(), error="KeyError"
    )
    assert bad() == ["webhooks"]


def test_an_order_that_waits_for_long_to_be_settled_is_red(in_order):
    order = make_order(make_attribution().invitee)
    assert (sign("unsettled").value, bad()) == ("1", [])

    Unsettled.objects.update(since=ago(minutes=11))
    assert sign("unsettled").note == "The oldest waits for 11 min"
    assert bad() == ["unsettled"]

    settlement.settle(order)

    assert (sign("unsettled").value, bad()) == ("0", [])


def test_a_rule_that_broke_is_red_at_once(in_order):
    order = make_order(make_attribution().invitee)
    settlement.settle(order)
    Settlement.objects.update(reason=settlement.RULE_FAILED)

    assert sign("unsettled").value == "1"
    assert bad() == ["unsettled"]


def test_a_pause_of_releases_is_red(in_order):
    ReleasePause.objects.create(released_count=60, usual_count=50)

    assert sign("paused").value == "Paused"
    assert bad() == ["paused"]


def test_jobs_that_wait_for_long_or_were_given_up_are_red(in_order):
    jobs.settle.enqueue(0)
    waiting = DBTaskResult.objects.filter(status="READY")
    assert (sign("jobs").value, bad()) == ("1", [])

    waiting.update(enqueued_at=ago(hours=1), run_after=ago(hours=1))
    assert bad() == ["jobs"]

    waiting.update(status="FAILED")
    assert bad() == ["failed_jobs"]


def test_a_mail_that_failed_or_is_stuck_is_red(in_order):
    mail = Message.objects.create(
        kind="x", subject_row="row:1", message_id="1", recipient="a@example.com"
    )
    assert (sign("outbox").value, bad()) == ("1", [])

    Message.objects.filter(pk=mail.pk).update(created_at=ago(minutes=11))
    assert bad() == ["outbox"]

    Message.objects.filter(pk=mail.pk).update(state="failed")
    assert sign("outbox").note == "1 failed"
    assert bad() == ["outbox"]


def test_books_that_are_off_or_were_not_proved_are_red(in_order):
    make_proof(finished_at=ago(hours=37))
    assert bad() == ["proof"]

    make_proof(mismatch_count=2)
    assert sign("proof").value == "2"
    assert bad() == ["proof"]


def test_a_regular_job_that_stopped_running_is_red(in_order):
    rows = DBTaskResult.objects.filter(task_path=jobs.roll_up_lately.module_path)
    rows.update(finished_at=ago(minutes=24))
    assert bad() == []

    rows.update(finished_at=ago(minutes=26))

    assert bad() == ["roll-up"]
    assert sign("roll-up").value == "26 min ago"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 days")],
)
def test_a_time_is_said_in_a_unit_that_fits(seconds, said):
    assert health.spoken(timedelta(seconds=seconds)) == said


@pytest.fixture
def boss(client):
    user = User.objects.create_superuser("boss@example.com", "x")
    client.force_login(user)
    return user


def test_the_page_is_linked_from_the_start_and_every_tile_opens(client, boss, in_order):
    make_order(make_attribution().invitee)
    Unsettled.objects.update(since=ago(minutes=11))
    assert f'href="{PAGE}"' in client.get(reverse("admin:index")).content.decode()
    before = row_counts()

    html = client.get(PAGE).content.decode()

    assert html.count("figure--bad") == 1
    assert "Look here." in html
    tiles = re.findall(r'<li class="figure[^"]*">\s*<a href="([^"]+)"', html)
    assert len(tiles) == len(health.signs())
    for address in tiles:
        assert client.get(address.replace("&amp;", "&")).status_code == 200, address
    assert row_counts() == before


def test_orders_not_settled_and_jobs_due_are_listed_as_they_are_counted(
    client, boss, in_order
):
    settled, waits = [make_order(make_attribution().invitee) for _ in range(2)]
    settlement.settle(settled)
    jobs.settle.using(run_after=timezone.now() + timedelta(days=1)).enqueue(0)
    jobs.settle.enqueue(0)
    urls = {sign.name: url for sign, url in client.get(PAGE).context["signs"]}

    listed = client.get(urls["unsettled"]).context["orders"]
    due = client.get(urls["jobs"]).context["cl"]

    assert [(order, why) for order, _, why in listed] == [(waits, "Never settled")]
    assert sign("unsettled").value == "1"
    ready = DBTaskResult.objects.filter(status="READY").count()
    assert str(due.result_count) == sign("jobs").value == str(ready - 1)


def test_what_waits_for_a_person_for_days_is_red(in_order):
    case = ReviewCase.objects.create(attribution=make_attribution(), score=60)
    assert (sign("review").value, bad()) == ("1", [])

    ReviewCase.objects.filter(pk=case.pk).update(opened_at=ago(days=4))

    assert sign("review").note == "The oldest waits for 4 days"
    assert bad() == ["review"]


def test_a_page_at_rest_says_that_all_is_well(client, boss, in_order, settings):
    settings.OPERATIONS_MANUAL_URL = "https://docs.shop.example/operations"

    html = client.get(PAGE).content.decode()

    assert "All is well" in html
    assert 'href="https://docs.shop.example/operations"' in html


def test_the_page_costs_the_same_however_much_waits(client, boss, in_order):
    client.get(PAGE)
    with counted() as few:
        client.get(PAGE)
    for number in range(5):
        make_order(make_attribution().invitee)
        StripeEvent.objects.create(event_id=f"evt_{number}", type="x", payload={})

    with counted() as many:
        client.get(PAGE)

    assert len(many.own) == len(few.own) <= 18


def test_the_page_is_for_those_who_may(client):
    user = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    client.force_login(user)

    assert client.get(PAGE).status_code == 403
