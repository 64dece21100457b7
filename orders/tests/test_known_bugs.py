"""Mistakes that other shops have shipped, each told as what this shop does right.

The list is section 15 of our notes on Stripe; every test names the public issues it
comes from. They go the customer's way: pages, Stripe's stand-in over HTTP, signed
messages.
"""

import random
from datetime import timedelta
from functools import partial

import pytest
import stripe
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import ledger
from accounts.models import Transfer
from catalog.tests.factories import make_variant
from orders import checkout, confirmation, expiry, payments, refunds
from orders.models import Cart, Dispute, Order, Payment, Refund, StripeEvent
from orders.refunds import Wish
from orders.tests.factories import (
    ADDRESS,
    deliver,
    details,
    fill,
    let_go,
    make_cart,
    make_guest_cart,
    make_order,
    make_user,
    make_zone,
    open_session,
    pay,
    place,
)
from orders.tests.racing import at_once
from shop.kit import jobs
from shop.kit.models import Message

pytestmark = pytest.mark.django_db

Kind = ledger.Kind
COMPLETED = "checkout.session.completed"
TYPED = {name: value for name, value in ADDRESS.items() if value}


@pytest.fixture
def lamp():
    """A lamp for $50, three in stock; delivery costs $5."""
    make_zone(amount=500)
    return make_variant(amount=5000, stock=3)


@pytest.fixture
def guest(client, lamp):
    """A guest with the lamp in the cart."""
    make_guest_cart(client, {lamp: 1})
    return client


@pytest.fixture
def meanwhile(monkeypatch):
    """Something happens while Stripe's answer to a call is on its way back to us."""

    def happens(path, act):
        ask, waiting = stripe.RequestsClient.request, [act]

        def ask_slowly(self, method, url, *args, **options):
            answer = ask(self, method, url, *args, **options)
            if waiting and url.endswith(path):
                waiting.pop()()
            return answer

        monkeypatch.setattr(stripe.RequestsClient, "request", ask_slowly)
        return waiting

    return happens


def press_pay(client, *, due=5500):
    """Press the button; the address it leads to."""
    form = {"email": "ada@example.com", "expected_due": due, **TYPED}
    answer = client.post("/checkout/", form)
    assert answer.status_code == 302, answer.content.decode()
    return answer.url


def session_at(url):
    return url.rsplit("/", 1)[-1]


def land(client, order):
    """Come back from Stripe's page; what is written there."""
    data = {"order": order.code, "t": order.access_token}
    return client.get(reverse("orders:return"), data).content.decode()


def tell(client, stripe_sandbox, *types):
    """Every message of these types, or all, reaches the shop and is thanked for."""
    for event in stripe_sandbox.events():
        if not types or event["type"] in types:
            assert deliver(client, stripe_sandbox, event).status_code == 200


def charged(stripe_sandbox):
    return [
        event["data"]["object"]["amount"]
        for event in stripe_sandbox.events("charge.succeeded")
    ]


def status(order):
    order.refresh_from_db()
    return order.status


def left(variant):
    variant.refresh_from_db()
    return variant.stock


# Webhook and landing page


def test_webhook_and_landing_page_finish_an_order_once(client, stripe_sandbox, lamp):
    """saleor #14648, dokan #2994, medusa #13301: two mails, the amount taken twice."""
    ada = make_user(balance=1000)
    client.force_login(ada)
    order = place(make_cart(ada, {lamp: 1}))

    for event in pay(stripe_sandbox, order):
        land(client, order)
        deliver(client, stripe_sandbox, event)
        land(client, order)
        deliver(client, stripe_sandbox, event)

    assert status(order) == Order.Status.CONFIRMED
    assert "Thank you" in land(client, order)
    assert Message.objects.filter(kind="order_confirmed").count() == 1
    assert Transfer.objects.filter(key=f"order:{order.pk}:capture").count() == 1
    assert order.payments.get().amount_received == order.amount_due == 4500
    assert left(lamp) == 2


