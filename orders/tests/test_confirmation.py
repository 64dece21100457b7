import random

import pytest
from django.utils import timezone

from accounts import ledger, statements
from accounts.models import Transfer
from catalog import stock
from catalog.models import StockMovement
from catalog.tests.factories import make_variant
from orders import confirmation, payments
from orders.models import Order, Payment
from orders.tests.factories import (
    deliver,
    let_go,
    make_cart,
    make_order,
    make_user,
    open_session,
    pay,
    place,
)
from shop.kit.models import Message

pytestmark = pytest.mark.django_db

Kind = ledger.Kind


def status(order):
    order.refresh_from_db()
    return order.status


def left(variant):
    variant.refresh_from_db()
    return variant.stock


def assert_books_hold(*people):
    """Stock is the sum of its movements, balances are the sums of their transfers."""
    for (variant_id,) in StockMovement.objects.values_list("variant").distinct():
        moves = StockMovement.objects.filter(variant=variant_id)
        assert moves.first().variant.stock == sum(
            moves.values_list("quantity", flat=True)
        )
    for ada in people:
        lines = statements.of(ada, "USD")
        assert ledger.balance(ada, "USD") == sum(line.amount for line in lines)
        holding = Order.objects.pending().filter(user=ada)
        assert ledger.balance(ada, "USD", Kind.HELD) == sum(
            holding.values_list("amount_balance", flat=True)
        )


def test_a_paid_order_is_confirmed_thanked_for_and_leaves_the_cart(
    client, stripe_sandbox, run_jobs, mailoutbox
):
    ada = make_user("ada@example.com", balance=1000)
    lamp = make_variant(stock=5)
    order = place(make_cart(ada, {lamp: 1}))

    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)
    run_jobs()

    assert status(order) == Order.Status.CONFIRMED
    assert order.confirmed_at
    assert not ada.cart.lines.exists()
    assert ledger.balance(ada, "USD", Kind.HELD) == 0
    assert ledger.shop_balance(Kind.SALES, "USD") == 1000
    assert [mail.to for mail in mailoutbox] == [["ada@example.com"]]
    assert [event.kind for event in order.events.all()] == [
        "placed",
        "paid",
        "confirmed",
    ]
    payment = order.payments.get()
    assert payment.amount_received == payment.amount == order.amount_due
    assert_books_hold(ada)


@pytest.mark.parametrize(
    ("seed", "rounds"), [(1, 20), pytest.param(2, 200, marks=pytest.mark.postgres)]
)
def test_inv_18_whatever_the_order_of_events_it_is_confirmed_once(
    client, stripe_sandbox, seed, rounds
):
    """Shuffles in which every event comes up to three times, in any order."""
    chance = random.Random(seed)
    ada = make_user(balance=1_000_000)
    lamp = make_variant(amount=5000, stock=1000)
    for number in range(rounds):
        order = place(make_cart(ada, {lamp: 1}), balance=1000)
        if number % 7 == 0:  # a card was refused before
            stripe_sandbox.pay(open_session(order), "4000000000000002")
        events = pay(stripe_sandbox, order)
        events = [event for event in events for _ in range(chance.randint(1, 3))]
        chance.shuffle(events)

        for event in events:
            assert deliver(client, stripe_sandbox, event).status_code == 200

        assert status(order) == Order.Status.CONFIRMED
        assert order.events.filter(kind="confirmed").count() == 1
        assert order.payments.get().card == "Visa ending 4242"
        assert Message.objects.filter(subject_row=f"order:{order.pk}").count() == 1
        capture = Transfer.objects.filter(key=f"order:{order.pk}:capture")
        assert capture.count() == 1
    assert left(lamp) == 1000 - rounds
    assert ledger.shop_balance(Kind.SALES, "USD") == rounds * 1000
    assert_books_hold(ada)


def test_an_order_that_is_not_paid_is_not_confirmed():
    order = make_order()

    confirmation.confirm_order(order.pk)

    assert status(order) == Order.Status.PENDING


def test_inv_12_an_expired_order_gives_everything_back_once(client, stripe_sandbox):
    ada = make_user(balance=1000)
    lamp = make_variant(stock=5)
    order = place(make_cart(ada, {lamp: 2}))
    session = open_session(order)

    stripe_sandbox.expire(session)
    expired = stripe_sandbox.events("checkout.session.expired")[0]
    for _ in range(3):
        deliver(client, stripe_sandbox, expired)
        confirmation.expire_order(order.pk)
        confirmation.cancel_order(order.pk, reason="Changed their mind")

    assert status(order) == Order.Status.EXPIRED
    assert left(lamp) == 5
    assert ledger.balance(ada, "USD") == 1000
    assert ledger.balance(ada, "USD", Kind.HELD) == 0
    assert Payment.objects.get().status == Payment.Status.CLOSED
    assert ada.cart.lines.exists(), "the cart is as it was"
    assert_books_hold(ada)


def test_a_confirmed_order_neither_expires_nor_is_cancelled(client, stripe_sandbox):
    lamp = make_variant(stock=5)
    order = place(make_cart(None, {lamp: 2}))
    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)

    confirmation.expire_order(order.pk)
    confirmation.cancel_order(order.pk, reason="Too late")

    assert status(order) == Order.Status.CONFIRMED
    assert left(lamp) == 3


