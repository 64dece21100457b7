import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from catalog.tests.factories import make_variant
from orders import confirmation, payments
from orders.models import Order, Payment
from orders.tests.factories import (
    forget_session,
    give,
    make_cart,
    make_order,
    make_user,
    make_zone,
    open_session,
    place,
)

pytestmark = pytest.mark.django_db

CREATE = "/v1/checkout/sessions"


def asked(stripe, order):
    """The session as Stripe keeps it."""
    return stripe.object("checkout.session", open_session(order))


def items(stripe, order):
    session = open_session(order)
    listed = payments.client().v1.checkout.sessions.line_items.list(session)
    return [(item.description, item.quantity, item.amount_total) for item in listed]


@contextmanager
def between(settings, spoil):
    """A host on the way to Stripe that forwards requests and spoils some answers.

    `spoil(method, path, status, body)` returns the answer to give, None to hang up.
    """
    target = settings.STRIPE_API_BASE

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else None
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in ("host", "connection", "accept-encoding")
            }
            request = Request(target + self.path, body, headers, method=self.command)
            try:
                with urlopen(request) as answer:
                    status, said = answer.status, answer.read()
            except HTTPError as error:
                status, said = error.code, error.read()
            answer = spoil(self.command, self.path, status, said)
            if answer is None:
                self.close_connection = True
                return
            status, said = answer
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = _forward

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{server.server_port}"
    payments.client.cache_clear()
    try:
        yield
    finally:
        settings.STRIPE_API_BASE = target
        payments.client.cache_clear()
        server.shutdown()
        server.server_close()


@pytest.fixture
def stripe_down(settings):
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    payments.client.cache_clear()
    yield
    payments.client.cache_clear()


# What is asked


def test_lines_are_itemised_when_nothing_is_taken_off(stripe_sandbox):
    cart = make_cart(None, {make_variant(amount=2500, name="Sage"): 2})

    order = place(cart)

    assert items(stripe_sandbox, order) == [
        ("Moon Globe Lamp (Sage)", 2, 5000),
        ("Delivery: Standard", 1, 500),
    ]
    assert asked(stripe_sandbox, order)["amount_total"] == order.amount_due == 5500


def test_free_delivery_is_no_line(stripe_sandbox):
    make_zone(amount=0)

    assert len(items(stripe_sandbox, make_order())) == 1


def test_what_balance_leaves_over_is_asked_as_one_amount(stripe_sandbox):
    ada = make_user(balance=1234)

    order = make_order(ada)

    assert items(stripe_sandbox, order) == [
        (f"Order {order.code}, balance due", 1, 5500 - 1234)
    ]


def test_a_discount_is_never_a_second_guess_of_stripe(stripe_sandbox, settings):
    settings.CHECKOUT_DISCOUNTS = ["orders.tests.factories.five_off"]

    order = make_order(make_user())

    assert items(stripe_sandbox, order) == [
        (f"Order {order.code}, balance due", 1, 5000)
    ]


def test_more_lines_than_stripe_takes_are_one_amount(stripe_sandbox):
    cart = make_cart(None, {make_variant(amount=100): 1 for _ in range(100)})

    order = place(cart)

    assert len(items(stripe_sandbox, order)) == 1
    assert asked(stripe_sandbox, order)["amount_total"] == 10_500


def test_yen_are_asked_as_yen(stripe_sandbox, settings):
    settings.SHOP_CURRENCY = "JPY"
    ada = make_user()
    give(ada, 80, "JPY")

    order = place(make_cart(ada, {make_variant(amount=1980): 1}))

    session = asked(stripe_sandbox, order)
    assert (session["amount_total"], session["currency"]) == (2400, "jpy")
    assert order.amount_balance == 80


def test_stripe_is_told_the_order_and_nothing_about_the_person(stripe_sandbox):
    order = make_order()

    session = asked(stripe_sandbox, order)

    payment = order.payments.get()
    assert session["client_reference_id"] == order.code
    assert session["metadata"] == {
        "order": order.code,
        "payment": payment.idempotency_key,
    }
    assert session["mode"] == "payment"
    assert session["expires_at"] == int(payment.session_expires_at.timestamp())
    assert session["success_url"].startswith("http://localhost:8000/checkout/return/")
    assert session["payment_method_types"] == ["card"]


