import random
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import ledger
from catalog import stock
from catalog.tests.factories import make_variant
from orders import confirmation, payments, refunds, webhooks
from orders.models import Dispute, Order, OrderEvent, Refund, RefundLine, StripeEvent
from orders.refunds import Wish
from orders.tests.factories import (
    deliver,
    let_go,
    make_order,
    make_user,
    make_zone,
    open_session,
    pay,
)
from referrals.tests.counting import counted
from shop.kit import books

pytestmark = pytest.mark.django_db

State = Refund.State
ALL = Wish(everything=True, restock=True, reason="Sent back")


@pytest.fixture
def bought(client, stripe_sandbox):
    """Sell an order: paid by card, every event delivered."""

    def buy(user=None, quantities=None, **decided):
        order = make_order(user, quantities, **decided)
        for event in pay(stripe_sandbox, order) if order.amount_due else []:
            deliver(client, stripe_sandbox, event)
        order.refresh_from_db()
        assert order.status == Order.Status.CONFIRMED
        return order

    return buy


@pytest.fixture
def hear(client, stripe_sandbox):
    """Deliver every event of these types that Stripe has."""

    def listen(*types, times=1):
        for event in stripe_sandbox.events() * times:
            if not types or event["type"] in types:
                assert deliver(client, stripe_sandbox, event).status_code == 200

    return listen


def give_back(order, wish=ALL, actor=None):
    return refunds.execute(refunds.plan(order, wish), actor)


def charge_of(stripe, order):
    intent = order.payments.get(status="paid").intent_id
    return stripe.object("payment_intent", intent)["latest_charge"]


# What is planned


def test_money_returns_to_the_card_first_and_the_rest_to_the_balance(bought):
    make_zone(amount=500)
    user = make_user(balance=2000)
    order = bought(user, {make_variant(amount=5000): 1})
    assert (order.amount_due, order.amount_balance) == (3500, 2000)

    part = refunds.plan(order, Wish(amount=3000))
    more = refunds.plan(order, Wish(amount=4000))
    whole = refunds.plan(order, ALL)

    assert (part.amount_card, part.amount_balance) == (3000, 0)
    assert (more.amount_card, more.amount_balance) == (3500, 500)
    assert (whole.amount_card, whole.amount_balance) == (3500, 2000)
    assert ("To the card", "$35.00", "Visa ending 4242") in [
        (entry.label, entry.value, entry.note) for entry in whole.sheet
    ]


def test_pieces_of_a_line_add_up_to_the_line_to_the_cent(bought, settings):
    settings.CHECKOUT_DISCOUNTS = ["orders.tests.factories.five_off"]
    order = bought(make_user(), {make_variant(amount=1111): 3})
    line = order.lines.get()

    amounts = []
    for _ in range(3):
        wish = Wish(pieces=((line.pk, 1),))
        amounts.append(give_back(order, wish).amount)

    assert sum(amounts) == 3333 - 500
    with pytest.raises(refunds.NotRefundable):
        refunds.plan(order, Wish(pieces=((line.pk, 1),)))


@pytest.mark.parametrize(
    "wish",
    [
        Wish(amount=99_999),
        Wish(),
        Wish(shipping=True, amount=5000, pieces=((1, 1),)),
    ],
)
def test_more_than_is_left_is_refused_before_stripe_hears_of_it(
    bought, stripe_sandbox, wish
):
    order = bought()
    asked = len(stripe_sandbox.requests)

    with pytest.raises(refunds.NotRefundable):
        refunds.plan(order, wish)

    assert len(stripe_sandbox.requests) == asked


def test_the_database_refuses_a_request_beyond_what_is_left(bought):
    order = bought()
    payment = order.payments.get()

    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.create(
            order=order,
            payment=payment,
            idempotency_key="test",
            amount_card=5501,
            amount_left=5500,
            currency="USD",
            origin="staff",
        )


# What is done


def test_a_full_refund_returns_money_goods_and_says_so(bought, run_jobs, mailoutbox):
    make_zone(amount=500)
    lamp = make_variant(amount=5000, stock=3)
    user = make_user(balance=2000)
    order = bought(user, {lamp: 2})
    lamp.refresh_from_db()
    assert (lamp.stock, ledger.balance(user, "USD")) == (1, 0)

    with counted() as asked:
        refund = give_back(order)
    run_jobs()

    lamp.refresh_from_db()
    assert (refund.state, refund.amount) == (State.SUCCEEDED, 10_500)
    assert refund.stripe_id.startswith("re_")
    assert (lamp.stock, ledger.balance(user, "USD")) == (3, 2000)
    assert ledger.shop_balance(ledger.Kind.SALES, "USD") == 0
    told = order.events.get(kind="refunded")
    assert told.text == "Refunded $85.00 to the card and $20.00 to the balance"
    assert told.is_public
    assert mailoutbox[-1].subject.startswith("$105.00 back for order")
    assert "To Visa ending 4242: $85.00" in mailoutbox[-1].body
    assert len(asked.own) <= 40, len(asked.own)