def test_a_stale_expiry_of_one_page_does_not_close_the_next(client, stripe_sandbox):
    """Inv 14: stock is not given back while another page can be paid."""
    order = make_order()
    first = open_session(order)
    stripe_sandbox.expire(first)
    Payment.objects.update(status=Payment.Status.CLOSED, closed_at=timezone.now())
    second = open_session(order)
    assert second != first

    deliver(
        client, stripe_sandbox, stripe_sandbox.events("checkout.session.expired")[0]
    )

    assert status(order) == Order.Status.PENDING
    stripe_sandbox.pay(second)
    deliver(
        client, stripe_sandbox, stripe_sandbox.events("checkout.session.completed")[0]
    )
    assert status(order) == Order.Status.CONFIRMED


# Late money


def paid_late(client, stripe, order, *, meanwhile=lambda: None):
    events = pay(stripe, order)
    let_go(order)
    meanwhile()
    for event in events:
        deliver(client, stripe, event)
    return status(order)


def test_inv_15_late_money_takes_the_goods_again(client, stripe_sandbox):
    ada = make_user(balance=1000)
    lamp = make_variant(stock=5)
    order = place(make_cart(ada, {lamp: 2}))

    assert paid_late(client, stripe_sandbox, order) == Order.Status.CONFIRMED

    assert left(lamp) == 3
    assert ledger.balance(ada, "USD") == 0
    assert ledger.shop_balance(Kind.SALES, "USD") == 1000
    assert_books_hold(ada)


def test_inv_15_late_money_for_lost_goods_is_put_before_a_person(
    client, stripe_sandbox
):
    ada = make_user(balance=1000)
    lamp = make_variant(stock=2)
    order = place(make_cart(ada, {lamp: 2}))

    def sell_one():
        stock.take({lamp: 1}, cause="other", reason="Sold elsewhere")

    found = paid_late(client, stripe_sandbox, order, meanwhile=sell_one)

    assert found == Order.Status.EXPIRED
    assert order.held_at
    assert order.payments.get().status == Payment.Status.PAID
    assert left(lamp) == 1
    assert ledger.balance(ada, "USD") == 1000
    assert [message.kind for message in Message.objects.all()] == ["order_expired"]
    assert_books_hold(ada)


def test_inv_15_late_money_for_spent_balance_is_put_before_a_person(
    client, stripe_sandbox
):
    ada = make_user(balance=1000)
    lamp = make_variant(stock=5)
    order = place(make_cart(ada, {lamp: 2}))

    def spend():
        ledger.post(
            key="elsewhere",
            debit=(ada, Kind.WALLET),
            credit=(None, Kind.SALES),
            amount=500,
            currency="USD",
            kind="spend",
            reason="Elsewhere",
        )

    assert paid_late(client, stripe_sandbox, order, meanwhile=spend) == "expired"

    assert order.held_at
    assert left(lamp) == 5, "stock was not kept for an order that is not confirmed"
    assert ledger.balance(ada, "USD") == 500
    assert_books_hold(ada)


def test_a_gift_that_another_order_used_meanwhile_is_not_given_twice(
    client, stripe_sandbox, settings
):
    settings.CHECKOUT_DISCOUNTS = ["orders.tests.factories.five_off"]
    ada = make_user()
    lamp = make_variant(stock=5)
    order = place(make_cart(ada, {lamp: 1}))

    def buy_again():
        second = place(make_cart(ada, {lamp: 1}))
        for event in pay(stripe_sandbox, second):
            deliver(client, stripe_sandbox, event)

    found = paid_late(client, stripe_sandbox, order, meanwhile=buy_again)

    assert found == Order.Status.EXPIRED
    assert "discount" in order.held_because
    assert left(lamp) == 4
    assert_books_hold(ada)


def test_a_held_order_that_is_paid_cannot_be_paid_again(client, stripe_sandbox):
    order = make_order()
    for event in pay(stripe_sandbox, order):
        forged = event | {"id": f"{event['id']}_x"}
        if event["type"] == "checkout.session.completed":
            forged["data"] = {"object": event["data"]["object"] | {"amount_total": 1}}
        deliver(client, stripe_sandbox, forged)
    assert status(order) == Order.Status.PENDING
    assert order.held_at

    with pytest.raises(payments.PaymentUnavailable):
        payments.start(order)

    assert order.payments.count() == 1


def test_a_held_order_keeps_its_first_reason():
    order = make_order()

    confirmation.hold(order, "The amount paid is not the amount due.")
    confirmation.hold(order, "Paid twice.")

    order.refresh_from_db()
    assert order.held_because == "The amount paid is not the amount due."
    assert not order.events.get(kind="held").is_public


def test_money_paid_twice_is_put_before_a_person(client, stripe_sandbox):
    order = make_order()
    first = open_session(order)
    Payment.objects.update(status=Payment.Status.CLOSED)
    second = open_session(order)

    for session in [first, second]:
        stripe_sandbox.pay(session)
    for event in stripe_sandbox.events("checkout.session.completed"):
        deliver(client, stripe_sandbox, event)

    assert status(order) == Order.Status.CONFIRMED
    assert order.held_because == "Paid twice."
    assert order.payments.filter(status=Payment.Status.PAID).count() == 2
    assert Message.objects.count() == 1


def test_facts_are_told_after_commit_and_survive_a_bad_listener(
    client, stripe_sandbox, django_capture_on_commit_callbacks
):
    from orders.signals import order_facts_changed

    heard = []

    def listen(order_id, **kwargs):
        heard.append((order_id, Order.objects.get(pk=order_id).status))
        raise RuntimeError("a bug upstairs")

    order = make_order()
    order_facts_changed.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            for event in pay(stripe_sandbox, order):
                assert deliver(client, stripe_sandbox, event).status_code == 200
            assert heard == []
    finally:
        order_facts_changed.disconnect(listen)

    assert set(heard) == {(order.pk, Order.Status.CONFIRMED)}
