"""Many cases read at once are the same as each read by itself."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from catalog.tests.factories import make_category
from orders.models import Order
from referrals import blocks, cases, settlement
from referrals.models import Exclusion, Reward
from referrals.tests.afterwards import give_back
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def bought(attribution, **fields):
    order = make_order(attribution.invitee, **fields)
    settlement.settle(order)
    return order


@pytest.fixture
def crowd():
    """Orders of several kinds: second ones, refunded, blocked, of several offers."""
    anna, mal = make_member(), make_member()
    usual = set_terms(hold_days=0)
    first = make_attribution(anna, terms=usual)
    found = [bought(first), bought(first, goods=9000)]
    strict = set_terms(first_means="qualifying", orders_count=1)
    third = make_attribution(anna, terms=strict)
    found += [bought(third, goods=100), bought(third)]
    found.append(bought(make_attribution(mal, terms=usual)))
    refunded = bought(make_attribution(anna, terms=usual))
    give_back(refunded, 1000)
    found.append(refunded)
    staff = User.objects.create_superuser("boss@example.com", "x")
    blocks.block("person", str(mal.pk), actor=staff, reason="Looks like a farm")
    blocks.block("domain", "evil.example", actor=staff, reason="Looks like a farm")
    return found


def moveless(facts):
    """All of it but the moment at which it was read."""
    return {name: value for name, value in vars(facts).items() if name != "now"}


def test_many_at_once_are_what_each_is_by_itself(crowd):
    orders = list(Order.objects.order_by("-pk"))

    many = cases.of_many(orders)

    assert [case.order for case in many] == orders
    for case in many:
        alone = cases.of(Order.objects.get(pk=case.order.pk))
        assert moveless(cases.facts_of(case)) == moveless(cases.facts_of(alone))
        assert (case.reward, case.last) == (alone.reward, alone.last)
        assert case.others == alone.others
    assert {cases.facts_of(case).is_blocked for case in many} == {True, False}
    assert {cases.facts_of(case).place for case in many} == {0, 1}


def test_goods_that_do_not_count_are_asked_for_all_at_once(crowd):
    terms = set_terms()
    Exclusion.objects.create(terms=terms, category=make_category("Gift cards"))
    for _ in range(3):
        bought(make_attribution(terms=terms))
    few = list(Order.objects.filter(user__attribution__terms=terms)[:1])
    all_of_them = list(Order.objects.filter(user__attribution__terms=terms))

    def cost(orders):
        with counted() as asked:
            for case in cases.of_many(orders):
                cases.facts_of(case)
        return len(asked.own)

    assert cost(few) == cost(all_of_them)


def test_whom_nobody_brought_has_no_case():
    lone = make_order(make_member())

    assert cases.of_many([lone]) == []
    assert cases.of(lone) is None
    assert not Reward.objects.exists()


def test_an_order_in_many_is_read_in_few_queries(crowd):
    orders = list(Order.objects.all())

    with counted() as asked:
        many = cases.of_many(orders)

    assert len(many) == len(orders) == 6
    assert len(asked.own) <= 7
    assert many[0].attribution.created_at > NOW - timedelta(days=400)
