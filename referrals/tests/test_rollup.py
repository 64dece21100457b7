from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from orders.models import Order
from referrals import retention, rollup
from referrals.models import (
    Campaign,
    CampaignDay,
    FunnelDay,
    LinkDay,
    OrderTouch,
    ReferralLink,
    Reward,
    Visit,
    Visitor,
)
from referrals.rollup import Figures
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    make_visit,
    make_visitor,
)
from shop.kit import guards

pytestmark = pytest.mark.django_db

DAY = date(2036, 3, 1)
NOON = datetime(2036, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_the_day(time_machine):
    time_machine.move_to(NOON, tick=False)


def rows():
    return list(FunnelDay.objects.order_by("pk").values())


def make_reward(attribution, order, released_at):
    return Reward.objects.create(
        attribution=attribution,
        order=order,
        recipient=attribution.inviter,
        amount=500,
        currency="USD",
        available_at=released_at,
        released_at=released_at,
    )


@pytest.fixture
def busy():
    """A link with two browsers, three visits, a friend who bought, and a guest."""
    link = make_link()
    person = make_visitor(landed_at=NOON, confirmed_at=NOON)
    visit = make_visit(person, link, at=NOON)
    make_visit(person, link, at=NOON - timedelta(hours=2))
    make_visit(make_visitor(landed_at=NOON), link, at=NOON)
    attribution = make_attribution(link.owner, make_member(days_ago=0), visit=visit)
    order = make_order(attribution.invitee)
    make_reward(attribution, order, NOON)
    OrderTouch.objects.create(order=make_order(None), link=link, touched_at=NOON)
    return link


def test_a_day_is_counted_from_its_rows(busy):
    rollup.roll_up(DAY)

    assert rollup.totals(links=[busy]) == Figures(
        visits=3, visitors=2, confirmed=2, signups=1, orders=2, rewards=1
    )


def test_a_browser_that_never_came_back_is_a_visit_and_no_visitor(busy):
    make_visit(make_visitor(), busy, at=NOON)

    rollup.roll_up(DAY)

    assert (rollup.totals().visits, rollup.totals().visitors) == (4, 2)


def test_a_day_rolled_up_again_is_the_same_row_for_row(busy):
    rollup.roll_up(DAY)
    before = rows()

    rollup.roll_up(DAY)
    call_command("roll_up", day="2036-03-01")

    assert rows() == before


def test_a_fact_that_comes_late_is_counted_by_the_next_run(busy):
    rollup.roll_up(DAY)
    Visitor.objects.filter(confirmed_at=None).update(confirmed_at=timezone.now())

    rollup.roll_up(DAY)

    assert rollup.totals().confirmed == 3


def test_what_is_gone_is_not_counted_any_more(busy):
    other = make_link()
    visit = make_visit(make_visitor(), other, at=NOON)
    rollup.roll_up(DAY)
    assert rollup.totals(links=[other]).visits == 1

    visit.delete()
    rollup.roll_up(DAY)

    assert not FunnelDay.objects.filter(link=other).exists()
    assert rollup.totals(links=[busy]).visits == 3


def test_a_day_whose_visits_are_forgotten_keeps_their_number(busy, time_machine):
    rollup.roll_up(DAY)
    time_machine.move_to(NOON + timedelta(days=100))
    retention.purge()
    assert Visit.objects.count() == 1
    with guards.lifted():
        Reward.objects.update(released_at=NOON + timedelta(days=1))

    rollup.roll_up(DAY)

    assert rollup.totals() == Figures(
        visits=3, visitors=2, confirmed=2, signups=1, orders=2, rewards=0
    )


def test_a_day_is_the_shops_own(busy, settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    timezone.get_default_timezone.cache_clear()
    try:
        rollup.roll_up(date(2036, 3, 2))
        rollup.roll_up(DAY)
    finally:
        timezone.get_default_timezone.cache_clear()

    # Noon in London is one o'clock at night over there.
    assert rollup.totals(since=date(2036, 3, 2)).signups == 1
    assert rollup.totals(until=DAY).signups == 0


def test_the_shops_sums_of_a_day_are_those_of_its_links(busy):
    spring = Campaign.objects.create(name="Spring")
    shared = ReferralLink.objects.create(campaign=spring, kind="campaign")
    make_visit(make_visitor(landed_at=NOON), shared, at=NOON)
    Visit.objects.filter(visitor__confirmed_at=None, link=busy).update(channel="sms")
    LinkDay.objects.create(link=busy, day=DAY, previews=7)

    rollup.roll_up(DAY)

    names = ("kind", "channel", "previews", *rollup.COUNTS)
    assert set(CampaignDay.objects.values_list(*names)) == {
        ("invite", "", 7, 2, 1, 2, 1, 2, 1),
        ("invite", "sms", 0, 1, 1, 0, 0, 0, 0),
        ("campaign", "", 0, 1, 1, 0, 0, 0, 0),
    }


def test_the_shops_sums_follow_what_is_gone_and_what_came_late(busy):
    rollup.roll_up(DAY)
    before = list(CampaignDay.objects.values())
    rollup.roll_up(DAY)
    assert list(CampaignDay.objects.values()) == before

    Visit.objects.update(channel="sms")
    rollup.roll_up(DAY)

    assert CampaignDay.objects.get(channel="sms").visits == 3
    assert CampaignDay.objects.get(channel="").visits == 0


def test_a_day_on_which_nothing_is_left_has_no_lines(busy):
    other = make_link()
    visit = make_visit(make_visitor(), other, at=NOON - timedelta(days=3))
    day = DAY - timedelta(days=3)
    assert rollup.roll_up(day) == 1

    visit.delete()

    assert rollup.roll_up(day) == 0
    assert not CampaignDay.objects.filter(day=day).exists()


@pytest.mark.postgres
def test_a_line_that_says_the_same_is_not_written_again(busy):
    def versions():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, ctid::text FROM referrals_funnelday UNION ALL "
                "SELECT id, ctid::text FROM referrals_campaignday ORDER BY 1, 2"
            )
            return cursor.fetchall()

    rollup.roll_up(DAY)
    before = versions()

    rollup.roll_up(DAY)

    assert versions() == before


def test_channels_are_counted_apart(busy):
    Visit.objects.filter(visitor__confirmed_at=None).update(channel="whatsapp")

    rollup.roll_up(DAY)

    found = rollup.by("channel")
    assert list(found) == ["", "whatsapp"]
    assert (found[""].visits, found["whatsapp"].visits) == (2, 1)


def test_an_order_that_is_not_paid_is_no_order():
    attribution = make_attribution()
    make_order(attribution.invitee, status=Order.Status.PENDING)

    rollup.roll_up(DAY)

    assert rollup.totals().orders == 0


def test_figures_are_asked_by_owner_and_day(busy):
    make_visit(make_visitor(), busy, at=NOON - timedelta(days=2))
    make_visit(make_visitor(), make_link(), at=NOON)
    rollup.roll_up_since(DAY - timedelta(days=2))

    assert rollup.totals().visits == 5
    assert rollup.totals(owner=busy.owner).visits == 4
    assert rollup.totals(owner=make_member()) == Figures()
    assert rollup.totals(owner=busy.owner, since=DAY).visits == 3
    assert rollup.totals(owner=busy.owner, until=DAY - timedelta(days=1)).visits == 1
    assert list(rollup.by("day")) == [DAY - timedelta(days=2), DAY]


def test_the_worker_counts_today_and_yesterday(busy, run_jobs):
    from referrals import jobs

    make_visit(make_visitor(), busy, at=NOON - timedelta(days=1))

    jobs.roll_up_lately.enqueue()
    run_jobs()

    assert rollup.totals().visits == 4


def test_the_command_says_what_it_did(busy, capsys):
    call_command("roll_up")
    call_command("roll_up", since="2036-02-28")

    said = capsys.readouterr().out
    assert "Rolled up 2036-03-01: 1 lines." in said
    assert "Rolled up 3 days." in said
    with pytest.raises(CommandError, match="2036-03-01|2026-03-01"):
        call_command("roll_up", day="yesterday")


def test_many_links_cost_few_statements(busy):
    from referrals.tests.counting import counted

    rollup.roll_up(DAY)
    with counted() as few:
        rollup.roll_up(DAY)
    for _ in range(20):
        make_visit(make_visitor(), make_link(), at=NOON)
    with counted() as many:
        rollup.roll_up(DAY)

    assert len(many.own) == len(few.own) <= 9


@pytest.mark.postgres
def test_a_quarter_of_the_funnel_is_found_by_an_index(busy):
    owned = rollup._rows(None, busy.owner, DAY, DAY + timedelta(days=90))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = owned.explain()

    assert "funnel" in plan
    assert "Seq Scan on referrals_funnelday" not in plan


def test_the_figures_and_the_columns_are_the_same():
    assert set(asdict(Figures())) < {
        field.name for field in FunnelDay._meta.concrete_fields
    }