def test_a_plan_is_executed_once_however_often_it_is_confirmed(bought, stripe_sandbox):
    order = bought()
    shown = refunds.plan(order, ALL)

    refunds.execute(shown, None)
    for _ in range(3):
        with pytest.raises(refunds.FactsChanged):
            refunds.execute(shown, None)

    assert Refund.objects.count() == 1
    assert len(stripe_sandbox.events("refund.created")) == 1


def test_a_plan_is_refused_when_the_dashboard_was_faster(bought, stripe_sandbox, hear):
    order = bought()
    shown = refunds.plan(order, Wish(amount=1000))

    intent = order.payments.get().intent_id
    stripe_sandbox.client().v1.refunds.create({"payment_intent": intent, "amount": 700})
    hear("refund.created", "charge.refunded", times=2)
    with pytest.raises(refunds.FactsChanged):
        refunds.execute(shown, None)

    made = Refund.objects.get()
    assert (made.origin, made.amount_card, made.state) == ("stripe", 700, "succeeded")
    assert refunds.plan(order, ALL).amount == order.amount_due - 700


def test_goods_go_back_on_the_shelf_once_ever(bought, stripe_sandbox, hear):
    lamp = make_variant(amount=5000, stock=3)
    order = bought(quantities={lamp: 2})

    refund = give_back(order)
    stripe_sandbox.refunds.fail(refund.stripe_id)
    hear()
    again = give_back(order)

    lamp.refresh_from_db()
    assert lamp.stock == 3
    assert again.state == State.SUCCEEDED
    assert [row.restocked for row in RefundLine.objects.order_by("pk")] == [2, 0]


def test_a_refusal_of_stripe_leaves_the_books_as_they_were(bought, stripe_sandbox):
    user = make_user(balance=2000)
    lamp = make_variant(amount=5000, stock=3)
    order = bought(user, {lamp: 1})
    shown = refunds.plan(order, ALL)
    intent = order.payments.get().intent_id
    stripe_sandbox.client().v1.refunds.create({"payment_intent": intent})

    with pytest.raises(payments.RefundRefused, match="refunded"):
        refunds.execute(shown, None)

    lamp.refresh_from_db()
    refund = Refund.objects.get()
    assert (refund.state, refund.accepted_at) == (State.FAILED, None)
    assert "refunded" in refund.failure_reason
    assert (lamp.stock, ledger.balance(user, "USD")) == (2, 0)
    assert not order.events.filter(kind="refunded").exists()


@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_answer_is_asked_for_again_and_pays_once(
    bought, stripe_sandbox, executed
):
    order = bought(make_user(balance=1000))
    shown = refunds.plan(order, ALL)

    if executed:  # killed between Stripe's answer and our note of it
        payments.refund(refunds._request(shown, None, Refund.Origin.STAFF))
    else:
        stripe_sandbox.faults.answer(500, 9)
        with pytest.raises(payments.PaymentUnavailable):
            refunds.execute(shown, None)
        stripe_sandbox.faults.clear()

    assert Refund.objects.get().state == State.REQUESTED
    with pytest.raises(refunds.NotRefundable):
        refunds.plan(order, ALL)
    assert refunds.finish_requested() == 0
    Refund.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert refunds.finish_requested() == 1
    assert refunds.finish_requested() == 0
    assert Refund.objects.get().state == State.SUCCEEDED
    assert len(stripe_sandbox.events("refund.created")) == 1
    assert ledger.balance(order.user, "USD") == 1000


def test_a_refund_that_cannot_be_made_keeps_nobody_else_from_their_money(
    bought, stripe_sandbox, monkeypatch
):
    """One at a time: what fails goes behind what was not asked for yet."""
    monkeypatch.setattr(refunds, "MOST_ASKED", 1)
    stuck, other = bought(), bought()
    stripe_sandbox.faults.answer(500, 99)
    for order in (stuck, other):
        with pytest.raises(payments.PaymentUnavailable):
            give_back(order)
    Refund.objects.update(created_at=timezone.now() - timedelta(minutes=2))

    assert refunds.finish_requested() == 0
    stripe_sandbox.faults.clear()
    assert refunds.finish_requested() == 1

    assert stuck.refunds.get().state == State.REQUESTED
    assert other.refunds.get().state == State.SUCCEEDED