def test_an_order_paid_while_it_was_being_closed_stays_paid(
    guest, stripe_sandbox, meanwhile, lamp
):
    """woocommerce-gateway-stripe #890: looked at before a slow call, and not after."""
    session = session_at(press_pay(guest))
    order = Order.objects.get()
    Order.objects.update(expires_at=order.placed_at)
    stripe_sandbox.pay(session)
    missed = meanwhile(f"/{session}/expire", lambda: tell(guest, stripe_sandbox))

    assert expiry.expire_overdue() == 0

    assert not missed
    assert status(order) == Order.Status.CONFIRMED
    assert order.events.filter(kind="confirmed").count() == 1
    assert left(lamp) == 2


def test_an_order_left_while_its_page_was_being_made_cannot_be_paid(
    guest, stripe_sandbox, meanwhile, lamp
):
    """woocommerce-gateway-stripe #890, the other way round."""

    def change_ones_mind():
        fill(Cart.objects.get(), lamp, 2)
        press_pay(guest, due=10_500)

    missed = meanwhile("/v1/checkout/sessions", change_ones_mind)
    page = press_pay(guest)

    assert not missed
    stripe_sandbox.pay(session_at(page))
    assert charged(stripe_sandbox) == []
    first, second = Order.objects.order_by("pk")
    assert (first.status, second.status) == ("cancelled", "pending")
    stripe_sandbox.pay(open_session(second))
    tell(guest, stripe_sandbox)
    assert charged(stripe_sandbox) == [10_500]
    assert (status(first), status(second)) == ("cancelled", "confirmed")
    assert left(lamp) == 1


def test_a_page_opened_while_the_last_one_was_being_closed_keeps_the_goods(
    guest, stripe_sandbox, monkeypatch, lamp
):
    """Ours, of November 2026: the new page could be paid after the goods were back."""
    press_pay(guest)
    order = Order.objects.get()
    Order.objects.update(expires_at=order.placed_at)
    pressed = []
    give_back = confirmation.expire_order

    def press_pay_first(pk):
        pressed.append(payments.start(order))
        return give_back(pk)

    monkeypatch.setattr(confirmation, "expire_order", press_pay_first)

    assert expiry.expire_overdue() == 0

    assert status(order) == Order.Status.PENDING
    assert left(lamp) == 2
    stripe_sandbox.pay(session_at(pressed[0]))
    tell(guest, stripe_sandbox)
    assert status(order) == Order.Status.CONFIRMED


def test_a_page_whose_order_ended_while_it_was_being_made_is_closed(
    guest, stripe_sandbox, meanwhile, lamp
):
    """The same, seen from the other side: nobody is sent to it, nobody can pay it."""
    order = place(make_cart(None, {lamp: 1}))
    order_ends = partial(confirmation.expire_order, order.pk)
    missed = meanwhile("/v1/checkout/sessions", order_ends)

    with pytest.raises(payments.PaymentUnavailable):
        payments.start(order)

    assert not missed
    assert status(order) == Order.Status.EXPIRED
    assert left(lamp) == 3
    (made,) = stripe_sandbox.client().v1.checkout.sessions.list().data
    assert made.status == "expired"
    assert order.payments.get().session_id is None


def test_a_webhook_that_overtakes_our_own_note_confirms(
    guest, stripe_sandbox, meanwhile
):
    """convene #1138: the message came before the row that it was about."""

    def pay_at_once():
        known = stripe_sandbox.client().v1.checkout.sessions.list().data[0]
        stripe_sandbox.pay(known.id)
        tell(guest, stripe_sandbox)

    missed = meanwhile("/v1/checkout/sessions", pay_at_once)
    press_pay(guest)

    assert not missed
    order = Order.objects.get()
    assert order.status == Order.Status.CONFIRMED
    assert order.payments.get().session_id
    assert "Thank you" in land(guest, order)


# Messages that come again, or all at once


