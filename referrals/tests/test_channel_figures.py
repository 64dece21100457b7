"""R-U3: which button brings friends, without picking one of them out."""

import random
from datetime import timedelta

import pytest
from django.test import Client

from referrals import channel_figures, reports, rollup, settlement
from referrals.channel_figures import FEWEST, Line
from referrals.models import FunnelDay, Reward
from referrals.tests.afterwards import give_back
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    set_terms,
)
from referrals.tests.people import join

pytestmark = pytest.mark.django_db

PAGE = "/account/invite/links/"


@pytest.fixture
def anna():
    anna = make_member("anna@example.com")
    make_link(anna, text="A01B2C3D")
    return anna


def came(member, channel, *, opened=0, joined=0, orders=0, days_ago=0, link=None):
    FunnelDay.objects.create(
        link=link or make_link(member),
        day=rollup.today() - timedelta(days=days_ago),
        channel=channel,
        visits=opened,
        visitors=opened,
        signups=joined,
        orders=orders,
    )


def shown(member):
    return {
        line.label: (line.opened, line.joined, line.orders)
        for line in channel_figures.of_member(member)
    }


def page_of(member):
    client = Client()
    client.force_login(member)
    return " ".join(client.get(PAGE).content.decode().split())


def test_three_friends_by_one_button_are_a_line_with_what_they_brought(
    anna, mailoutbox
):
    set_terms(hold_days=0)
    for number in range(3):
        browser = Client()
        browser.get("/r/A01B2C3D/?c=whatsapp")
        browser.get("/")
        join(browser, mailoutbox, email=f"friend{number}@example.com")
    for attribution in anna.invited.all()[:2]:
        settlement.settle(make_order(attribution.invitee))
    rollup.roll_up(rollup.today())

    assert channel_figures.of_member(anna) == [Line("WhatsApp", 3, 3, 2, 1000)]
    page = page_of(anna)
    assert '<th scope="row">WhatsApp</th>' in page
    assert "$10" in page


def test_lines_are_the_sums_of_days_and_of_all_own_links(anna):
    came(anna, "email", opened=4, joined=3, orders=1)
    came(anna, "email", opened=5, joined=1, days_ago=40)
    came(make_member(), "email", opened=90, joined=90)

    assert shown(anna) == {"Email": (9, 4, 1)}


def test_credit_that_went_back_is_not_earned(anna):
    rules = set_terms(hold_days=0)
    for _ in range(3):
        attribution = make_attribution(anna, terms=rules, channel="x")
        order = make_order(attribution.invitee)
        settlement.settle(order)
    came(anna, "x", opened=3, joined=3, orders=3)
    assert channel_figures.of_member(anna)[0].earned == 1500

    give_back(order, order.amount_due)
    settlement.settle(order)

    assert channel_figures.of_member(anna)[0].earned == 1000


def test_credit_that_ran_out_was_earned_as_the_links_own_line_says(anna):
    rules = set_terms(hold_days=0)
    for _ in range(3):
        attribution = make_attribution(anna, terms=rules, channel="x")
        settlement.settle(make_order(attribution.invitee))
    came(anna, "x", opened=3, joined=3, orders=3)
    Reward.objects.filter(attribution=attribution).update(state="expired")

    assert channel_figures.of_member(anna)[0].earned == 1500
    assert sum(each.earned for each in reports.links(anna)) == 1500


def test_one_friend_alone_is_in_no_line_alone(anna):
    came(anna, "email", opened=9, joined=5, orders=2)
    came(anna, "whatsapp", opened=30, joined=1, orders=1)
    came(anna, "sms", opened=9, joined=2)

    assert shown(anna) == {"Email": (9, 5, 2), "Other ways": (39, 3, 1)}


def test_what_is_left_over_is_nobody_alone_either(anna):
    came(anna, "email", opened=9, joined=5, orders=2)
    came(anna, "qr", opened=4, joined=4)
    came(anna, "facebook", opened=20)
    came(anna, "whatsapp", opened=3, joined=1)

    # With the QR code in it: ten less five less four would have been one.
    assert shown(anna) == {
        "Email": (9, 5, 2),
        "Facebook": (20, 0, 0),
        "Other ways": (7, 5, 0),
    }


def test_a_few_friends_altogether_are_one_line(anna):
    came(anna, "email", opened=1, joined=1)
    came(anna, "", opened=1, joined=1, orders=1)

    assert shown(anna) == {"All ways": (2, 2, 1)}


def test_a_code_that_was_told_has_no_button(anna):
    came(anna, "", joined=3)

    assert shown(anna) == {"Told or typed": (3, 3, 0)}


@pytest.mark.parametrize("seed", range(20))
def test_whatever_came_lines_add_up_and_none_is_one_person(anna, seed):
    chance = random.Random(seed)
    total = Line("")
    for channel in ["", "email", "sms", "x", "qr", "other", "whatsapp", "copy"]:
        joined = chance.choice([0, 0, 1, 2, 3, 7])
        opened = joined + chance.choice([0, 1, 4])
        came(anna, channel, opened=opened, joined=joined)
        total += Line("", opened, joined)

    lines = channel_figures.of_member(anna)

    assert sum(lines, Line("")) == total
    assert len(lines) == len({line.label for line in lines})
    for line in lines:
        assert line.label == "All ways" or line.joined not in range(1, FEWEST), lines
        assert line.label == "All ways" or line.opened >= FEWEST, lines


def test_what_somebody_wrote_into_an_address_is_not_read_back_to_the_member(anna):
    for _ in range(3):
        browser = Client()
        browser.get("/r/A01B2C3D/?c=an-insult")
        browser.get("/")
    rollup.roll_up(rollup.today())

    assert "insult" not in page_of(anna)
    assert shown(anna) == {"All ways": (3, 0, 0)}


def test_before_anybody_came_the_page_says_what_it_will_show(anna):
    page = page_of(anna)

    assert "Nobody has come yet." in page
    assert "<table" not in page


def test_the_figures_cost_two_questions_however_many_days_and_friends(anna, client):
    client.force_login(anna)
    client.get(PAGE)
    with counted() as few:
        client.get(PAGE)
    for day in range(30):
        for channel in ("", "email", "sms"):
            came(anna, channel, opened=9, joined=3, days_ago=day)
    with counted() as asked:
        channel_figures.of_member(anna)

    with counted() as many:
        client.get(PAGE)

    assert len(asked.own) == 2
    assert len(many.own) == len(few.own) <= 5, many.own
