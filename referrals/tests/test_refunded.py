"""What refunds, disputes and cancellations do to the reward of the inviter."""

import random

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import ledger
from catalog.tests.factories import make_variant
from orders import refunds
from orders.models import Dispute, Order, StripeEvent
from orders.refunds import Wish
from orders.tests.factories import deliver, pay
from orders.tests.factories import make_order as place_order
from referrals import consequences, settlement
from referrals.models import Reward
from referrals.tests.afterwards import dispute, give_back, pots, spend
from referrals.tests.counting import counted
from referrals.tests.factories import make_attribution, make_order, set_terms
from shop.kit import books

pytestmark = pytest.mark.django_db

State = Reward.State
Kind = ledger.Kind


@pytest.fixture
def friend():
    """Invited under terms without a hold: the reward is paid at once."""
    return make_attribution(terms=set_terms(hold_days=0)).invitee


def settled(order):
    settlement.settle(order)
    settlement.settle(order)
    return Reward.objects.get()


def test_a_full_refund_before_the_release_moves_no_money():
    friend = make_attribution().invitee
    order = make_order(friend)
    settlement.settle(order)

    give_back(order, 5000)

    assert settled(order).state == State.VOID
    assert pots(friend.attribution.inviter) == [0, 0]


@pytest.mark.parametrize(("spent", "left"), [(0, [0, 0]), (300, [0, 300])])
def test_a_full_refund_after_the_release_takes_back_what_is_there(friend, spent, left):
    inviter = friend.attribution.inviter
    order = make_order(friend)
    settlement.settle(order)
    if spent:
        spend(inviter, spent)

    give_back(order, 5000)
    settlement.settle(order)
    settlement.settle(order)

    assert Reward.objects.get().state == State.REVERSED
    assert pots(inviter) == left


def test_a_refund_that_fails_gives_the_reward_back_once(friend):
    inviter = friend.attribution.inviter
    order = make_order(friend)
    settlement.settle(order)
    spend(inviter, 200)
    refund = give_back(order, 5000)
    settlement.settle(order)
    assert pots(inviter) == [0, 200]

    refund.state, refund.failed_at = "failed", timezone.now()
    refund.save()
    settlement.settle(order)
    settlement.settle(order)

    assert Reward.objects.get().state == State.AVAILABLE
    assert pots(inviter) == [300, 0]


@pytest.mark.parametrize("amounts", [(1000, 1500, 500), (500, 1000, 1500)])
def test_partial_refunds_keep_the_reward_while_the_minimum_remains(friend, amounts):
    order = make_order(friend)  # of 50 dollars; the minimum is 20
    for amount in amounts:
        give_back(order, amount)
        assert settled(order).state == State.AVAILABLE

    give_back(order, 1)

    reward = settled(order)
    assert (reward.state, reward.reason) == (State.REVERSED, "partly_refunded")


def test_refunded_delivery_costs_no_reward(friend):
    order = make_order(friend, goods=2000, shipping=500)

    give_back(order, 500, amount_shipping=500)

    assert settled(order).state == State.AVAILABLE


def test_a_second_payment_that_goes_back_costs_no_reward(friend):
    order = make_order(friend, received=10_000)

    give_back(order, 5000)
    settlement.settle(order)

    assert Reward.objects.get().state == State.AVAILABLE


@pytest.mark.parametrize(
    "status",
    ["needs_response", "warning_under_review", "fraud_warning", "of_a_new_kind"],
)
def test_an_open_dispute_freezes_a_reward_that_is_on_the_way(friend, status):
    order = make_order(friend)
    question = dispute(order, status)

    assert settled(order).state == State.PENDING

    question.status, question.closed_at = "won", timezone.now()
    question.save()
    assert settled(order).state == State.AVAILABLE


def test_a_lost_dispute_takes_the_reward_and_a_won_appeal_returns_it(friend):
    order = make_order(friend)
    settlement.settle(order)
    question = dispute(order, "needs_response")
    assert settled(order).state == State.AVAILABLE

    question.status, question.closed_at = "lost", timezone.now()
    question.save()
    assert settled(order).state == State.REVERSED

    question.status = "won"
    question.save()
    assert settled(order).state == State.AVAILABLE
    assert pots(friend.attribution.inviter) == [500, 0]


def test_the_plan_of_a_refund_says_what_happens_to_the_reward(friend):
    order = make_order(friend)
    settlement.settle(order)
    spend(friend.attribution.inviter, 200)

    def row(**wish):
        shown = refunds.plan(order, Wish(**wish))
        assert "Reward of the inviter" not in [e.label for e in shown.public_sheet]
        found = [e for e in shown.sheet if e.label == "Reward of the inviter"]
        return found[0].value, found[0].note

    assert row(amount=1000) == ("$5.00", "Stays as it is")
    assert row(everything=True) == ("−$5.00", "$2.00 stays owed")
    assert consequences.rewards(make_order(None), refunds.Outcome(1, 1, False)) == []


def test_a_plan_is_refused_when_the_inviter_spent_meanwhile(friend):
    order = make_order(friend)
    settlement.settle(order)
    shown = refunds.plan(order, Wish(everything=True))
    spend(friend.attribution.inviter, 200)

    with pytest.raises(refunds.FactsChanged):
        refunds.execute(shown, None)


