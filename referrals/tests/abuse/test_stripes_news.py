"""Scripts 46 to 50: what Stripe says twice, late or never; one balance spent twice."""

import copy
import random
import re
import time

import pytest

from accounts import ledger
from accounts.models import Transfer
from catalog.tests.factories import make_variant
from orders import checkout, refunds, webhooks
from orders.models import Order, StripeEvent
from orders.refunds import Wish
from orders.tests.factories import (
    deliver,
    details,
    give,
    make_cart,
    make_zone,
    open_session,
    pay,
    place,
    post_event,
)
from referrals import settlement
from referrals.models import Reward
from referrals.tests.afterwards import pots
from referrals.tests.factories import make_attribution, make_member, set_terms
from referrals.tests.people import TYPED_ADDRESS
from shop.sandbox.stripe import signing

pytestmark = pytest.mark.django_db

Kind = ledger.Kind
State = Reward.State
Status = Order.Status

RETURN = "/checkout/return/"


@pytest.fixture
def lamp():
    make_zone(amount=600)
    return make_variant(amount=5000)


@pytest.fixture
def ben():
    """Anna's friend, under terms that pay at once."""
    return make_attribution(terms=set_terms(hold_days=0)).invitee


@pytest.fixture
def anna(ben):
    return ben.attribution.inviter


@pytest.fixture
def order(ben, lamp):
    """Ben's first, which waits for its payment."""
    return place(make_cart(ben, {lamp: 1}))


@pytest.fixture
def hear(client, stripe_sandbox, run_jobs, django_capture_on_commit_callbacks):
    """Post events to the webhook, then do what they left to the worker."""

    def hear(*events):
        with django_capture_on_commit_callbacks(execute=True):
            for event in events:
                assert deliver(client, stripe_sandbox, event).status_code == 200
        run_jobs()

    return hear


def status(order):
    order.refresh_from_db()
    return order.status


def named(events, type):
    return next(event for event in events if event["type"] == type)


def completed(events):
    return named(events, "checkout.session.completed")


def credits_of(user):
    return Transfer.objects.filter(credit__owner=user, credit__kind=Kind.WALLET)


def page_of(client, order):
    """The buyer's own page of an order, which opens whatever became of the money."""
    client.force_login(order.user)
    page = client.get(order.get_absolute_url())
    assert page.status_code == 200
    return page.content.decode()


def assert_no_reward(anna, order):
    settlement.settle(order.pk)
    assert not Reward.objects.filter(state__in=Reward.LIVE).exists()
    assert pots(anna) == [0, 0]


# 46: duplicates, disorder, a refund before its payment


def backwards(events):
    return [each for event in reversed(events) for each in (event, event)]


def shuffled(seed):
    def shuffle(events):
        twice = events * 2
        random.Random(seed).shuffle(twice)
        return twice

    return shuffle


@pytest.mark.parametrize(
    "arrange",
    [backwards, *map(shuffled, range(6))],
    ids=["backwards", *(f"shuffle {seed}" for seed in range(6))],
)
def test_abuse_46_news_twice_and_in_any_order_leaves_one_ledger(
    lamp, client, stripe_sandbox, hear, arrange
):
    """A share of what counts, so that the cents of the refund show."""
    terms = set_terms(hold_days=0, inviter_amount=0, inviter_basis_points=1000)
    ben = make_attribution(terms=terms).invitee
    order = place(make_cart(ben, {lamp: 1}))
    pay(stripe_sandbox, order)
    session = order.payments.get().session_id
    intent = stripe_sandbox.object("checkout.session", session)["payment_intent"]
    stripe_sandbox.client().v1.refunds.create(
        {"payment_intent": intent, "amount": 1000}
    )
    events = stripe_sandbox.events()

    for event in arrange(events):
        hear(event)
    while webhooks.try_unprocessed().done:  # as our own job does, with pauses
        pass
    settlement.settle(order.pk)

    assert not StripeEvent.objects.unprocessed().exists()
    assert status(order) == Status.CONFIRMED
    assert order.refunds.get().amount_card == 1000
    assert order.code in page_of(client, order)
    reward = Reward.objects.get()
    assert reward.state == State.AVAILABLE
    # 10 of the 45 dollars that were paid: 11.11 of the 50 that the goods were worth.
    assert (reward.amount, reward.amount_reversed) == (500, 111)
    assert pots(ben.attribution.inviter) == [389, 0]


# 47: one payment, told by several events


