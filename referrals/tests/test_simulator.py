"""Other terms over the orders there are: counts, cost, what changes, and no writes."""

import csv
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.utils import timezone

from accounts.models import User
from referrals import grants, periods, settlement, simulator
from referrals.models import Campaign, ReviewCase, Reward
from referrals.periods import Period
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)
from shop.tests.sweep import row_counts

pytestmark = pytest.mark.django_db

PAGE = "/admin/referrals/funnelday/programme/what-if/"


def simulate(period=None, **changes):
    campaign = Campaign.objects.get()
    return simulator.simulate(campaign, "USD", period or periods.lately(), changes)


def bought(attribution, *, days_ago=0, **fields):
    at = timezone.now() - timedelta(days=days_ago)
    order = make_order(attribution.invitee, confirmed_at=at, **fields)
    settlement.settle(order)
    return order


@pytest.fixture
def three():
    """Rewards of 5, on hold for 14 days: two paid friends, one order too small."""
    anna = make_member()
    terms = set_terms(inviter_amount=500, minimum_amount=2000, hold_days=14)

    def friend():
        return make_attribution(anna, terms=terms, joined_days_ago=40)

    return [
        bought(friend(), goods=5000, days_ago=20),
        bought(friend(), goods=2500, days_ago=5),
        bought(friend(), goods=1000, days_ago=3),
    ]


def test_without_a_change_it_is_what_settling_decided(three):
    result = simulate()

    assert result.changed == []
    assert result.before == result.after
    rewards = Reward.objects.exclude(state="void")
    assert result.before.rewards == rewards.count() == 2
    assert (result.before.cost, result.before.pending) == (1000, 500)
    assert result.before.available == 500
    states = {case.order: case.before.state for case in result.cases}
    assert {each.order: each.state for each in rewards}.items() <= states.items()


def test_seven_for_thirty_and_a_hold_of_three_days(three):
    result = simulate(inviter_amount=700, minimum_amount=3000, hold_days=3)

    assert (result.after.rewards, result.after.cost, result.after.pending) == (
        1,
        700,
        0,
    )
    assert result.difference == -300
    first, second, _ = three
    changed = {case.order: case for case in result.changed}
    assert set(changed) == {first, second}
    assert changed[first].difference == 200
    assert str(changed[second].after) == "Did not come about: below minimum"


def test_a_percentage_stands_instead_of_the_amount(three):
    result = simulate(inviter_basis_points=1000)

    assert [case.after.amount for case in result.cases] == [0, 250, 500]


def test_a_shorter_hold_moves_what_waits_to_what_is_paid(three):
    result = simulate(hold_days=5)

    assert (result.before.cost, result.after.cost) == (1000, 1000)
    assert (result.after.pending, result.after.available) == (0, 1000)


def test_caps_fill_from_the_oldest_on(three):
    result = simulate(cap_for_life=1)

    assert [case.after.reason for case in result.cases] == [
        "below_minimum",
        "over_cap",
        "",
    ]


def test_a_cap_that_was_full_is_played_anew():
    anna, terms = make_member(), set_terms(cap_for_life=1)
    for _ in range(2):
        bought(make_attribution(anna, terms=terms))
    assert Reward.objects.filter(reason="over_cap").exists()

    result = simulate(cap_for_life=2)

    assert (result.before.rewards, result.after.rewards) == (1, 2)


def test_the_places_taken_before_the_period_stay_taken():
    anna, terms = make_member(), set_terms(cap_for_life=2, hold_days=0)
    bought(make_attribution(anna, terms=terms, joined_days_ago=60), days_ago=50)
    bought(make_attribution(anna, terms=terms))
    late = bought(make_attribution(anna, terms=terms))
    assert Reward.objects.get(order=late).reason == "over_cap"
    today = timezone.localdate()

    result = simulate(Period(today - timedelta(days=6), today), minimum_amount=100)

    assert result.changed == []
    assert [case.before.reason for case in result.cases] == ["over_cap", ""]


def test_an_order_that_the_change_does_not_touch_stays_as_it_is_in_truth(three):
    friend = three[0].user
    User.objects.filter(pk=friend.pk).update(is_active=False)
    assert Reward.objects.get(order=three[0]).state == "available"

    result = simulate(cap_per_month=50)

    case = result.cases[-1]
    assert (case.order, case.before, case.after.amount) == (
        three[0],
        case.after,
        500,
    )


def test_what_staff_granted_stays_granted():
    anna, terms = make_member(), set_terms(cap_for_life=1)
    _, second = (bought(make_attribution(anna, terms=terms)) for _ in range(2))
    reward = Reward.objects.get(order=second)
    grants.grant_anyway(reward.pk, make_member(is_staff=True), "A promise")

    result = simulate(inviter_amount=700, minimum_amount=9000)

    assert [case.after.amount for case in result.cases] == [500, 0]


