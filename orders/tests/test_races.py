"""Several at once, on PostgreSQL. Each race has a twin: the flow without its guard.

If the twin did not go wrong, the race beside it would prove nothing.
"""

import random
import re
import threading
import time

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import ledger
from accounts.models import LedgerAccount, Transfer
from catalog import stock
from catalog.models import StockMovement, Variant
from catalog.tests.factories import make_variant
from orders import buying, checkout, confirmation, expiry, payments, webhooks
from orders.models import Order, OrderEvent, Payment, StripeEvent
from orders.tests.factories import (
    deliver,
    details,
    let_go,
    make_cart,
    make_user,
    make_zone,
    open_session,
    pay,
    place,
)
from orders.tests.racing import at_once, hesitate
from shop.kit import guards
from shop.kit.models import Message

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

Kind = ledger.Kind


@pytest.fixture(autouse=True)
def _delivery():
    make_zone()


def failures(results, *expected):
    """Exceptions that nobody foresaw: a deadlock, a broken constraint."""
    return [
        result
        for result in results
        if isinstance(result, Exception) and not isinstance(result, expected)
    ]


def assert_books_hold():
    for variant in Variant.objects.all():
        moved = variant.movements.values_list("quantity", flat=True)
        assert variant.stock == sum(moved) >= 0
    for account in LedgerAccount.objects.exclude(owner=None):
        came = sum(account.credits.values_list("amount", flat=True))
        left = sum(account.debits.values_list("amount", flat=True))
        assert account.balance == came - left >= 0


# One payment, told forty times at once


def test_inv_18_forty_deliveries_at_once_confirm_once(stripe_sandbox):
    ada = make_user(balance=1000)
    order = place(make_cart(ada, {make_variant(amount=5000): 1}))
    events = pay(stripe_sandbox, order)
    posts = (events * 10)[:40]
    random.Random(7).shuffle(posts)

    def post_two(first, second):
        return lambda: [
            deliver(Client(), stripe_sandbox, event).status_code
            for event in (first, second)
        ]

    answers = at_once(*map(post_two, posts[::2], posts[1::2]))

    assert answers == [[200, 200]] * 20
    order.refresh_from_db()
    assert order.status == Order.Status.CONFIRMED
    assert order.events.filter(kind="confirmed").count() == 1
    assert order.events.filter(kind="paid").count() == 1
    assert Message.objects.filter(kind="order_confirmed").count() == 1
    assert Transfer.objects.filter(key=f"order:{order.pk}:capture").count() == 1
    assert ledger.shop_balance(Kind.SALES, "USD") == 1000
    assert StripeEvent.objects.count() == len(events)
    assert not StripeEvent.objects.filter(processed_at=None).exists()
    assert_books_hold()


@pytest.mark.cooked_books
def test_twin_without_the_lock_an_order_is_confirmed_many_times():
    order = place(make_cart(None, {make_variant(): 1}))

    def confirm_without_lock():
        found = Order.objects.get(pk=order.pk)
        if found.status == Order.Status.CONFIRMED:
            return
        hesitate()
        now = timezone.now()
        Order.objects.filter(pk=order.pk).update(status="confirmed", confirmed_at=now)
        OrderEvent.objects.create(order=order, kind="confirmed", text="Confirmed")

    with guards.lifted():
        at_once(*[confirm_without_lock] * 20)

    assert order.events.filter(kind="confirmed").count() > 1


# The last piece


def test_inv_13_twenty_people_want_the_last_piece():
    lamp = make_variant(stock=1)
    carts = [make_cart(None, {lamp: 1}) for _ in range(20)]

    results = at_once(*[lambda cart=cart: place(cart) for cart in carts])

    assert failures(results, stock.OutOfStock) == []
    assert sum(isinstance(result, Order) for result in results) == 1
    assert sum(isinstance(result, stock.OutOfStock) for result in results) == 19
    assert Order.objects.count() == 1
    lamp.refresh_from_db()
    assert lamp.stock == 0
    assert_books_hold()


