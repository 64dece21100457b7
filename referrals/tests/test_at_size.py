"""R-T15: what happens at every click, sign-up and payment costs the same in a crowd.

A crowd of some thousands is enough for PostgreSQL's planner to show, by itself, whether
there is an index for what is asked.
"""

import re

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from orders import adoption
from orders.models import Order, OrderAddress, Payment
from orders.tests.factories import ADDRESS
from referrals import (
    attributions,
    circumstances,
    eligibility,
    rollup,
    settlement,
    sweeps,
)
from referrals.models import Visit, Visitor
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
)

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

BIG = {
    "accounts_user",
    "orders_order",
    "orders_orderaddress",
    "orders_payment",
    "referrals_attribution",
    "referrals_code",
    "referrals_funnelday",
    "referrals_settlement",
    "referrals_visit",
    "referrals_visitor",
}


def fill():
    call_command("seed_visits", visits=6000, attributions=3000, verbosity=0)


def read_whole(asked):
    """The big tables that some of these statements would read from end to end."""
    found = set()
    with connection.cursor() as cursor:
        for statement in asked.own:
            cursor.execute(f"EXPLAIN {statement}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            found |= set(re.findall(r"Seq Scan on (\w+)", plan)) & BIG
    return found


def bought(user):
    order = make_order(user)
    OrderAddress.objects.create(order=order, **ADDRESS)
    Payment.objects.filter(order=order).update(card_hash=f"{order.pk:064}")
    return order


def test_the_crowd_is_large_enough_to_tell():
    fill()

    with counted() as asked:
        list(Visit.objects.filter(agent="no index knows it"))
        list(Order.objects.filter(email__icontains="no index knows it"))

    assert read_whole(asked) == {"referrals_visit", "orders_order"}


def test_a_click_costs_the_same_among_few_and_among_many():
    link = make_link(text="A01B2C3D")

    def clicks():
        client = Client()
        with counted() as first:
            client.get("/r/A01B2C3D/")
        with counted() as second:
            client.get("/r/A01B2C3D/")
        return first, second

    few = clicks()
    fill()
    many = clicks()

    assert [len(each.own) for each in few] == [len(each.own) for each in many]
    assert [read_whole(each) for each in many] == [set(), set()]
    assert Visitor.objects.count() == 6002
    assert link.visits.count() == 2


def test_whether_a_friend_was_a_customer_is_asked_of_indexes():
    attribution = make_attribution()
    friend = attribution.invitee
    bought(friend)
    fill()

    with counted() as asked:
        against = eligibility.of_person(
            friend, attribution.inviter, attribution.touched_at
        )

    assert against == ""
    assert len(asked.own) >= 6
    assert read_whole(asked) == set()


def test_a_payment_is_judged_and_settled_by_indexes():
    attribution = make_attribution()
    bought(attribution.inviter)
    order = bought(attribution.invitee)
    fill()

    with counted() as asked:
        attributions.judge_payment(order.pk)
        settlement.settle(order)

    assert attribution.rewards.get().amount
    assert read_whole(asked) == set()


def test_a_door_is_found_among_the_people_it_concerns():
    attribution = make_attribution()
    bought(attribution.inviter)
    order = bought(attribution.invitee)
    fill()

    with counted() as asked:
        about = circumstances.read(order, attribution)

    assert about.is_inviters_door
    assert read_whole(asked) == set()


def test_a_new_account_finds_its_guest_orders_by_index():
    fill()
    friend = make_member(days_ago=0)

    with counted() as asked:
        attributions.attribute(friend)
        adoption.adopt(friend)

    assert any("UPPER" in each and '"orders_order"' in each for each in asked.own)
    assert read_whole(asked) == set()


def test_days_of_the_shop_are_read_by_their_day():
    fill()
    today = rollup.today()

    with counted() as asked:
        rollup.totals(since=today, until=today)

    assert read_whole(asked) == set()


def test_the_sweep_finds_what_is_outdated_by_index():
    fill()
    attribution = make_attribution()
    order = bought(attribution.invitee)
    with connection.cursor() as cursor:
        # As autovacuum does, once there are rows.
        cursor.execute("ANALYZE")

    with counted() as asked:
        found = list(sweeps.outdated())

    assert found == [order]
    assert read_whole(asked) == set()
