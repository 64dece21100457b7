"""Scripts 36 to 45: money in motion. Facts arrive as they like; one ledger results."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts import ledger
from catalog.tests.factories import make_category, make_product, make_variant
from orders import confirmation, refunds
from orders.models import CartLine, Dispute, Order, OrderAddress, OrderLine
from orders.refunds import Wish
from orders.tests.factories import ADDRESS, deliver, give, make_zone, pay
from orders.tests.factories import make_order as place_order
from referrals import settlement, sweeps
from referrals.models import Reward, Settlement
from referrals.tests.afterwards import dispute, give_back, pots, spend
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)
from referrals.tests.people import TYPED_ADDRESS

pytestmark = pytest.mark.django_db

Kind = ledger.Kind
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


def opens(order):
    """The buyer's own page of an order, whatever became of its reward."""
    # An order that was made up for its facts goes to no door yet.
    OrderAddress.objects.get_or_create(order=order, defaults=ADDRESS)
    client = Client()
    client.force_login(order.user)
    page = client.get(Order.objects.get(pk=order.pk).get_absolute_url())
    return page.status_code == 200 and order.code in page.content.decode()


def test_abuse_36_a_refund_after_the_credit_was_spent_is_owed_once(
    ben, anna, client, stripe_sandbox, run_jobs, django_capture_on_commit_callbacks
):
    """Stripe tells of the refund five times, by two kinds of event."""

    def hear(events):
        with django_capture_on_commit_callbacks(execute=True):
            for event in events:
                assert deliver(client, stripe_sandbox, event).status_code == 200
        run_jobs()

    make_zone(amount=0)
    order = place_order(ben, {make_variant(amount=5000): 1}, balance=0)
    hear(pay(stripe_sandbox, order))
    assert pots(anna) == [500, 0]
    spend(anna, 500)

    order.refresh_from_db()
    refunds.execute(refunds.plan(order, Wish(everything=True)), None)
    told = [*stripe_sandbox.events("refund.created")]
    told += stripe_sandbox.events("charge.refunded")
    for number in range(5):
        hear([event | {"id": f"{event['id']}_{number}"} for event in told])

    assert settled(order) == "refunded"
    assert order.refunds.count() == 1
    reward = Reward.objects.get()
    assert (reward.state, reward.reason) == (State.REVERSED, "refund_after_release")
    assert (reward.amount_reversed, pots(anna)) == (500, [0, 500])
    assert opens(order)


def refund_it(order):
    give_back(order, 5000)


def cancel_it(order):
    give_back(order, 5000)
    Order.objects.filter(pk=order.pk).update(
        status="cancelled", cancelled_at=timezone.now()
    )


@pytest.mark.parametrize(
    ("undo", "why"), [(refund_it, "refunded"), (cancel_it, "cancelled")]
)
def test_abuse_37_an_end_one_day_after_the_hold_takes_the_reward_back(
    time_machine, undo, why
):
    ben = make_attribution().invitee
    order = make_order(ben)
    settled(order)
    time_machine.move_to(order.confirmed_at + timedelta(days=14), tick=False)
    assert sweeps.release_due() == 1

    time_machine.shift(86_400)
    undo(order)

    assert settled(order) == why
    reward = Reward.objects.get()
    assert (reward.state, reward.reason) == (State.REVERSED, "refund_after_release")
    assert pots(ben.attribution.inviter) == [0, 0]
    assert opens(order)


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


def test_abuse_40_an_early_warning_of_fraud_freezes_too(ben, anna):
    order = make_order(ben)
    settled(order)

    warning = dispute(order, "fraud_warning")
    settled(order)
    assert pots(anna) == [0, 0]
    assert Reward.objects.get().amount_frozen == 500

    warning.closed_at = timezone.now()  # nothing came of it
    warning.save()
    assert settled(order) == ""
    assert pots(anna) == [500, 0]
    assert opens(order)