@pytest.mark.cooked_books
def test_twin_stock_read_before_it_is_written_is_sold_twice():
    lamp = make_variant(stock=1)

    def take_without_condition():
        there = Variant.objects.get(pk=lamp.pk).stock
        if there < 1:
            raise stock.OutOfStock(lamp)
        hesitate()
        Variant.objects.filter(pk=lamp.pk).update(stock=there - 1)
        return "sold"

    with guards.lifted():
        results = at_once(*[take_without_condition] * 20)

    assert results.count("sold") > 1


def test_inv_13_a_hundred_takes_of_seven_pieces():
    lamp = make_variant(stock=7)

    def take_five(number):
        def take():
            served = 0
            for turn in range(5):
                try:
                    cause = f"trial:{number}-{turn}:take"
                    stock.take({lamp: 1}, cause=cause, reason="Order")
                    served += 1
                except stock.OutOfStock:
                    pass
            return served

        return take

    results = at_once(*map(take_five, range(20)))

    assert failures(results) == []
    assert sum(results) == 7
    assert_books_hold()


def test_inv_14_a_cause_moves_stock_once_whoever_asks():
    lamp = make_variant(stock=50)

    def take():
        return stock.take({lamp: 1}, cause="trial:1:take", reason="Order")

    results = at_once(*[take] * 20)

    assert failures(results, stock.AlreadyMoved) == []
    assert results.count(None) == 1
    assert StockMovement.objects.filter(key__startswith="trial:1:take").count() == 1
    assert_books_hold()


def test_two_carts_with_the_same_goods_in_opposite_order_never_wait_for_each_other():
    lamp, bowl = make_variant(stock=1000), make_variant(stock=1000)

    for _ in range(30):
        carts = [
            make_cart(None, {lamp: 1, bowl: 1}),
            make_cart(None, {bowl: 1, lamp: 1}),
        ]
        results = at_once(*[lambda cart=cart: place(cart) for cart in carts])
        assert failures(results) == []

    assert Order.objects.count() == 60
    lamp.refresh_from_db()
    assert lamp.stock == 940
    assert_books_hold()


@pytest.mark.cooked_books
def test_twin_locks_in_the_order_of_the_cart_are_a_deadlock():
    lamp, bowl = make_variant(stock=9), make_variant(stock=9)
    both_have_one = threading.Barrier(2)

    def take_as_listed(*variants):
        def take():
            with transaction.atomic():
                for number, variant in enumerate(variants):
                    if number:
                        both_have_one.wait(timeout=10)
                    Variant.objects.filter(pk=variant.pk).update(stock=F("stock") - 1)

        return take

    results = at_once(take_as_listed(lamp, bowl), take_as_listed(bowl, lamp))

    assert any("deadlock" in str(result) for result in results)
    assert any(isinstance(result, OperationalError) for result in results)


# One balance


def test_inv_10_twenty_orders_spend_one_balance():
    lamp = make_variant(amount=5000, stock=100)
    ada = make_user(balance=5500)
    carts = [make_cart(None, {lamp: 1}) for _ in range(20)]
    refusals = (ledger.InsufficientBalance, checkout.TotalsChanged)

    def spend(cart):
        return lambda: checkout.place_order(cart, ada, details(expected_due=0))

    results = at_once(*map(spend, carts))

    assert failures(results, *refusals) == []
    assert sum(isinstance(result, Order) for result in results) == 1
    assert ledger.balance(ada, "USD") == 0
    assert ledger.balance(ada, "USD", Kind.HELD) == 0
    assert ledger.shop_balance(Kind.SALES, "USD") == 5500
    assert_books_hold()


@pytest.mark.cooked_books
def test_inv_10_fifty_spends_of_a_balance_for_three():
    ada = make_user(balance=300)

    def spend_twice(number):
        def spend():
            done = 0
            for turn in range(2):
                try:
                    hold(ada, 100, f"order:{number}-{turn}:hold")
                    done += 1
                except ledger.InsufficientBalance:
                    pass
            return done

        return spend

    results = at_once(*map(spend_twice, range(25)))

    assert failures(results) == []
    assert sum(results) == 3
    assert ledger.balance(ada, "USD") == 0
    assert ledger.balance(ada, "USD", Kind.HELD) == 300
    assert_books_hold()