def test_the_webhook_may_overtake_our_own_note(bought, stripe_sandbox, monkeypatch):
    order = bought(make_user(balance=1000))
    ask = payments.refund

    def ask_slowly(refund, **how):
        said = ask(refund, **how)
        for event in stripe_sandbox.events("refund.created"):
            webhooks.receive(*stripe_sandbox.signed(event))
        return said

    monkeypatch.setattr(payments, "refund", ask_slowly)
    refund = give_back(order)

    assert Refund.objects.get() == refund
    assert refund.state == State.SUCCEEDED
    assert ledger.balance(order.user, "USD") == 1000


def test_a_refund_that_fails_days_later_reopens_and_says_so(
    bought, stripe_sandbox, hear
):
    order = bought()
    refund = give_back(order)

    stripe_sandbox.refunds.fail(refund.stripe_id)
    hear("refund.failed", times=2)

    refund.refresh_from_db()
    assert refund.state == State.FAILED
    assert refund.failure_reason == "expired_or_canceled_card"
    assert Refund.objects.unresolved().get() == refund
    assert order.events.filter(kind="refund_failed", is_public=True).count() == 1
    assert refunds.plan(order, ALL).amount_card == order.amount_due
    give_back(order)
    assert not Refund.objects.unresolved().exists()


def test_goods_of_an_order_that_never_counted_go_on_no_shelf_twice(
    client, stripe_sandbox, run_jobs
):
    lamp = make_variant(amount=5000, stock=1)
    order = make_order(None, {lamp: 1})
    events = pay(stripe_sandbox, order)
    let_go(order)
    stock.take({lamp: 1}, cause="door", reason="Sold at the door")
    for event in events:
        deliver(client, stripe_sandbox, event)
    refunds.finish_requested()
    stripe_sandbox.refunds.fail(order.refunds.get().stripe_id)
    for event in stripe_sandbox.events():
        deliver(client, stripe_sandbox, event)
    order.refresh_from_db()

    assert give_back(order).amount_card == 5000 + order.amount_shipping

    lamp.refresh_from_db()
    assert lamp.stock == 0


@pytest.mark.parametrize("late", ["refund.created", "refund.failed"])
def test_failed_money_went_another_way_only_by_a_refund_made_since(
    bought, stripe_sandbox, client, time_machine, late
):
    """Whatever comes last: the news of the failure, or of the refund beside it."""
    order = bought()
    intent = order.payments.get().intent_id
    api = stripe_sandbox.client().v1.refunds

    def make(amount):
        time_machine.shift(60)
        return api.create({"payment_intent": intent, "amount": amount})

    def hear_all():
        news = sorted(stripe_sandbox.events(), key=lambda event: event["type"] == late)
        for event in news:
            deliver(client, stripe_sandbox, event)
        return set(Refund.objects.unresolved().values_list("stripe_id", flat=True))

    time_machine.move_to(timezone.now(), tick=False)
    first, _beside = make(1000), make(700)
    time_machine.shift(60)
    stripe_sandbox.refunds.fail(first.id)
    assert hear_all() == {first.id}

    second = make(500)
    assert hear_all() == set()

    stripe_sandbox.refunds.fail(second.id)
    assert hear_all() == {second.id}


def test_events_of_refunds_in_any_order_end_the_same(
    bought, client, stripe_sandbox, time_machine
):
    order = make_order(make_user())
    events = pay(stripe_sandbox, order)
    intent = stripe_sandbox.object("checkout.session", order.payments.get().session_id)[
        "payment_intent"
    ]
    api = stripe_sandbox.client().v1.refunds
    one = api.create({"payment_intent": intent, "amount": 1000})
    api.create({"payment_intent": intent, "amount": 700})
    stripe_sandbox.refunds.fail(one.id)
    events = stripe_sandbox.events()

    for seed in range(12):
        with transaction.atomic():
            shuffled = events * 2
            random.Random(seed).shuffle(shuffled)
            for event in shuffled + events:  # Stripe repeats until it is processed
                deliver(client, stripe_sandbox, event)
            states = dict(Refund.objects.values_list("amount_card", "state"))
            assert states == {1000: "failed", 700: "succeeded"}, seed
            assert not StripeEvent.objects.unprocessed().exists()
            assert refunds.plan(order_now(order), ALL).amount == 5500 - 700
            transaction.set_rollback(True)


def order_now(order):
    return Order.objects.get(pk=order.pk)


def test_a_refund_event_costs_few_queries(bought, client, stripe_sandbox):
    order = bought()
    intent = order.payments.get().intent_id
    stripe_sandbox.client().v1.refunds.create({"payment_intent": intent})
    event = stripe_sandbox.events("refund.created")[0]

    with counted() as asked:
        deliver(client, stripe_sandbox, event)

    assert Refund.objects.get().state == State.SUCCEEDED
    assert len(asked.own) <= 25, len(asked.own)


# Cancelling