def test_a_message_delivered_again_is_thanked_and_does_nothing(guest, stripe_sandbox):
    """dj-stripe #1239, #409: the unique key spoke, 500 was answered, for days."""
    stripe_sandbox.pay(session_at(press_pay(guest)))
    tell(guest, stripe_sandbox)
    order = Order.objects.get()
    before = list(order.events.values())

    for _ in range(3):
        tell(guest, stripe_sandbox)

    assert StripeEvent.objects.count() == len(stripe_sandbox.events())
    assert {event.attempts for event in StripeEvent.objects.all()} == {1}
    assert list(order.events.values()) == before
    assert Message.objects.count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_related_messages_at_once_do_not_deadlock(stripe_sandbox, lamp, caplog):
    """dj-stripe #1267: charge, refund and dispute of one payment met in one moment."""
    ada = make_user(balance=2000)
    for balance in (1000, 500):
        order = place(make_cart(ada, {lamp: 1}), balance=balance)
        pay(stripe_sandbox, order)
        tell(Client(), stripe_sandbox, COMPLETED)
    for payment in Payment.objects.all():
        asked = {"payment_intent": payment.intent_id, "amount": 700}
        charge = stripe_sandbox.client().v1.refunds.create(asked).charge
        stripe_sandbox.disputes.open(charge)
    said = stripe_sandbox.events() * 2

    def post(events):
        return lambda: [deliver(Client(), stripe_sandbox, each) for each in events]

    orders = [said, said[::-1], random.Random(1).sample(said, len(said))]
    results = at_once(*map(post, orders * 2))

    assert [each for each in results if isinstance(each, Exception)] == []
    assert "deadlock" not in caplog.text
    assert not StripeEvent.objects.unprocessed().exists()
    assert Refund.objects.count() == Dispute.objects.count() == 2


# Money for nothing


def test_money_for_goods_that_sold_out_meanwhile_goes_back_by_itself(
    guest, stripe_sandbox, lamp, run_jobs, mailoutbox
):
    """pretix #74: the quota was gone, the money was taken."""
    session = session_at(press_pay(guest))
    order = Order.objects.get()
    stripe_sandbox.pay(session)
    # The shop's clock was ahead: the pieces were back on the shelf, and sold.
    let_go(order)
    place(make_cart(None, {lamp: 3}))

    tell(guest, stripe_sandbox)
    refunds.finish_requested()
    tell(guest, stripe_sandbox)
    run_jobs()

    assert status(order) == Order.Status.EXPIRED
    assert order.held_at
    charge = stripe_sandbox.client().v1.charges.list().data[0]
    assert charge.amount_refunded == charge.amount == 5500
    assert Refund.objects.get().state == Refund.State.SUCCEEDED
    assert [mail.to for mail in mailoutbox] == [["ada@example.com"]] * 2
    assert "on its way back" in mailoutbox[1].subject


def test_late_money_for_an_order_that_ended_goes_back_by_itself(
    client, stripe_sandbox, lamp
):
    """Saleor voids or refunds what succeeds for an inactive payment; so do we."""
    ada = make_user(balance=1000)
    order = place(make_cart(ada, {lamp: 1}))
    events = pay(stripe_sandbox, order)
    order.payments.close()
    confirmation.cancel_order(order.pk, reason="Changed their mind")
    place(make_cart(None, {lamp: 1}), ada)  # with the balance that came back

    for event in events * 2:
        deliver(client, stripe_sandbox, event)
    refunds.finish_requested()

    assert status(order) == Order.Status.CANCELLED
    assert order.payments.get().status == Payment.Status.PAID
    charge = stripe_sandbox.client().v1.charges.list().data[0]
    assert charge.amount_refunded == charge.amount == 4500
    assert left(lamp) == 2


# Twice paid, twice refunded


def test_refunding_the_second_of_two_payments_leaves_the_order_bought(
    client, stripe_sandbox, lamp
):
    """pretix #343: the whole order was marked refunded."""
    order = place(make_cart(None, {lamp: 1}))
    first = open_session(order)
    Payment.objects.update(status=Payment.Status.CLOSED, closed_at=order.placed_at)
    for session in (first, open_session(order)):
        stripe_sandbox.pay(session)
    tell(client, stripe_sandbox)
    one, two = order.payments.all()

    stripe_sandbox.client().v1.refunds.create({"payment_intent": two.intent_id})
    tell(client, stripe_sandbox)

    assert status(order) == Order.Status.CONFIRMED
    assert Refund.objects.get().payment == two
    assert left(lamp) == 2
    whole = refunds.plan(order, Wish(everything=True))
    assert (whole.payment, whole.amount_card) == (one, 5500)