def hold(user, amount, key):
    return ledger.post(
        key=key,
        debit=(user, Kind.WALLET),
        credit=(user, Kind.HELD),
        amount=amount,
        currency="USD",
        kind="spend",
        reason="Spent",
    )


@pytest.mark.cooked_books
def test_inv_11_one_cause_posted_by_twenty_at_once_moves_money_once():
    ada = make_user()

    def grant():
        return ledger.post(
            key="reward:1:grant",
            debit=(None, Kind.PROGRAMME_COST),
            credit=(ada, Kind.WALLET),
            amount=500,
            currency="USD",
            kind="reward",
            reason="A friend bought",
        ).pk

    results = at_once(*[grant] * 20)

    assert failures(results) == []
    assert len(set(results)) == 1
    assert ledger.balance(ada, "USD") == 500
    assert_books_hold()


@pytest.mark.cooked_books
def test_twin_a_balance_read_before_it_is_written_is_spent_twice():
    ada = make_user(balance=5500)
    wallet = LedgerAccount.objects.get(owner=ada, kind=Kind.WALLET)

    def spend_without_condition():
        has = LedgerAccount.objects.get(pk=wallet.pk).balance
        if has < 5500:
            raise ledger.InsufficientBalance
        hesitate()
        LedgerAccount.objects.filter(pk=wallet.pk).update(balance=has - 5500)
        return "spent"

    with guards.lifted():
        results = at_once(*[spend_without_condition] * 20)

    assert results.count("spent") > 1


# One cart


def test_inv_16_twenty_equal_submits_are_one_order_and_one_card_page(stripe_sandbox):
    ada = make_user(balance=1000)
    lamp = make_variant(amount=5000, stock=50)
    cart = make_cart(ada, {lamp: 1})

    def submit():
        return payments.start(buying.place(cart, ada, details(expected_due=4500)))

    results = at_once(*[submit] * 20)

    # Stripe answers 409 to whom it still works for; the next press leads to the page.
    assert failures(results, payments.PaymentUnavailable) == []
    pages = {result for result in results if isinstance(result, str)}
    assert pages == {payments.start(Order.objects.get())}
    assert Payment.objects.count() == 1
    assert len(list(payments.client().v1.checkout.sessions.list())) == 1
    lamp.refresh_from_db()
    assert lamp.stock == 49
    assert ledger.balance(ada, "USD", Kind.HELD) == 1000
    assert_books_hold()


def test_inv_20_ten_presses_after_a_closed_attempt_open_one_more(stripe_sandbox):
    order = place(make_cart(None, {make_variant(): 1}))
    order.payments.close()

    results = at_once(*[lambda: payments.start(order)] * 10)

    # Stripe answers 409 to whom it still works for; nobody meets the constraint.
    assert failures(results, payments.PaymentUnavailable) == []
    assert [each.status for each in order.payments.all()] == ["closed", "open"]
    assert len({each for each in results if isinstance(each, str)}) == 1


def test_twin_without_lock_and_constraint_one_cart_becomes_many_orders():
    cart = make_cart(None, {make_variant(): 1})
    model = place(make_cart(None, {make_variant(): 1}))
    rule = next(
        rule
        for rule in Order._meta.constraints
        if rule.name == "one_open_order_per_cart"
    )
    with connection.schema_editor() as editor:
        editor.remove_constraint(Order, rule)

    def submit_without_lock(number):
        def submit():
            if Order.objects.filter(cart=cart, status="pending").exists():
                return
            hesitate()
            twin = Order.objects.get(pk=model.pk)
            twin.pk, twin.cart = None, cart
            twin.code = twin.access_token = f"TWIN{number:04}"
            twin.save(force_insert=True)

        return submit

    with guards.lifted():
        at_once(*map(submit_without_lock, range(20)))
        made = Order.objects.filter(cart=cart).delete()[0]
        with connection.schema_editor() as editor:
            editor.add_constraint(Order, rule)

    assert made > 1


# The last second


