"""Scripts 36 to 45: money in motion. Facts arrive as they like; one ledger results."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from orders.models import Dispute, Order, OrderLine
from referrals import settlement
from referrals.models import Reward, Settlement
from referrals.tests.factories import make_attribution, make_order, set_terms
from referrals.tests.test_refunded import dispute, give_back, pots, spend

pytestmark = pytest.mark.django_db

State = Reward.State


@pytest.fixture
def ben():
    """Anna's friend, under terms that pay at once."""
    return make_attribution(terms=set_terms(hold_days=0)).invitee


@pytest.fixture
def anna(ben):
    return ben.attribution.inviter


def settled(order):
    """However often it is looked at: the reason, and the order as it was."""
    before = Order.objects.get(pk=order.pk).status
    for _ in range(3):
        settlement.settle(order)
    assert Order.objects.get(pk=order.pk).status == before
    return Settlement.objects.get(order=order).reason


def test_abuse_36_a_refund_after_the_credit_was_spent_is_owed_once(ben, anna):
    order = make_order(ben)
    settled(order)
    spend(anna, 500)

    give_back(order, 5000)

    assert settled(order) == "refunded"
    assert pots(anna) == [0, 500]


def test_abuse_37_a_refund_one_day_after_the_hold_takes_the_reward_back(time_machine):
    ben = make_attribution().invitee
    order = make_order(ben)
    settled(order)
    time_machine.move_to(order.confirmed_at + timedelta(days=14), tick=False)
    assert settlement.release_due() == 1

    time_machine.shift(86_400)
    give_back(order, 5000)

    assert settled(order) == "refunded"
    assert Reward.objects.get().state == State.REVERSED
    assert pots(ben.attribution.inviter) == [0, 0]


@pytest.mark.parametrize(("back", "left"), [(500, 500), (600, 0)])
def test_abuse_38_a_partial_refund_to_below_the_minimum_takes_all(
    ben, anna, back, left
):
    order = make_order(ben, goods=2500)
    settled(order)

    give_back(order, back)

    assert settled(order) == ("" if left else "partly_refunded")
    assert pots(anna) == [left, 0]


def test_abuse_39_many_small_refunds_count_together(ben, anna):
    order = make_order(ben, goods=2500)
    found = []
    for _ in range(3):
        give_back(order, 200)
        settled(order)
        found.append(pots(anna)[0])

    assert found == [500, 500, 0]
    assert Settlement.objects.get().reason == "partly_refunded"


def test_abuse_40_a_dispute_after_the_payout_freezes_takes_and_gives_back(ben, anna):
    order = make_order(ben)
    settled(order)

    question = dispute(order, "needs_response")
    settled(order)
    assert pots(anna) == [0, 0]

    question.status, question.closed_at = "lost", timezone.now()
    question.save()
    assert settled(order) == "dispute_lost"
    assert Reward.objects.get().state == State.REVERSED

    Dispute.objects.update(status="won")
    assert settled(order) == ""
    assert pots(anna) == [500, 0]


def test_abuse_41_credit_buys_no_credit():
    """Twenty rounds of buying as a friend with what the round before brought."""
    terms = set_terms(hold_days=0)
    for _ in range(20):
        ben = make_attribution(terms=terms).invitee
        order = make_order(ben, goods=5000, balance=5000)
        assert settled(order) == "below_minimum"

    assert not Reward.objects.exists()


@pytest.mark.parametrize(
    "order",
    [{"goods": 0}, {"goods": 5000, "promotion": 5000}],
    ids=["nothing", "all off"],
)
def test_abuse_42_an_order_that_costs_nothing_earns_nothing(ben, order):
    assert settled(make_order(ben, **order)) == "below_minimum"
    assert not Reward.objects.exists()


@pytest.mark.parametrize(
    "line", [{"quantity": 0}, {"quantity": -1}, {"amount_unit": -5000, "amount": -5000}]
)
def test_abuse_43_lines_that_are_no_sale_are_refused_by_the_database(ben, line):
    from catalog.tests.factories import make_variant

    order, variant = make_order(ben, goods=1000), make_variant()
    fields = {"quantity": 1, "amount_unit": 5000, "amount": 5000, **line}

    with pytest.raises(IntegrityError), transaction.atomic():
        OrderLine.objects.create(
            order=order,
            variant=variant,
            position=1,
            product_name="Odd",
            sku="ODD",
            **fields,
        )
    assert settled(order) == "below_minimum"


def test_abuse_44_whoever_keeps_only_the_cheapest_earns_nobody_anything():
    ben = make_attribution().invitee
    order = make_order(ben, goods=9000)
    settled(order)

    give_back(order, 8500)

    assert settled(order) == "partly_refunded"
    assert Reward.objects.get().state == State.VOID


def test_abuse_45_an_order_in_pieces_earns_once(ben, anna):
    orders = [make_order(ben, goods=2000) for _ in range(5)]

    reasons = [settled(order) for order in orders]

    assert reasons == ["", *["not_first_order"] * 4]
    assert pots(anna) == [500, 0]