def test_an_order_paid_twice_does_not_end_while_some_of_it_would_stay(
    client, stripe_sandbox, lamp
):
    order = place(make_cart(None, {lamp: 1}))
    first = open_session(order)
    Payment.objects.update(status=Payment.Status.CLOSED, closed_at=order.placed_at)
    for session in (first, open_session(order)):
        stripe_sandbox.pay(session)
    tell(client, stripe_sandbox)
    one, two = order.payments.all()
    order.refresh_from_db()

    with pytest.raises(refunds.NotRefundable, match="more than once"):
        refunds.plan(order, Wish(everything=True, cancels=True))

    refunds.execute(refunds.plan(order, Wish(everything=True, payment=two.pk)), None)
    last = refunds.plan(order, Wish(everything=True, cancels=True))
    assert (last.payment, last.amount_card) == (one, 5500)


def test_a_refund_is_booked_once_however_often_it_is_told(
    guest, stripe_sandbox, meanwhile
):
    """gumroad #6193, woocommerce-gateway-stripe #838: part refunds above all."""
    stripe_sandbox.pay(session_at(press_pay(guest)))
    tell(guest, stripe_sandbox)
    order = Order.objects.get()

    for _ in range(2):  # two of the same amount are two
        missed = meanwhile("/v1/refunds", lambda: tell(guest, stripe_sandbox))
        refunds.execute(refunds.plan(order, Wish(amount=1000)), None)
        assert not missed
    for _ in range(2):
        tell(guest, stripe_sandbox)

    assert [refund.amount_card for refund in Refund.objects.all()] == [1000, 1000]
    assert order.events.filter(kind="refunded").count() == 2
    charge = stripe_sandbox.client().v1.charges.list().data[0]
    assert charge.amount_refunded == 2000
    assert refunds.plan(order, Wish(everything=True)).amount == 3500


@pytest.mark.parametrize("key_is_known", [True, False])
def test_a_refund_asked_for_again_is_the_first_one(guest, stripe_sandbox, key_is_known):
    """gumroad #6193: Stripe forgets a key after a day; the refund keeps its name."""
    stripe_sandbox.pay(session_at(press_pay(guest)))
    tell(guest, stripe_sandbox)
    shown = refunds.plan(Order.objects.get(), Wish(amount=1000))
    refund = refunds._request(shown, None, Refund.Origin.STAFF)
    payments.refund(refund)  # and we are killed before we note the answer

    if not key_is_known:  # another key, of which only the refund's name tells
        refund.idempotency_key += "-x"
        made = stripe_sandbox.events("refund.created")[0]["data"]["object"]["id"]
        named = {"metadata": {"refund": refund.idempotency_key}}
        stripe_sandbox.client().v1.refunds.update(made, named)
    said = payments.refund(refund, again=not key_is_known)

    created = stripe_sandbox.events("refund.created")
    assert [event["data"]["object"]["id"] for event in created] == [said["id"]]


# Trying again


def test_an_abandoned_payment_ends_by_itself_and_can_be_tried_again(
    guest, stripe_sandbox, lamp, run_jobs, time_machine
):
    """pretix #1230: pending for ever, and in the way of the next try."""
    press_pay(guest)
    time_machine.move_to(timezone.now() + timedelta(minutes=41), tick=False)
    jobs.tick()
    run_jobs()
    first = Order.objects.get()
    assert first.status == Order.Status.EXPIRED
    assert left(lamp) == 3

    stripe_sandbox.pay(session_at(press_pay(guest)))
    tell(guest, stripe_sandbox)

    assert Order.objects.exclude(pk=first.pk).get().status == Order.Status.CONFIRMED
    assert status(first) == Order.Status.EXPIRED
    assert charged(stripe_sandbox) == [5500]
    assert left(lamp) == 2