def test_inv_12_expiry_raced_against_payment_has_one_outcome(stripe_sandbox):
    ada = make_user(balance=100_000)
    lamp = make_variant(amount=5000, stock=100)
    outcomes = []
    for number in range(30):
        order = place(make_cart(ada, {lamp: 1}), balance=1000)
        session = open_session(order)
        known = len(stripe_sandbox.events())
        Order.objects.filter(pk=order.pk).update(expires_at=timezone.now())

        def pay_and_tell(session=session, known=known, number=number):
            time.sleep(number * 0.001)  # sometimes first, sometimes second
            stripe_sandbox.pay(session)
            for event in stripe_sandbox.events()[known:]:
                deliver(Client(), stripe_sandbox, event)

        results = at_once(pay_and_tell, expiry.expire_overdue)
        assert failures(results, ValueError) == []
        for event in stripe_sandbox.events()[known:]:  # and everything once more
            deliver(Client(), stripe_sandbox, event)

        order.refresh_from_db()
        paid = stripe_sandbox.object("checkout.session", session)["status"]
        assert (paid, order.status) in {
            ("complete", "confirmed"),
            ("expired", "expired"),
        }
        assert order.held_at is None
        outcomes.append(order.status)

    sold = outcomes.count("confirmed")
    lamp.refresh_from_db()
    assert lamp.stock == 100 - sold
    assert ledger.balance(ada, "USD", Kind.HELD) == 0
    assert ledger.balance(ada, "USD") == 100_000 - sold * 1000
    assert Transfer.objects.filter(key__endswith=":capture").count() == sold
    assert Transfer.objects.filter(key__endswith=":return").count() == 30 - sold
    assert_books_hold()
    print(f"expiry against payment: {sold} confirmed, {30 - sold} expired")


def test_inv_22_cancelling_raced_against_the_webhook_has_one_outcome(stripe_sandbox):
    lamp = make_variant(amount=5000, stock=100)
    for _ in range(30):
        order = place(make_cart(None, {lamp: 1}))
        events = pay(stripe_sandbox, order)

        order.payments.close()  # as Stripe says of a page that is being paid

        results = at_once(
            lambda: confirmation.cancel_order(order.pk, reason="Changed their mind"),  # noqa: B023
            lambda: [deliver(Client(), stripe_sandbox, event) for event in events],  # noqa: B023
        )

        assert failures(results) == []
        order.refresh_from_db()
        assert order.status == Order.Status.CONFIRMED, "late money takes it again"
    lamp.refresh_from_db()
    assert lamp.stock == 70
    assert_books_hold()


@pytest.fixture
def paid_late_at_sign_in(stripe_sandbox, monkeypatch):
    """A guest pays an order that expired, and signs in while it is being confirmed."""
    forget = confirmation.carts.forget_ordered

    def forget_slowly(order):
        hesitate()
        forget(order)

    def happens():
        ada = make_user()
        lamp = make_variant(amount=5000, stock=9)
        make_cart(ada, {lamp: 1})
        guest = make_cart(None, {lamp: 1})
        order = place(guest)
        events = pay(stripe_sandbox, order)
        let_go(order)

        def sign_in():
            time.sleep(0.1)  # the order is locked by now, its lines are not yet
            return confirmation.carts.merge(guest, ada)

        with monkeypatch.context() as patch:
            patch.setattr(confirmation.carts, "forget_ordered", forget_slowly)
            results = at_once(lambda: webhooks.take_in(events), sign_in)
        order.refresh_from_db()
        return order, results

    return happens


def test_a_late_payment_and_a_sign_in_wait_for_each_other(paid_late_at_sign_in, caplog):
    order, results = paid_late_at_sign_in()

    assert failures(results) == []
    assert "deadlock" not in caplog.text
    assert order.status == Order.Status.CONFIRMED
    assert_books_hold()


def test_twin_merging_without_the_closed_orders_lock_meets_a_deadlock(
    paid_late_at_sign_in, monkeypatch, caplog
):
    monkeypatch.setattr(confirmation.carts, "_locked_orders", lambda guest, own: [])

    _, results = paid_late_at_sign_in()

    assert "deadlock" in caplog.text + str(results)