def test_no_call_is_made_while_the_order_is_placed(stripe_sandbox):
    make_order()

    assert stripe_sandbox.requests == []
    assert Payment.objects.get().session_id is None


# Once per intent


def test_inv_20_starting_twice_leads_to_the_same_page(stripe_sandbox):
    order = make_order()

    assert payments.start(order) == payments.start(order)
    assert len(sessions_at(stripe_sandbox)) == 1


def sessions_at(stripe):
    return list(payments.client().v1.checkout.sessions.list())


def test_inv_20_a_lost_answer_leaves_one_session(stripe_sandbox, settings):
    order = make_order()
    lost = []

    def lose_the_first(method, path, status, body):
        if method == "POST" and len(lost) < 1:
            lost.append(path)
            return None
        return status, body

    with between(settings, lose_the_first):
        url = payments.start(order)

    assert lost == [CREATE]
    assert len(sessions_at(stripe_sandbox)) == 1
    assert payments.start(order) == url


def test_inv_20_answers_lost_for_good_are_found_by_the_next_press(
    stripe_sandbox, settings
):
    order = make_order()

    with (
        between(settings, lambda *_: None),
        pytest.raises(payments.PaymentUnavailable),
    ):
        payments.start(order)

    assert Payment.objects.get().session_url == ""
    session = sessions_at(stripe_sandbox)[0]
    assert payments.start(order) == session.url
    assert len(sessions_at(stripe_sandbox)) == 1


def test_a_crash_before_the_answer_was_noted_leads_to_the_same_page(stripe_sandbox):
    order = make_order()
    url = payments.start(order)
    forget_session(order)

    assert payments.start(order) == url


def test_a_session_that_asks_something_else_is_closed_and_refused(
    stripe_sandbox, settings
):
    order = make_order()

    def one_cent_more(method, path, status, body):
        if path == CREATE and status == 200:
            session = json.loads(body)
            session["amount_total"] += 1
            body = json.dumps(session).encode()
        return status, body

    with between(settings, one_cent_more), pytest.raises(payments.PaymentUnavailable):
        payments.start(order)

    assert [session.status for session in sessions_at(stripe_sandbox)] == ["expired"]
    assert Payment.objects.get().status == Payment.Status.CLOSED
    assert payments.start(order), "the next press opens the next attempt"
    assert order.payments.count() == 2


def test_a_wrong_session_that_cannot_be_closed_is_refused_all_the_same(
    stripe_sandbox, settings
):
    order = make_order()

    def spoil(method, path, status, body):
        if path.endswith("/expire"):
            return 500, b'{"error": {"type": "api_error", "message": "sorry"}}'
        if path == CREATE:
            body = body.replace(b'"currency": "usd"', b'"currency": "eur"')
            body = body.replace(b'"currency":"usd"', b'"currency":"eur"')
        return status, body

    with between(settings, spoil), pytest.raises(payments.PaymentUnavailable):
        payments.start(order)

    assert Payment.objects.get().session_url == ""


def test_a_guests_order_that_moved_into_an_account_meanwhile_can_be_paid(
    stripe_sandbox,
):
    """Its address of return was part of what the lost answer was asked by."""
    ada = make_user("ada@example.com")
    order = make_order()
    url = payments.start(order)
    forget_session(order)
    Order.objects.update(user=ada)

    assert payments.start(order) == url


def test_a_page_asked_for_in_other_words_is_left_for_a_new_one(
    stripe_sandbox, settings
):
    order = make_order()
    lost = payments.start(order)
    forget_session(order)
    settings.SITE_URL = "http://localhost:9000"

    url = payments.start(order)

    assert url != lost
    assert [payment.status for payment in order.payments.all()] == ["closed", "open"]
    assert payments.start(order) == url


def test_an_order_whose_page_was_asked_for_in_other_words_can_be_closed(
    stripe_sandbox, settings
):
    order = make_order()
    payments.start(order)
    forget_session(order)
    settings.SITE_URL = "http://localhost:9000"

    payments.close(order)

    assert order.payments.get().status == Payment.Status.CLOSED