def test_the_part_of_friends_who_were_looked_at_is_told(three):
    ReviewCase.objects.create(
        attribution=three[0].user.attribution,
        score=60,
        state="approved",
        decided_at=timezone.now(),
    )

    result = simulate(inviter_amount=700)

    assert (result.difference, result.flagged_difference) == (400, 200)


def test_only_the_period_and_the_campaign_are_played(three):
    today = timezone.localdate()

    assert len(simulate(Period(today - timedelta(days=6), today)).cases) == 2
    other = Campaign.objects.create(name="Spring")
    assert simulator.simulate(other, "USD", periods.lately(), {}).cases == []
    campaign = Campaign.objects.get(is_default=True)
    assert simulator.simulate(campaign, "EUR", periods.lately(), {}).cases == []


def test_too_many_orders_are_said_to_be_too_many(three, monkeypatch):
    assert simulate().is_whole
    monkeypatch.setattr(simulator, "MOST", 2)

    result = simulate()

    assert not result.is_whole
    assert [case.order for case in result.cases] == three[:0:-1]


def test_many_orders_cost_as_many_queries_as_few(three):
    def cost():
        with counted() as asked:
            simulate(inviter_amount=700)
        return len(asked.own)

    few = cost()
    for _ in range(6):
        bought(make_attribution(three[0].user.attribution.inviter))

    assert cost() == few <= 12


def test_nothing_is_written(three):
    before = row_counts()
    rewards = list(Reward.objects.order_by("pk").values())

    result = simulate(
        inviter_amount=700, minimum_amount=0, hold_days=0, cap_per_month=1
    )

    assert result.changed
    assert row_counts() == before
    assert list(Reward.objects.order_by("pk").values()) == rewards


def test_a_rule_that_breaks_is_a_line_and_no_crash(three, settings):
    settings.REFERRAL_RULE = "referrals.tests.test_simulator.broken"

    result = simulate(inviter_amount=700)

    assert {case.after.reason for case in result.cases} == {"rule_failed"}


def broken(facts):
    raise ValueError("A rule of somebody else's")


# The page


@pytest.fixture
def boss(client):
    user = User.objects.create_superuser("boss@example.com", "x")
    client.force_login(user)
    return user


def asked(**changes):
    lately = periods.lately()
    campaign = Campaign.objects.get()
    return {
        "since": lately.since,
        "until": lately.until,
        "campaign": campaign.pk,
    } | changes


def test_the_page_shows_both_sides_and_writes_nothing(client, boss, three):
    before = row_counts()

    said = asked(inviter_amount="7", minimum_amount="30", hold_days="14")
    html = client.get(PAGE, said).content.decode()

    assert "2 would change" in html
    assert "-$3.00" in html
    assert three[1].spoken_code in html
    assert row_counts() == before


def test_a_percentage_is_typed_as_people_say_it(client, boss, three):
    html = client.get(PAGE, asked(percent="2.5")).content.decode()

    assert "$1.25" in html


def test_the_file_has_every_order_that_was_played(client, boss, three):
    answer = client.post(f"{PAGE}export/", asked(inviter_amount="7"))

    rows = list(csv.DictReader(answer.getvalue().decode().splitlines()))
    assert [row["Order"] for row in rows] == [each.code for each in three[::-1]]
    assert [row["Amount if"] for row in rows] == ["0.00", "7.00", "7.00"]
    log = LogEntry.objects.get(change_message__startswith="Exported What if")
    assert log.user == boss
    assert client.get(f"{PAGE}export/").status_code == 405


def test_a_question_that_makes_no_sense_gives_no_file(client, boss, three):
    answer = client.post(f"{PAGE}export/", asked(inviter_amount="a lot"))

    assert answer.status_code == 302
    assert not LogEntry.objects.exists()


def test_without_a_question_there_is_only_its_form(client, boss, three):
    html = client.get(PAGE).content.decode()

    assert "Try it" in html
    assert "would change" not in html


@pytest.mark.parametrize(
    "wrong",
    [
        {"campaign": "9" * 30},
        {"inviter_amount": "a lot"},
        {"percent": "101"},
        {"hold_days": "-1"},
        {"since": "never"},
    ],
)
def test_what_makes_no_sense_is_said(client, boss, three, wrong):
    page = client.get(PAGE, asked(**wrong))

    assert page.status_code == 200
    assert "errorlist" in page.content.decode()
    assert "would change" not in page.content.decode()


def test_the_page_is_for_those_who_may_see_terms_and_rewards(client):
    user = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    client.force_login(user)
    user.user_permissions.set(Permission.objects.filter(codename="view_reward"))

    assert client.get(PAGE).status_code == 403