def test_abuse_41_credit_buys_no_credit():
    """Twenty rounds: Anna's credit pays the order of a friend, for whom she is paid.

    Each order costs the least that would count, so that one that counted would bring
    back all that it cost.
    """
    terms = set_terms(
        hold_days=0, inviter_amount=2000, friend_amount=0, cap_per_month=None
    )
    make_zone(amount=0)
    lamp = make_variant(amount=2000, stock=50)
    anna = make_member(days_ago=900)
    give(anna, 20 * 2000)
    found = []
    for _ in range(20):
        friend = make_attribution(anna, terms=terms).invitee
        hand_over(anna, friend, 2000)
        order = place_order(friend, {lamp: 1})
        confirmation.confirm_order(order.pk)
        found.append((order.amount_balance, order.amount_due, settled(order)))
        assert opens(order)

    assert found == [(2000, 0, "below_minimum")] * 20
    assert not Reward.objects.exists()
    assert pots(anna) == [0, 0]
    assert Order.objects.confirmed().count() == 20


def hand_over(giver, taker, amount):
    """Not even what no page can do gains a cent: balance of one is another's."""
    fields = {"amount": amount, "currency": "USD", "kind": "test", "reason": "A hand"}
    for key, debit, credit in [
        ("out", (giver, Kind.WALLET), (None, Kind.GOODWILL)),
        ("in", (None, Kind.GOODWILL), (taker, Kind.WALLET)),
    ]:
        ledger.post(key=f"test:{taker.pk}:{key}", debit=debit, credit=credit, **fields)


@pytest.mark.parametrize(
    "order",
    [{"goods": 0}, {"goods": 5000, "promotion": 5000}],
    ids=["nothing", "all off"],
)
def test_abuse_42_an_order_that_costs_nothing_earns_nothing(ben, anna, order):
    order = make_order(ben, **order)

    assert settled(order) == "below_minimum"
    assert not Reward.objects.exists()
    assert pots(anna) == [0, 0]
    assert opens(order)


@pytest.mark.parametrize(("mugs", "reason"), [(0, "below_minimum"), (1, "")])
def test_abuse_42_gift_cards_count_for_nothing(mugs, reason):
    """What a shop sells as a gift card it excludes by its category."""
    cards = make_category("Gift cards", slug="gift-cards")
    ben = make_attribution(terms=set_terms(hold_days=0, excluded=[cards])).invitee
    make_zone(amount=0)
    card = make_variant(make_product("Card", category=cards), amount=10_000)
    lines = {card: 1} | {make_variant(amount=3000): each for each in [mugs] if each}

    order = place_order(ben, lines)
    order.payments.create(
        idempotency_key="test:paid",
        status="paid",
        amount=order.amount_due,
        currency="USD",
        session_expires_at=timezone.now(),
        paid_at=timezone.now(),
        amount_received=order.amount_due,
    )
    confirmation.confirm_order(order.pk)

    assert settled(order) == reason
    assert pots(ben.attribution.inviter) == [500 if mugs else 0, 0]
    assert opens(order)


@pytest.mark.parametrize("typed", ["0", "-1", "-99999", "1e9", "٣x", "", "9" * 30])
def test_abuse_43_no_quantity_in_the_cart_bends_the_sum(ben, client, typed):
    """The cart takes whole numbers up to its most, and the till counts anew."""
    make_zone(amount=0)
    lamp = make_variant(amount=1000, stock=5)
    client.force_login(ben)

    client.post("/cart/add/", {"variant": lamp.sku, "quantity": 1})
    client.post("/cart/change/", {"variant": lamp.sku, "quantity": typed})
    page = client.get("/cart/")

    assert page.status_code == 200
    lines = CartLine.objects.filter(cart__user=ben)
    assert all(0 < line.quantity < 1000 for line in lines)
    for expected in ("0", "-5000", "1" * 30):
        form = TYPED_ADDRESS | {"expected_due": expected}
        assert client.post("/checkout/", form).status_code in (302, 422)
    assert not Order.objects.exists()
    assert not Settlement.objects.exists()


def test_abuse_43_what_costs_nothing_brings_nobody_to_the_minimum(ben, anna):
    make_zone(amount=0)
    free = make_variant(amount=0, stock=5000)

    order = place_order(ben, {free: 900})

    assert (order.amount_goods, order.amount_due) == (0, 0)
    assert settled(order) == "below_minimum"
    assert pots(anna) == [0, 0]
    assert opens(order)


@pytest.mark.parametrize(
    "line", [{"quantity": 0}, {"quantity": -1}, {"amount_unit": -5000, "amount": -5000}]
)
def test_abuse_43_lines_that_are_no_sale_are_refused_by_the_database(ben, line):
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