# Stripe is away


def test_an_order_can_be_paid_when_stripe_is_back(settings, stripe_sandbox):
    order = make_order()
    there = settings.STRIPE_API_BASE
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    payments.client.cache_clear()
    with pytest.raises(payments.PaymentUnavailable):
        payments.start(order)
    assert Payment.objects.get().last_error == "APIConnectionError"

    settings.STRIPE_API_BASE = there
    payments.client.cache_clear()

    assert payments.start(order)
    assert order.payments.count() == 1


def test_an_order_can_be_paid_when_stripe_is_back_after_a_while(
    settings, stripe_sandbox, time_machine
):
    """By then the attempt asks for a shorter life than Stripe gives any session."""
    time_machine.move_to("2026-03-01T12:00Z", tick=False)
    order = make_order()
    time_machine.move_to("2026-03-01T12:20Z", tick=False)
    with pytest.raises(payments.PaymentUnavailable):
        payments.start(order)

    assert payments.start(order)

    assert [payment.status for payment in order.payments.all()] == ["closed", "open"]


def test_an_order_that_does_not_wait_cannot_be_paid(stripe_sandbox):
    order = make_order()
    confirmation.cancel_order(order.pk, reason="Changed their mind")

    with pytest.raises(payments.PaymentUnavailable):
        payments.start(order)

    assert stripe_sandbox.requests == []


def test_an_order_that_a_person_looks_at_cannot_be_paid(stripe_sandbox):
    order = make_order()
    confirmation.hold(order, "The address does not exist.")

    with pytest.raises(payments.PaymentUnavailable):
        payments.start(order)

    assert stripe_sandbox.requests == []


@pytest.mark.cooked_books  # nobody was told about this money
def test_an_order_whose_money_is_there_cannot_be_paid_again(stripe_sandbox):
    order = make_order()
    paid = {"status": "paid", "paid_at": order.placed_at, "amount_received": 5500}
    order.payments.update(**paid)

    with pytest.raises(payments.PaymentUnavailable):
        payments.start(order)

    assert order.payments.count() == 1


# Closing


def test_inv_14_a_closed_page_cannot_be_paid(stripe_sandbox):
    order = make_order()
    session = open_session(order)

    payments.close(order)

    assert stripe_sandbox.object("checkout.session", session)["status"] == "expired"
    assert Payment.objects.get().status == Payment.Status.CLOSED
    payments.close(order)


def test_a_page_that_was_never_opened_is_closed_too(stripe_sandbox):
    """Its answer may have been lost: the same key finds the session, and closes it."""
    order = make_order()

    payments.close(order)

    assert [session.status for session in sessions_at(stripe_sandbox)] == ["expired"]
    assert Payment.objects.get().status == Payment.Status.CLOSED


def test_a_page_that_was_paid_first_confirms_its_order(stripe_sandbox):
    order = make_order()
    stripe_sandbox.pay(open_session(order))

    with pytest.raises(payments.AlreadyPaid):
        payments.close(order)

    order.refresh_from_db()
    assert order.status == Order.Status.CONFIRMED


def test_a_page_stays_open_when_stripe_cannot_be_asked(stripe_down):
    order = make_order()

    with pytest.raises(payments.PaymentUnavailable):
        payments.close(order)

    assert Payment.objects.get().status == Payment.Status.OPEN


def test_a_session_without_an_answer_is_closed_once_it_could_not_exist(
    stripe_sandbox, time_machine
):
    time_machine.move_to("2026-03-01T12:00Z", tick=False)
    order = make_order()
    time_machine.move_to("2026-03-01T12:41Z", tick=False)

    payments.close(order)

    assert Payment.objects.get().status == Payment.Status.CLOSED
    assert sessions_at(stripe_sandbox) == []


def test_only_one_attempt_of_an_order_is_open():
    from django.db import IntegrityError, transaction

    payment = make_order().payments.get()
    payment.pk, payment.idempotency_key = None, "another"

    with pytest.raises(IntegrityError), transaction.atomic():
        payment.save(force_insert=True)