def test_settling_after_a_refund_stays_within_its_budget(friend):
    order = make_order(friend)
    settlement.settle(order)
    spend(friend.attribution.inviter, 200)
    give_back(order, 5000)

    with counted() as asked:
        settlement.settle(order)

    assert len(asked.own) <= 30, len(asked.own)


def test_events_of_a_whole_story_in_any_order_leave_one_ledger(
    friend, client, stripe_sandbox, run_jobs
):
    """Paid, refunded in two parts of which one fails, disputed, won, all shuffled."""
    inviter = friend.attribution.inviter
    order = place_order(friend, {make_variant(amount=9000): 1})
    pay(stripe_sandbox, order)
    session = order.payments.get().session_id
    intent = stripe_sandbox.object("checkout.session", session)["payment_intent"]
    api = stripe_sandbox.client().v1.refunds
    one = api.create({"payment_intent": intent, "amount": 4000})
    api.create({"payment_intent": intent, "amount": 1000})
    stripe_sandbox.refunds.fail(one.id)
    charge = stripe_sandbox.object("payment_intent", intent)["latest_charge"]
    opened = stripe_sandbox.disputes.open(charge)
    stripe_sandbox.disputes.win(opened["id"])
    events = stripe_sandbox.events()

    ends = set()
    for seed in range(10):
        with transaction.atomic():
            shuffled = events * 2
            random.Random(seed).shuffle(shuffled)
            for event in shuffled + events:  # Stripe repeats until it is processed
                deliver(client, stripe_sandbox, event)
                if Order.objects.get(pk=order.pk).confirmed_at:
                    settlement.settle(order)
            assert not StripeEvent.objects.unprocessed().exists()
            assert not [found for found in books.prove(outside=False) if found.rows]
            ends.add((*pots(inviter), Reward.objects.get().state))
            transaction.set_rollback(True)

    assert ends == {(500, 0, State.AVAILABLE)}


def test_credit_that_was_taken_back_cannot_be_spent_again(
    client, stripe_sandbox, friend
):
    inviter = friend.attribution.inviter
    order = make_order(friend)
    settlement.settle(order)
    own = place_order(inviter, {make_variant(amount=3000): 1}, balance=500)
    for event in pay(stripe_sandbox, own):
        deliver(client, stripe_sandbox, event)
    give_back(order, 5000)
    settlement.settle(order)
    assert pots(inviter) == [0, 500]

    own.refresh_from_db()
    refunds.execute(refunds.plan(own, Wish(everything=True)), None)

    assert pots(inviter) == [0, 0]


@pytest.mark.parametrize(
    ("amounts", "kept"), [((480,), 0), ((400,), 500), ((401,), 0), ((200, 200), 500)]
)
def test_what_remains_is_goods_before_the_welcome_gift(friend, amounts, kept):
    """$25 of goods for $20: what went back was worth a quarter more than was paid."""
    order = make_order(friend, goods=2500, welcome=500)
    settlement.settle(order)

    for amount in amounts:
        give_back(order, amount)
        settlement.settle(order)

    assert pots(friend.attribution.inviter) == [kept, 0]


@pytest.mark.parametrize(
    ("returned", "other", "kept"), [(600, 1900, 0), (500, 2000, 500), (333, 2000, 500)]
)
def test_a_returned_line_is_worth_what_it_was_sold_for(
    client, stripe_sandbox, friend, returned, other, kept
):
    kept_variant, variant = make_variant(amount=other), make_variant(amount=returned)
    order = place_order(friend, {kept_variant: 1, variant: 1})
    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)
    order.refresh_from_db()
    assert order.amount_discount == 500
    settlement.settle(order)

    line = order.lines.get(variant=variant)
    refunds.execute(refunds.plan(order, Wish(pieces=((line.pk, 1),))), None)
    settlement.settle(order)

    assert pots(friend.attribution.inviter) == [kept, 0]


def test_a_second_payment_that_goes_back_stands_for_no_lost_one(friend):
    order = make_order(friend)
    settlement.settle(order)
    dispute(order, "lost", closed=True)
    second = order.payments.create(
        idempotency_key="test:second",
        status="paid",
        amount=5000,
        amount_received=5000,
        currency="USD",
        session_expires_at=timezone.now(),
        paid_at=timezone.now(),
    )
    assert settled(order).state == State.AVAILABLE

    order.refunds.create(
        payment=second,
        idempotency_key="test:second back",
        amount_card=5000,
        currency="USD",
        state="succeeded",
        accepted_at=timezone.now(),
        origin="stripe",
    )

    assert settled(order).reason == "dispute_lost"
    assert pots(friend.attribution.inviter) == [0, 0]


def test_a_lost_second_payment_costs_no_reward_while_the_first_one_stands(friend):
    order = make_order(friend)
    settlement.settle(order)
    second = order.payments.create(
        idempotency_key="test:second",
        status="paid",
        amount=5000,
        amount_received=5000,
        currency="USD",
        session_expires_at=timezone.now(),
        paid_at=timezone.now(),
    )
    first = order.payments.first()

    def lose(payment):
        Dispute.objects.create(
            payment=payment,
            stripe_id=f"du_{payment.pk}",
            amount=5000,
            currency="USD",
            status="lost",
            closed_at=timezone.now(),
        )

    lose(second)
    assert settled(order).state == State.AVAILABLE
    assert pots(friend.attribution.inviter) == [500, 0]

    lose(first)
    assert settled(order).reason == "dispute_lost"
    assert pots(friend.attribution.inviter) == [0, 0]