@pytest.mark.cooked_books
def test_twin_cancelling_without_lock_takes_back_what_is_paid(stripe_sandbox):
    lamp = make_variant(amount=5000, stock=100)
    order = place(make_cart(None, {lamp: 1}))
    events = pay(stripe_sandbox, order)

    def cancel_without_lock():
        if Order.objects.get(pk=order.pk).status != Order.Status.PENDING:
            return
        hesitate()
        now = timezone.now()
        Order.objects.filter(pk=order.pk).update(status="cancelled", cancelled_at=now)
        stock.give_back({lamp: 1}, cause=f"order:{order.pk}:return", reason="x")

    with guards.lifted():
        at_once(
            cancel_without_lock,
            lambda: [deliver(Client(), stripe_sandbox, event) for event in events],
        )

    order.refresh_from_db()
    lamp.refresh_from_db()
    assert order.confirmed_at
    assert (order.status, lamp.stock) == (Order.Status.CANCELLED, 100)


@pytest.mark.cooked_books
def test_twin_expiry_without_lock_gives_back_what_is_sold():
    lamp = make_variant(amount=5000, stock=100)
    order = place(make_cart(None, {lamp: 1}))
    order.payments.update(status="paid", paid_at=timezone.now())

    def expire_without_lock():
        if Order.objects.get(pk=order.pk).status != Order.Status.PENDING:
            return
        hesitate()
        now = timezone.now()
        Order.objects.filter(pk=order.pk).update(status="expired", expired_at=now)
        stock.give_back({lamp: 1}, cause=f"order:{order.pk}:return", reason="x")

    with guards.lifted():
        at_once(expire_without_lock, lambda: confirmation.confirm_order(order.pk))

    order.refresh_from_db()
    lamp.refresh_from_db()
    assert order.confirmed_at
    assert (order.status, lamp.stock) == (Order.Status.EXPIRED, 100)


# One order of locks everywhere


@pytest.mark.cooked_books
def test_inv_10_holding_and_returning_at_once_never_wait_for_each_other():
    ada = make_user(balance=10_000)
    hold(ada, 5000, "first")

    def give_and_take(number):
        ways = [Kind.WALLET, Kind.HELD] if number % 2 else [Kind.HELD, Kind.WALLET]

        def move():
            for turn in range(10):
                ledger.post(
                    key=f"{number}-{turn}",
                    debit=(ada, ways[0]),
                    credit=(ada, ways[1]),
                    amount=10,
                    currency="USD",
                    kind="spend",
                    reason="Back and forth",
                )

        return move

    results = at_once(*map(give_and_take, range(20)))

    assert failures(results) == []
    assert ledger.balance(ada, "USD") == ledger.balance(ada, "USD", Kind.HELD) == 5000
    assert_books_hold()


def locked_tables(verb):
    """The tables whose rows a verb locks, in its order, once each."""
    with CaptureQueriesContext(connection) as context:
        verb()
    locks = [
        re.search(r'FROM "(\w+)"', query["sql"]).group(1)
        for query in context.captured_queries
        if "FOR NO KEY UPDATE" in query["sql"]
    ]
    return list(dict.fromkeys(locks))


def test_locks_are_taken_in_the_order_that_everybody_keeps(stripe_sandbox):
    CART, ORDER, PAYMENT = "orders_cart", "orders_order", "orders_payment"
    VARIANT, ACCOUNT = "catalog_variant", "accounts_ledgeraccount"
    EVENT = "orders_stripeevent"
    ada, lamp = make_user(balance=2000), make_variant(amount=5000)
    carts = [make_cart(ada, {lamp: 1}), make_cart(None, {lamp: 1})]

    placing = locked_tables(lambda: place(carts[0], balance=1000))
    first = Order.objects.get()
    paid = pay(stripe_sandbox, first)[-1]
    stored = StripeEvent.objects.create(
        event_id=paid["id"], type=paid["type"], payload=paid
    )
    paying = locked_tables(lambda: webhooks.process(stored.pk))
    second = place(carts[1], ada, balance=1000)
    closing = locked_tables(lambda: confirmation.expire_order(second.pk))

    assert placing == [CART, ORDER, VARIANT, ACCOUNT]
    assert paying == [EVENT, ORDER, PAYMENT, ACCOUNT]
    assert closing == [ORDER, ACCOUNT]
