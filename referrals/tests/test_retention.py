"""R-P2: nothing older remains, and what somebody joined by stays."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from referrals import retention
from referrals.models import (
    Activity,
    Attribution,
    Device,
    FormerCustomer,
    NameReport,
    OrderTouch,
    RiskSignal,
    Visit,
    Visitor,
)
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    make_visit,
    make_visitor,
    set_terms,
)

pytestmark = pytest.mark.django_db


def long_ago(days):
    return timezone.now() - timedelta(days=days)


def make_old_visit(link, days):
    visitor = make_visitor(created_at=long_ago(days))
    return make_visit(visitor, link, days_ago=days)


def make_activity(visitor, days):
    return Activity.objects.create(
        visitor=visitor, step="viewed_product", bucket=long_ago(days)
    )


def test_nothing_older_remains():
    link = make_link()
    for days in (1, 29, 32, 89, 91, 179, 181, 400):
        visit = make_old_visit(link, days)
        make_activity(visit.visitor, days)
    for days in (1, 729, 731):
        FormerCustomer.objects.create(
            kind="email", value_hash=f"{days}", created_at=long_ago(days)
        )
        Device.objects.create(
            token_hash=f"{days}", user=make_member(), seen_at=long_ago(days)
        )

    retention.purge()

    assert not Visit.objects.filter(first_at__lt=long_ago(31)).exists()
    assert Visit.objects.count() == 2
    assert not Activity.objects.filter(bucket__lt=long_ago(90)).exists()
    assert Activity.objects.count() == 4
    assert not Device.objects.filter(seen_at__lt=long_ago(180)).exists()
    assert not FormerCustomer.objects.filter(created_at__lt=long_ago(730)).exists()
    assert FormerCustomer.objects.count() == 2
    # A browser is known as long as anything it did is.
    assert Visitor.objects.count() == 4


def test_what_somebody_joined_by_stays_without_its_traces():
    link = make_link()
    visit = make_old_visit(link, 200)
    traces = {"network": "203.0.113.0/24", "network_hash": "f" * 64, "agent": "Safari"}
    Visit.objects.filter(pk=visit.pk).update(channel="email", **traces)
    newer = make_old_visit(link, 100)
    Visit.objects.filter(pk=newer.pk).update(**traces)
    attribution = make_attribution(link.owner, visit=visit)
    make_attribution(link.owner, visit=newer)
    RiskSignal.objects.create(
        attribution=attribution, code="same_network", weight=20, evidence="a hash"
    )

    retention.purge()

    visit.refresh_from_db()
    newer.refresh_from_db()
    attribution.refresh_from_db()
    assert attribution.visit == visit
    assert visit.channel == "email"
    assert (visit.network, visit.network_hash, visit.agent) == ("", "", "")
    assert newer.network_hash
    assert RiskSignal.objects.exists()


def test_a_click_that_may_still_count_is_not_forgotten():
    set_terms(visit_days=60)
    visit = make_old_visit(make_link(), 45)

    retention.purge()

    assert Visit.objects.get() == visit


def test_the_touch_of_an_order_outlives_the_browser():
    link = make_link()
    visit = make_old_visit(link, 100)
    OrderTouch.objects.create(
        order=make_order(None),
        visitor=visit.visitor,
        link=link,
        touched_at=visit.first_at,
    )

    retention.purge()

    assert OrderTouch.objects.get().visitor is None
    assert OrderTouch.objects.get().touched_at == visit.first_at


def test_a_second_run_finds_nothing(capsys):
    for days in (10, 50, 100):
        make_activity(make_old_visit(make_link(), days).visitor, days)
    call_command("purge_visits")
    assert "2 visits" in capsys.readouterr().out

    assert not any(retention.purge().values())
    assert Visit.objects.count() == 1


def test_every_row_is_looked_at_once_however_small_the_pieces(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    link = make_link()
    moment = long_ago(50)
    for number in range(7):
        visit = make_visit(make_visitor(created_at=moment), link, at=moment)
        if number % 2:
            make_attribution(link.owner, visit=visit)

    counts = retention.purge()

    assert (counts["visits"], counts["visitors"]) == (4, 4)
    assert Visit.objects.count() == Attribution.objects.count() == 3


@pytest.mark.parametrize("count", [1, 30])
def test_a_piece_costs_the_same_for_one_row_and_for_many(count):
    link = make_link()
    for _ in range(count):
        make_old_visit(link, 50)

    with counted() as asked:
        retention.purge()

    assert len(asked.own) <= 24, asked.own


@pytest.mark.parametrize("count", [1, 30])
def test_an_idle_run_asks_the_same_however_much_was_kept(count, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    link = make_link()
    for _ in range(count):
        visit = make_old_visit(link, 200)
        Visit.objects.filter(pk=visit.pk).update(network_hash="f" * 64)
        make_attribution(link.owner, visit=visit)
        make_activity(make_visitor(created_at=long_ago(50)), 10)
    retention.purge()

    with counted() as asked:
        assert not any(retention.purge().values())

    assert Visit.objects.count() == count
    assert len(asked.own) <= 10, asked.own


@pytest.mark.parametrize("last", ["visit", "activity"])
def test_a_browser_that_was_kept_goes_with_the_last_it_did(time_machine, last):
    visitor = make_visitor(created_at=long_ago(50))
    if last == "visit":
        make_visit(visitor, make_link(), days_ago=1)
    else:
        make_activity(visitor, 1)
    retention.purge()
    assert Visitor.objects.get() == visitor

    time_machine.move_to(timezone.now() + timedelta(days=100))
    counts = retention.purge()

    assert counts["visitors"] == 1
    assert not Visitor.objects.exists()


PLANNED = [
    (Visit.objects.filter(kept_at=None), "first_at", "visit_to_forget"),
    (
        Visit.objects.filter(kept_at__isnull=False).exclude(**retention._NO_EVIDENCE),
        "first_at",
        "visit_with_evidence",
    ),
    (
        NameReport.objects.exclude(network="", network_hash=""),
        "created_at",
        "name_report_with_evidence",
    ),
    (RiskSignal.objects.exclude(evidence=""), "created_at", "signal_with_evidence"),
    (Activity.objects.all(), "bucket", "activity_by_age"),
    (Visitor.objects.filter(kept_at=None), "created_at", "visitor_to_forget"),
    (Device.objects.all(), "seen_at", "device_by_age"),
    (FormerCustomer.objects.all(), "created_at", "former_customer_by_age"),
]


@pytest.mark.parametrize(("found", "moment", "index"), PLANNED)
@pytest.mark.postgres
def test_what_is_old_is_found_by_its_index(found, moment, index):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    with counted() as asked:
        list(retention._oldest(found, moment, timezone.now()))

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {asked.own[0]}")
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert index in plan
