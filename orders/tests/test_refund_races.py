"""Refunds at once, on PostgreSQL; each race has a twin without its guard."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts import ledger
from catalog.tests.factories import make_variant
from orders import payments, refunds, reversals
from orders.models import Refund
from orders.refunds import Wish
from orders.tests.factories import deliver, make_cart, make_user, make_zone, pay, place
from orders.tests.racing import at_once, hesitate

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ALL = Wish(everything=True, restock=True, reason="Sent back")


@pytest.fixture
def order(client, stripe_sandbox):
    make_zone()
    lamp = make_variant(amount=5000, stock=9)
    order = place(make_cart(make_user(balance=1000), {lamp: 1}))
    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)
    order.refresh_from_db()
    return order


def stock_of(order):
    return order.lines.get().variant.stock


def test_inv_05_twenty_full_refunds_at_once_pay_once(order, stripe_sandbox):
    shown = refunds.plan(order, ALL)

    results = at_once(*[lambda: refunds.execute(shown, None)] * 20)

    done = [result for result in results if isinstance(result, Refund)]
    others = [result for result in results if not isinstance(result, Refund)]
    assert len(done) == 1
    assert all(isinstance(other, refunds.FactsChanged) for other in others), others
    assert len(stripe_sandbox.events("refund.created")) == 1
    assert ledger.balance(order.user, "USD") == 1000
    assert stock_of(order) == 9


@pytest.mark.cooked_books
def test_twin_a_plan_checked_before_the_lock_is_asked_for_many_times(order):
    """Without lock and constraint: look, then write, as if nobody else were there."""

    def ask():
        left = refunds.plan(order, ALL).amount_card
        hesitate()
        return Refund.objects.create(
            order=order,
            payment=order.payments.get(),
            idempotency_key=reversals.new_key(order),
            amount_card=left,
            amount_left=left,
            currency="USD",
            state=Refund.State.PENDING,
            accepted_at=timezone.now(),
            origin=Refund.Origin.STAFF,
        )

    at_once(*[ask] * 5)

    assert Refund.objects.standing().amount("amount_card") > order.amount_due


def test_a_refund_and_its_webhook_at_once_are_one_refund(order, stripe_sandbox):
    shown = refunds.plan(order, ALL)
    refund = refunds._request(shown, None, Refund.Origin.STAFF)
    said = payments.refund(refund)
    event = stripe_sandbox.events("refund.created")[0]

    results = at_once(
        *[lambda: reversals.record_refund(said)] * 5,
        *[lambda: deliver(Client(), stripe_sandbox, event).status_code] * 5,
    )

    assert [r for r in results if r not in (None, 200)] == []
    refund.refresh_from_db()
    assert Refund.objects.get() == refund
    assert refund.state == Refund.State.SUCCEEDED
    assert order.events.filter(kind="refunded").count() == 1
    assert ledger.balance(order.user, "USD") == 1000
    assert stock_of(order) == 9


def test_twin_a_row_read_before_the_lock_takes_effect_twice(order):
    """Without the order's lock only the unique keys are left to refuse the second."""
    shown = refunds.plan(order, Wish(everything=True, reason="Sent back"))
    refund = refunds._request(shown, None, Refund.Origin.STAFF)

    def note():
        row = Refund.objects.select_related("order").get(pk=refund.pk)
        hesitate()
        if row.state == Refund.State.REQUESTED:
            return order.events.create(kind="refunded", text="Refunded")

    at_once(*[note] * 5)

    assert order.events.filter(kind="refunded").count() > 1


CANCEL = Wish(everything=True, restock=True, cancels=True, reason="Changed my mind")


def refunded_in_the_dashboard(stripe_sandbox, order, amount):
    """Stripe has given this much back already; the event that tells of it."""
    asked = {"payment_intent": order.payments.get().intent_id, "amount": amount}
    made = stripe_sandbox.client().v1.refunds.create(asked)
    return next(
        event
        for event in stripe_sandbox.events("refund.created")
        if event["data"]["object"]["id"] == made.id
    )


@pytest.mark.parametrize("amount", [700, 4500])
@pytest.mark.parametrize("wish", [ALL, CANCEL])
def test_inv_05_a_refund_raced_against_one_of_the_dashboard_gives_back_no_more(
    order, stripe_sandbox, wish, amount
):
    shown = refunds.plan(order, wish)
    event = refunded_in_the_dashboard(stripe_sandbox, order, amount)

    refused, answer = at_once(
        lambda: refunds.execute(shown, None),
        lambda: deliver(Client(), stripe_sandbox, event).status_code,
    )

    # By the plan's version when the webhook was first, by Stripe when it was not.
    assert isinstance(refused, refunds.FactsChanged | payments.RefundRefused)
    assert answer == 200
    assert Refund.objects.standing().amount("amount_card") == amount
    order.refresh_from_db()
    assert order.status == order.Status.CONFIRMED
    assert ledger.balance(order.user, "USD") == 0
    assert stock_of(order) == 8


@pytest.mark.cooked_books
def test_twin_a_plan_nobody_looks_at_again_gives_back_too_much(order, stripe_sandbox):
    shown = refunds.plan(order, ALL)
    event = refunded_in_the_dashboard(stripe_sandbox, order, 700)

    def ask_as_shown():
        hesitate()
        return Refund.objects.create(
            order=order,
            payment=shown.payment,
            idempotency_key=reversals.new_key(order),
            amount_card=shown.amount_card,
            amount_left=shown.amount_left,
            currency="USD",
            origin=Refund.Origin.STAFF,
        )

    at_once(ask_as_shown, lambda: deliver(Client(), stripe_sandbox, event))

    assert Refund.objects.standing().amount("amount_card") > order.amount_due
