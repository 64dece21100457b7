"""The funnel, its cohorts, and the pages that show them to staff."""

import csv
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.models import User
from referrals import funnel, rollup
from referrals.funnel import Counts
from referrals.models import (
    Campaign,
    LinkDay,
    OrderTouch,
    ReferralLink,
    Reward,
    Visit,
)
from referrals.periods import Period
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    make_visit,
    make_visitor,
)
from shop.kit.staff import BoundedPaginator
from shop.tests.sweep import row_counts

pytestmark = pytest.mark.django_db

DAY = date(2036, 3, 1)
NOON = datetime(2036, 3, 1, 12, tzinfo=UTC)
MARCH = Period(date(2036, 2, 20), DAY)
PAGE = "/admin/referrals/funnelday/programme/"


@pytest.fixture(autouse=True)
def _on_the_day(time_machine):
    time_machine.move_to(NOON, tick=False)


@pytest.fixture
def busy():
    """Two links of two kinds and campaigns; clicks, a friend, a guest, one reward."""
    spring = Campaign.objects.create(name="Spring")
    shared = ReferralLink.objects.create(campaign=spring, kind="campaign")
    link = make_link()
    earlier = NOON - timedelta(days=8)
    visit = make_visit(make_visitor(landed_at=NOON, confirmed_at=NOON), link, at=NOON)
    twice = make_visitor(landed_at=earlier)
    make_visit(make_visitor(), shared, at=NOON)  # it never showed a page
    for at in (earlier, earlier + timedelta(hours=2)):
        make_visit(twice, shared, at=at)
    Visit.objects.filter(link=shared, first_at=NOON).update(channel="mail")
    LinkDay.objects.create(link=link, day=DAY, previews=7)
    LinkDay.objects.create(link=shared, day=earlier.date(), previews=2)
    friend = make_attribution(link.owner, make_member(days_ago=0), visit=visit)
    Reward.objects.create(
        attribution=friend,
        order=make_order(friend.invitee),
        recipient=friend.inviter,
        amount=500,
        currency="USD",
        available_at=NOON,
        released_at=NOON,
    )
    OrderTouch.objects.create(order=make_order(None), link=shared, touched_at=NOON)
    make_order(friend.inviter, balance=500)
    rollup.roll_up_since(MARCH.since)
    return link


@pytest.fixture
def boss(client):
    user = User.objects.create_superuser("boss@example.com", "x", name="Bo Ss")
    client.force_login(user)
    return user


def clerk(client, *permissions):
    user = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user


def test_the_funnel_counts_from_a_look_to_credit_spent(busy):
    steps = {step.name: step for step in funnel.steps(MARCH)}

    assert {name: step.count for name, step in steps.items()} == {
        "previews": 9,
        "visits": 4,
        "visitors": 2,
        "confirmed": 1,
        "signups": 1,
        "orders": 2,
        "available": 1,
        "spent": 1,
    }
    assert steps["confirmed"].rate == "25 % of 4 visits"
    assert steps["available"].rate == "50 for 100 orders (2)"


def test_what_may_be_more_than_its_like_is_no_percentage(busy):
    steps = {step.name: step for step in funnel.steps(MARCH)}

    assert steps["orders"].rate == "200 for 100 sign-ups (1)"
    assert [name for name, step in steps.items() if "%" in step.rate] == ["confirmed"]


def test_a_rate_of_nothing_is_not_told():
    assert {step.rate for step in funnel.steps(MARCH)} == {""}


@pytest.mark.parametrize("by", funnel.CUTS)
def test_cohorts_add_up_to_the_funnel(busy, by):
    found = funnel.cohorts(MARCH, by)

    assert len(found) == 2
    total = sum((each.counts for each in found), Counts())
    assert total == funnel.totals(MARCH) == Counts(9, 4, 2, 1, 1, 2, 1)


def test_cohorts_are_named_as_people_say(busy):
    def names(by):
        return [each.label for each in funnel.cohorts(MARCH, by)]

    assert names("campaign") == ["Friends", "Spring"]
    assert names("kind") == ["Campaign", "Invitation"]
    assert names("channel") == ["None named", "mail"]
    assert names("week") == ["20 Feb 2036", "25 Feb 2036"]


def test_quiet_weeks_are_weeks_too_and_the_first_begins_with_the_period(busy):
    weeks = funnel.weekly(Period(date(2036, 2, 1), DAY))

    assert [each.name for each in weeks][:2] == ["2036-02-01", "2036-02-04"]
    assert weeks[0].counts == Counts()
    assert sum((each.counts for each in weeks), Counts()) == funnel.totals(MARCH)


def test_the_page_shows_each_number_with_its_denominator_and_its_list(
    client, boss, busy
):
    html = client.get(PAGE).content.decode()

    figures = re.findall(
        r'<a href="([^"]+)">\s*<span class="figure__label">([^<]+)</span>\s*'
        r'<span class="figure__value">(\d+)</span>',
        html,
    )
    assert [(label, count) for _, label, count in figures] == [
        (step.label, str(step.count)) for step in funnel.steps(MARCH)
    ]
    assert "25 % of 4 visits" in html
    for address, label, _ in figures:
        shown = client.get(address.replace("&amp;", "&"))
        assert shown.status_code == 200, label