def test_a_refused_card_is_in_the_way_of_no_other(guest, stripe_sandbox):
    """pretix #2629: after a failed payment the order could not be paid."""
    stripe_sandbox.pay(session_at(press_pay(guest)), "4000000000000002")
    tell(guest, stripe_sandbox)
    order = Order.objects.get()

    again = guest.post(
        reverse("orders:pay", args=[order.code]), {"t": order.access_token}
    )
    stripe_sandbox.pay(session_at(again.url))
    tell(guest, stripe_sandbox)

    assert status(order) == Order.Status.CONFIRMED
    assert charged(stripe_sandbox) == [5500]


def test_who_sees_an_error_though_the_payment_worked_pays_once(guest, stripe_sandbox):
    """PrestaShop ps_checkout #1546: an error, a second try, two charges."""
    page = press_pay(guest)
    stripe_sandbox.pay(session_at(page))  # the customer's line breaks, no webhook comes

    assert press_pay(guest) == page
    stripe_sandbox.pay(session_at(page))
    fill(Cart.objects.get(), make_variant(amount=2000, stock=3), 1)
    answer = guest.post(
        "/checkout/", {"email": "ada@example.com", "expected_due": 7500, **TYPED}
    )

    order = Order.objects.get()
    assert order.code in answer.url
    assert order.status == Order.Status.CONFIRMED
    assert charged(stripe_sandbox) == [5500]


def test_once_the_money_is_there_no_second_attempt_is_made(guest, stripe_sandbox):
    """saleor #19220: a webhook had captured, and another intent was created."""
    stripe_sandbox.pay(session_at(press_pay(guest)))
    order = Order.objects.get()
    for event in stripe_sandbox.events(COMPLETED):
        # Held, so that the order still waits: only its money speaks against another.
        event["data"]["object"]["amount_total"] = 1
        deliver(guest, stripe_sandbox, event)
    assert status(order) == Order.Status.PENDING

    again = guest.post(
        reverse("orders:pay", args=[order.code]), {"t": order.access_token}
    )
    press_pay(guest)

    assert again.url == order.get_absolute_url()
    with pytest.raises(payments.PaymentUnavailable):
        payments.start(order)
    assert order.payments.count() == 1
    assert len(stripe_sandbox.client().v1.checkout.sessions.list().data) == 1


# The cart while paying


def test_a_cart_changed_in_another_tab_does_not_change_what_is_paid(
    guest, stripe_sandbox, lamp
):
    """django-oscar #1734, #3768: the basket was not the one that was paid."""
    session = session_at(press_pay(guest))
    bowl = make_variant(amount=9900, stock=5)
    fill(Cart.objects.get(), lamp, 3)
    fill(Cart.objects.get(), bowl, 1)

    stripe_sandbox.pay(session)
    tell(guest, stripe_sandbox)

    order = Order.objects.get()
    assert order.status == Order.Status.CONFIRMED
    assert [(line.variant, line.quantity) for line in order.lines.all()] == [(lamp, 1)]
    assert charged(stripe_sandbox) == [order.amount_total] == [5500]
    kept = {line.variant: line.quantity for line in Cart.objects.get().lines.all()}
    assert kept == {lamp: 2, bowl: 1}


def test_a_cart_used_again_after_an_error_is_delivered_each_time(
    guest, stripe_sandbox, lamp, settings
):
    """openedx ecommerce #1338, django-oscar-paypal #24: charged, never delivered."""
    stripe_sandbox.faults.answer(500, 9)
    first_try = press_pay(guest)
    assert "/orders/" in first_try, "its own page: the order waits, nothing is charged"
    stripe_sandbox.faults.clear()

    for quantity, due in ((2, 10_500), (1, 5500)):
        fill(Cart.objects.get(), lamp, quantity)
        stripe_sandbox.pay(session_at(press_pay(guest, due=due)))
        tell(guest, stripe_sandbox)

    bought = Order.objects.confirmed().order_by("pk")
    assert [order.lines.get().quantity for order in bought] == [2, 1]
    assert charged(stripe_sandbox) == [order.amount_due for order in bought]
    assert not Order.objects.pending().exists()
    assert left(lamp) == 0