def test_abuse_47_two_kinds_of_event_for_one_payment_reward_once(
    anna, order, client, stripe_sandbox, hear
):
    """Forty threads at once do the same on PostgreSQL in test_reward_race.py."""
    events = pay(stripe_sandbox, order)
    done, charged = completed(events), named(events, "charge.succeeded")
    later = done | {
        "id": "evt_later",
        "type": "checkout.session.async_payment_succeeded",
    }

    hear(done, later, charged, later, done, charged)
    for _ in range(40):
        settlement.settle(order.pk)

    assert status(order) == Status.CONFIRMED
    assert order.events.filter(kind="confirmed").count() == 1
    assert order.code in page_of(client, order)
    assert Reward.objects.get().state == State.AVAILABLE
    assert credits_of(anna).get().amount == 500
    assert pots(anna) == [500, 0]


# 48: news that is not Stripe's, not now, not this shop's, not the right amount


def by_another_secret(stripe, event):
    body, _ = stripe.signed(event)
    return body, signing.header("whsec_of_mal", body, int(time.time()))


def changed_on_the_way(stripe, event):
    body, signature = stripe.signed(event)
    return body.replace(b"usd", b"eur"), signature


def replayed(stripe, event):
    return stripe.signed(event, at=int(time.time()) - 301)


@pytest.mark.parametrize("forge", [by_another_secret, changed_on_the_way, replayed])
def test_abuse_48_a_forged_or_replayed_message_is_refused(
    anna, order, client, stripe_sandbox, hear, forge
):
    events = pay(stripe_sandbox, order)

    answer = post_event(client, *forge(stripe_sandbox, completed(events)))

    assert answer.status_code == 400
    assert not StripeEvent.objects.exists()
    assert status(order) == Status.PENDING
    assert_no_reward(anna, order)

    hear(*events)  # and what Stripe says itself still counts
    assert status(order) == Status.CONFIRMED
    assert order.code in page_of(client, order)
    assert pots(anna) == [500, 0]


def test_abuse_48_an_event_of_the_other_mode_is_nobodys_money(
    anna, order, client, stripe_sandbox, hear
):
    events = pay(stripe_sandbox, order)

    hear(completed(events) | {"id": "evt_live", "livemode": True})

    assert status(order) == Status.PENDING
    assert_no_reward(anna, order)

    hear(*events)
    assert status(order) == Status.CONFIRMED
    assert order.code in page_of(client, order)
    assert pots(anna) == [500, 0]


@pytest.mark.parametrize(
    "changes", [{"amount_total": 1}, {"amount_total": 5601}, {"currency": "eur"}]
)
def test_abuse_48_money_that_is_not_the_orders_waits_for_a_person(
    anna, order, client, stripe_sandbox, hear, changes, admin_client
):
    events = pay(stripe_sandbox, order)
    wrong = copy.deepcopy(completed(events)) | {"id": "evt_wrong"}
    wrong["data"]["object"].update(changes)

    hear(wrong)
    hear(*events)

    assert status(order) == Status.PENDING
    assert order.held_at
    assert order.held_because
    assert order.code in page_of(client, order)
    assert_no_reward(anna, order)
    start = admin_client.get("/admin/").content.decode()  # a tile that wants a look
    assert re.search(r"figure--care.{0,400}Held for a look", start, re.DOTALL)
    assert order.events.filter(kind="held").exists()


# 49: the page after the payment is believed by nobody


def test_abuse_49_the_thank_you_page_of_an_unpaid_order_pays_nobody(
    anna, ben, order, client, stripe_sandbox, hear, run_jobs
):
    session = open_session(order)
    client.force_login(ben)

    for _ in range(3):
        page = client.get(RETURN, {"order": order.code, "session_id": session})
        assert page.status_code == 200
        assert "orders/thank_you.html" not in [each.name for each in page.templates]
    run_jobs()

    assert status(order) == Status.PENDING
    assert_no_reward(anna, order)

    hear(*pay(stripe_sandbox, order))
    thanks = client.get(RETURN, {"order": order.code})
    assert "orders/thank_you.html" in [each.name for each in thanks.templates]
    for _ in range(3):
        client.get(RETURN, {"order": order.code})
    run_jobs()
    assert credits_of(anna).get().amount == 500