def test_each_list_has_as_many_rows_as_its_number(client, boss, busy):
    make_visit(at=NOON - timedelta(days=200))

    for name, count in [("visits", 4), ("confirmed", 1), ("signups", 1), ("spent", 1)]:
        url = dict((s.name, u) for s, u in client.get(PAGE).context["steps"])[name]
        assert client.get(url).context["cl"].result_count == count, name
    assert "2 orders" in client.get(f"{PAGE}orders/").content.decode()


def test_the_page_asks_few_questions_however_busy_it_is(client, boss, busy):
    client.get(PAGE)
    for by in funnel.CUTS:
        with counted() as asked:
            client.get(PAGE, {"since": "2036-02-20", "until": "2036-03-01", "by": by})
        assert len(asked.own) <= 12, by
    for number in range(20):
        make_visit(make_visitor(), make_link(), at=NOON - timedelta(days=number))
    rollup.roll_up_since(MARCH.since)

    with counted() as more:
        client.get(PAGE)

    assert len(more.own) <= 12


def test_the_list_of_orders_asks_no_more_for_more(client, boss, busy):
    client.get(f"{PAGE}orders/")
    with counted() as few:
        client.get(f"{PAGE}orders/")
    for _ in range(5):
        make_order(make_attribution().invitee)

    with counted() as many:
        client.get(f"{PAGE}orders/")

    assert len(many.own) == len(few.own) <= 10


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "yesterday"},
        {"since": "2036-03-02", "until": "2036-03-01"},
        {"since": "0001-01-01", "until": "0001-01-02"},
        {"since": "9999-12-30", "until": "9999-12-31"},
        {"since": "2030-01-01", "until": "2036-03-01"},
        {"by": "password"},
    ],
)
def test_a_period_that_cannot_be_shows_the_last_quarter(client, boss, busy, asked):
    response = client.get(PAGE, asked)

    assert response.status_code == 200
    assert "The last quarter is shown." in response.content.decode()


def test_looking_writes_nothing_and_taking_a_file_is_written_down(client, boss, busy):
    before = row_counts()
    client.get(PAGE)
    assert client.get(f"{PAGE}export/").status_code == 405
    assert row_counts() == before

    said = {"since": "2036-02-20", "until": "2036-03-01", "by": "channel"}
    file = client.post(f"{PAGE}export/", said)

    rows = list(csv.DictReader(file.getvalue().decode().splitlines()))
    assert sum(int(row["Visits"]) for row in rows) == 4
    assert sum(int(row["Browsers, by day"]) for row in rows) == 2
    assert (
        "Programme by channel from 2036-02-20"
        in LogEntry.objects.get(user=boss).change_message
    )


@pytest.mark.parametrize("by", funnel.CUTS)
def test_the_file_has_the_lines_of_the_page(client, boss, busy, by):
    said = {"since": "2036-02-01", "until": "2036-03-01", "by": by}

    shown = client.get(PAGE, said).context["cohorts"]
    file = client.post(f"{PAGE}export/", said).getvalue().decode()

    _, *rows = csv.reader(file.splitlines())
    assert len(rows) == len(shown) >= 2
    assert [[str(cell) for cell in cells] for _, cells in shown] == [
        cells for _, *cells in rows
    ]


def test_the_steps_are_a_file_too(client, boss, busy):
    said = {"since": "2036-02-20", "until": "2036-03-01"}

    file = client.post(f"{PAGE}steps/export/", said).getvalue().decode()

    rows = {row["Step"]: row for row in csv.DictReader(file.splitlines())}
    assert [row["Count"] for row in rows.values()] == [
        str(step.count) for step in funnel.steps(MARCH)
    ]
    assert rows["Orders paid with balance"]["Count"] == "1"
    assert rows["Orders"]["Compared with"] == "sign-ups"
    assert "Programme steps" in LogEntry.objects.get(user=boss).change_message


def test_a_list_that_is_not_counted_to_its_end_says_so(client, boss, busy, monkeypatch):
    assert "<p>2 orders</p>" in client.get(f"{PAGE}orders/").content.decode()

    monkeypatch.setattr(BoundedPaginator, "MOST", 1)

    assert "<p>More than 1 order</p>" in client.get(f"{PAGE}orders/").content.decode()


def test_abuse_22_a_campaigns_name_is_no_formula_in_the_file(client, boss, busy):
    Campaign.objects.filter(name="Spring").update(name="=1+1")

    file = client.post(f"{PAGE}export/", {"since": "2036-02-20", "until": "2036-03-01"})

    assert "'=1+1," in file.getvalue().decode()


def test_the_pages_are_for_those_who_may_see_the_rows(client, busy):
    clerk(client, "view_funnelday")

    assert client.get(PAGE).status_code == 200
    assert client.get(f"{PAGE}orders/").status_code == 403
    client.logout()
    User.objects.filter(email="clerk@example.com").delete()
    clerk(client, "view_order")
    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}export/").status_code == 403


def test_the_start_page_leads_there(client, boss):
    assert f'href="{PAGE}"' in client.get(reverse("admin:index")).content.decode()


def test_the_page_is_fit_for_the_strict_policy(client, boss, busy):
    html = client.get(PAGE).content.decode()

    assert "<polyline" in html
    assert not re.search(r"<[^>]+\s(style|on\w+)=", html)
    assert not re.search(r"<style|<script(?![^>]*\b(src|type)=)", html)