# Once is once


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_last_piece_is_sold_to_one_of_many_who_press_at_once(stripe_sandbox, lamp):
    """django-oscar: a race condition in the stock allocation process."""
    last = make_variant(amount=5000, stock=1)
    browsers = [Client() for _ in range(10)]
    for browser in browsers:
        make_guest_cart(browser, {last: 1})

    pages = at_once(*[lambda each=each: press_pay(each) for each in browsers])

    assert [page for page in pages if isinstance(page, Exception)] == []
    sold = [page for page in pages if "/pay/" in page]
    assert len(sold) == 1
    assert pages.count(reverse("orders:cart")) == 9
    assert Order.objects.count() == 1
    assert left(last) == 0


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_one_balance_is_spent_by_one_of_many_who_press_at_once(lamp):
    """django-oscar: a race condition when using single-usage vouchers."""
    ada = make_user(balance=5500)
    carts = [make_cart(None, {lamp: 1}) for _ in range(10)]

    results = at_once(
        *[
            lambda cart=cart: checkout.place_order(cart, ada, details(expected_due=0))
            for cart in carts
        ]
    )

    assert sum(isinstance(result, Order) for result in results) == 1
    assert ledger.balance(ada, "USD") == ledger.balance(ada, "USD", Kind.HELD) == 0


@pytest.mark.parametrize(
    "amounts", [(101, 101, 999), (333, 333, 334), (1999, 129, 4995)]
)
def test_a_discount_is_shared_out_to_the_cent(
    client, stripe_sandbox, settings, amounts
):
    """recurly-js #994: a percentage in floats, and the total was a cent off."""
    settings.CHECKOUT_DISCOUNTS = ["orders.tests.factories.five_off"]
    make_zone(amount=0)
    ada = make_user()
    quantities = {make_variant(amount=amount): 3 for amount in amounts}

    order = place(make_cart(ada, quantities))
    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)

    assert status(order) == Order.Status.CONFIRMED
    assert order.amount_due == 3 * sum(amounts) - 500
    assert charged(stripe_sandbox) == [order.amount_due]
    assert sum(line.amount_discount for line in order.lines.all()) == 500
    back = [
        refunds.execute(refunds.plan(order, Wish(pieces=((line.pk, 1),))), None).amount
        for line in [*order.lines.all()] * 3
    ]
    assert sum(back) == order.amount_due


def test_what_stripe_answers_reaches_the_shop_as_plain_dicts(client, stripe_sandbox):
    """dj-stripe #2221, #2224: `.get()` on Stripe's objects, after an upgrade."""
    order = make_order()
    pay(stripe_sandbox, order)
    tell(client, stripe_sandbox)
    assert status(order) == Order.Status.CONFIRMED
    payment = order.payments.get()
    session = payments.client().v1.checkout.sessions.retrieve(payment.session_id)
    assert not hasattr(session, "get"), "the trap is there"
    refund = refunds.execute(refunds.plan(order, Wish(amount=700)), None)
    since = order.placed_at.replace(year=2020)
    event = stripe_sandbox.events()[-1]

    answers = [
        payments.session_of(payment),
        payments.refund(refund),
        payments.refund(refund, again=True),
        payments.verified_event(*stripe_sandbox.signed(event)),
        *payments.events_since(since),
        *payments.taken_since(since),
        *payments.given_back_since(since),
    ]

    assert len(answers) >= 7
    assert objects_in(answers) == []


def objects_in(answer):
    """The parts of an answer that are Stripe's own objects."""
    if isinstance(answer, stripe.StripeObject):
        return [answer]
    parts = answer.values() if isinstance(answer, dict) else answer
    if isinstance(answer, (dict, list)):
        return [found for part in parts for found in objects_in(part)]
    return []