def test_cancelling_a_paid_order_is_a_full_refund(bought, hear, run_jobs, mailoutbox):
    lamp = make_variant(amount=5000, stock=3)
    order = bought(quantities={lamp: 1})
    wish = Wish(everything=True, restock=True, cancels=True, reason="Broken in store")

    give_back(order, wish)
    hear(times=2)  # also the session that paid it, once more
    confirmation.confirm_order(order.pk)
    run_jobs()

    order.refresh_from_db()
    lamp.refresh_from_db()
    assert order.status == Order.Status.CANCELLED
    assert lamp.stock == 3
    assert order.events.get(kind="cancelled").text == "Broken in store"
    assert mailoutbox[-1].subject == f"Order {order.spoken_code} is cancelled"
    with pytest.raises(refunds.NotRefundable):
        refunds.plan(order, wish)
    assert not [found for found in books.prove(outside=False) if found.rows]


def test_an_order_that_balance_paid_is_cancelled_without_stripe(bought, stripe_sandbox):
    user = make_user(balance=9000)
    order = bought(user, {make_variant(amount=5000): 1})

    refund = give_back(order, Wish(everything=True, cancels=True))

    assert (refund.state, refund.stripe_id) == (State.SUCCEEDED, None)
    assert ledger.balance(user, "USD") == 9000
    assert not [found for found in books.prove(outside=False) if found.rows]
    assert not stripe_sandbox.requests


# Late money


def test_late_money_whose_goods_are_gone_goes_back_with_a_mail(
    client, stripe_sandbox, run_jobs, mailoutbox
):
    lamp = make_variant(amount=5000, stock=1)
    order = make_order(quantities={lamp: 1})
    open_session(order)
    events = pay(stripe_sandbox, order)
    confirmation_lost(order)
    make_order(quantities={lamp: 1})

    for event in events * 2:
        deliver(client, stripe_sandbox, event)
    assert Refund.objects.get().state == State.REQUESTED
    refunds.finish_requested()
    run_jobs()

    order.refresh_from_db()
    refund = Refund.objects.get()
    assert order.status == Order.Status.EXPIRED
    assert order.held_because.endswith("they are gone.")
    assert (refund.state, refund.origin) == (State.SUCCEEDED, "automatic")
    assert refund.amount_card == order.amount_due
    assert "your money is on its way back" in mailoutbox[-1].subject
    assert not refunds.finish_requested()


def confirmation_lost(order):
    """The order ran out before Stripe's message came."""
    Order.objects.filter(pk=order.pk).update(expires_at=timezone.now())
    let_go(order)


# Disputes


def test_a_disputed_payment_is_left_to_the_bank(bought, stripe_sandbox, hear):
    order = bought()
    dispute = stripe_sandbox.disputes.open(charge_of(stripe_sandbox, order))
    hear("charge.dispute.created", "charge.dispute.funds_withdrawn", times=2)

    row = Dispute.objects.get()
    assert (row.amount, row.reason) == (order.amount_due, "fraudulent")
    assert row.due_by > timezone.now()
    assert row.closed_at is None
    with pytest.raises(refunds.NotRefundable, match="disputed"):
        refunds.plan(order, ALL)

    stripe_sandbox.disputes.lose(dispute["id"])
    hear("charge.dispute.closed")
    row.refresh_from_db()
    assert row.status == "lost"
    assert row.closed_at
    with pytest.raises(refunds.NotRefundable, match="Nothing is left"):
        refunds.plan(order, ALL)


def test_events_of_a_dispute_in_any_order_end_the_same(bought, client, stripe_sandbox):
    order = bought()
    charge = charge_of(stripe_sandbox, order)
    stripe_sandbox.disputes.warn(charge)
    dispute = stripe_sandbox.disputes.open(charge)
    stripe_sandbox.disputes.win(dispute["id"])
    events = [
        event
        for event in stripe_sandbox.events()
        if event["type"].startswith(("charge.dispute", "radar"))
    ]

    for seed in range(12):
        with transaction.atomic():
            random.Random(seed).shuffle(events)
            for event in events:
                deliver(client, stripe_sandbox, event)
            found = {(row.status, bool(row.closed_at)) for row in Dispute.objects.all()}
            assert found == {("won", True), ("fraud_warning", True)}, seed
            transaction.set_rollback(True)


def test_an_inquiry_takes_no_money(bought, stripe_sandbox, hear):
    order = bought()
    stripe_sandbox.disputes.open(charge_of(stripe_sandbox, order), inquiry=True)

    hear("charge.dispute.created")

    assert Dispute.objects.get().status == "warning_needs_response"
    assert refunds.plan(order, ALL).amount_card == order.amount_due
    assert not OrderEvent.objects.filter(kind="disputed", is_public=True).exists()