def test_abuse_49_somebody_elses_thank_you_page_pays_nobody(
    anna, order, lamp, client, stripe_sandbox, hear, run_jobs
):
    """Mal waits with an order of her own, and shows the paid one of Ben."""
    hear(*pay(stripe_sandbox, order))
    mal = make_attribution().invitee
    waiting = place(make_cart(mal, {lamp: 1}))
    asked = {
        "order": order.code,
        "t": order.access_token,
        "session_id": order.payments.get().session_id,
    }

    assert client.get(RETURN, asked).url.startswith("/accounts/login/")
    client.force_login(mal)
    assert client.get(RETURN, asked).status_code == 404
    mixed = client.get(RETURN, asked | {"order": waiting.code})
    assert mixed.status_code == 200
    run_jobs()

    assert status(waiting) == Status.PENDING
    assert order.code in page_of(client, order)
    assert pots(anna) == [500, 0]
    assert pots(mal.attribution.inviter) == [0, 0]
    assert Reward.objects.get().order == order


# 50: one balance, spent twice


def test_abuse_50_a_second_cart_gets_what_the_first_left(lamp):
    mal = make_member()
    give(mal, 2000)
    first, second, third = (make_cart(None, {lamp: 1}) for _ in range(3))

    orders = [
        checkout.place_order(first, mal, details(balance=1500)),
        checkout.place_order(second, mal, details()),
        checkout.place_order(third, mal, details()),
    ]

    assert [each.amount_balance for each in orders] == [1500, 500, 0]
    assert [each.amount_due for each in orders] == [4100, 5100, 5600]
    assert ledger.balance(mal, "USD") == 0
    assert ledger.balance(mal, "USD", Kind.HELD) == 2000


def test_abuse_50_a_tab_that_still_shows_the_spent_balance_is_asked_again(
    lamp, client, stripe_sandbox, hear
):
    mal = make_member()
    give(mal, 1500)
    client.force_login(mal)
    shown = TYPED_ADDRESS | {"use_balance": "on", "expected_due": "4100"}
    basket = {"variant": lamp.sku, "quantity": 1}

    client.post("/cart/add/", basket)
    assert client.post("/checkout/", shown).status_code == 302
    hear(*pay(stripe_sandbox, Order.objects.get()))
    client.post("/cart/add/", basket)
    stale = client.post("/checkout/", shown)

    assert stale.status_code == 422
    assert "The amount has changed since you looked." in stale.content.decode()
    assert Order.objects.get().status == Status.CONFIRMED
    seen = shown | {"expected_due": "5600"}
    assert client.post("/checkout/", seen).status_code == 302
    assert Order.objects.pending().get().amount_balance == 0
    assert pots(mal) == [0, 0]


def test_abuse_50_a_payment_that_failed_gives_the_balance_back_once(
    lamp, client, stripe_sandbox, hear
):
    mal = make_member()
    give(mal, 1500)
    order = place(make_cart(mal, {lamp: 1}))
    session = open_session(order)
    stripe_sandbox.pay(session, "4000000000000002")

    hear(*stripe_sandbox.events())

    assert status(order) == Status.PENDING, "another card may still pay"
    assert ledger.balance(mal, "USD", Kind.HELD) == 1500
    assert pots(mal) == [0, 0]

    stripe_sandbox.expire(session)
    hear(*stripe_sandbox.events() * 2)

    assert status(order) == Status.EXPIRED
    assert order.code in page_of(client, order)
    assert ledger.balance(mal, "USD", Kind.HELD) == 0
    assert pots(mal) == [1500, 0]
    assert place(make_cart(mal, {lamp: 1})).amount_balance == 1500


@pytest.mark.parametrize("pays", [True, False])
def test_abuse_50_what_is_spent_while_it_is_taken_back_is_owed(
    anna, order, lamp, client, stripe_sandbox, hear, pays
):
    """Anna's order holds the reward when Ben's money goes back."""
    hear(*pay(stripe_sandbox, order))
    spending = place(make_cart(anna, {lamp: 1}))
    assert spending.amount_balance == 500

    order.refresh_from_db()
    refunds.execute(refunds.plan(order, Wish(everything=True)), None)
    hear(*stripe_sandbox.events("refund.created"))
    settlement.settle(order.pk)

    assert Reward.objects.get().state == State.REVERSED
    assert pots(anna) == [0, 500]
    if pays:
        hear(*pay(stripe_sandbox, spending))
    else:
        session = open_session(spending)
        stripe_sandbox.expire(session)
        hear(*stripe_sandbox.events("checkout.session.expired"))
    assert status(spending) == (Status.CONFIRMED if pays else Status.EXPIRED)
    assert spending.code in page_of(client, spending)
    assert ledger.balance(anna, "USD", Kind.HELD) == 0
    assert pots(anna) == ([0, 500] if pays else [0, 0])
