import copy
import json
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import ledger
from catalog.tests.factories import make_variant
from orders import payments, webhooks
from orders.models import Order, Payment, StripeEvent
from orders.tests.factories import (
    deliver,
    forget_session,
    make_cart,
    make_order,
    make_user,
    open_session,
    pay,
    place,
    post_event,
)
from orders.tests.test_checkout import sql_of
from shop.kit.models import Message
from shop.sandbox.stripe import signing

pytestmark = pytest.mark.django_db

COMPLETED = "checkout.session.completed"


def completed(events):
    return next(event for event in events if event["type"] == COMPLETED)


@pytest.fixture
def order():
    return make_order()


@pytest.fixture
def paid(stripe_sandbox, order):
    """The event that says the order is paid."""
    return completed(pay(stripe_sandbox, order))


def status(order):
    order.refresh_from_db()
    return order.status


def assert_nobody_heard(answer, order, code=400):
    assert answer.status_code == code
    assert not StripeEvent.objects.exists()
    assert status(order) == Order.Status.PENDING


# Who speaks


def test_a_signed_event_confirms_its_order(client, stripe_sandbox, order, paid):
    answer = deliver(client, stripe_sandbox, paid)

    assert answer.status_code == 200
    assert status(order) == Order.Status.CONFIRMED
    assert StripeEvent.objects.get().processed_at


def test_inv_23_a_message_without_a_signature_is_refused(client, paid, order):
    for signature in ["", "t=1,v1=", "v1=abc", "t=x,v1=abc", "é", "t=1,v1=é"]:
        assert_nobody_heard(post_event(client, b"{}", signature), order)


def test_inv_23_a_message_changed_on_the_way_is_refused(
    client, stripe_sandbox, paid, order
):
    body, signature = stripe_sandbox.signed(paid)

    answer = post_event(client, body.replace(b"usd", b"eur"), signature)

    assert_nobody_heard(answer, order)


def test_inv_23_another_secret_is_refused(client, stripe_sandbox, paid, order):
    body, _ = stripe_sandbox.signed(paid)
    forged = signing.header("whsec_somebody_else", body, int(time.time()))

    assert_nobody_heard(post_event(client, body, forged), order)


def test_inv_23_a_stale_message_is_refused(client, stripe_sandbox, paid, order):
    old = int(time.time()) - 301

    assert_nobody_heard(deliver(client, stripe_sandbox, paid, at=old), order)


def test_a_message_of_four_minutes_ago_is_heard(client, stripe_sandbox, paid, order):
    answer = deliver(client, stripe_sandbox, paid, at=int(time.time()) - 240)

    assert answer.status_code == 200
    assert status(order) == Order.Status.CONFIRMED


def test_inv_23_a_huge_message_is_not_read(client, settings, order):
    body = b'{"a": "' + b"x" * webhooks.MOST_BYTES + b'"}'
    secret = settings.STRIPE_WEBHOOK_SECRETS[0]
    signature = signing.header(secret, body, int(time.time()))

    assert_nobody_heard(post_event(client, body, signature), order)


def test_inv_23_a_huge_message_is_not_read_whatever_length_it_announced(
    stripe_sandbox, paid, settings
):
    paid["data"]["object"]["padding"] = "x" * webhooks.MOST_BYTES
    body = json.dumps(paid).encode()
    secret = settings.STRIPE_WEBHOOK_SECRETS[0]
    signature = signing.header(secret, body, int(time.time()))

    with pytest.raises(webhooks.NotFromStripe):
        webhooks.receive(body, signature)


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
def test_inv_23_messages_are_posted(client, order, method):
    answer = getattr(client, method)("/webhooks/stripe/")

    assert_nobody_heard(answer, order, 405)


def test_no_cookie_or_form_token_is_needed(stripe_sandbox, order, paid):
    from django.test import Client

    answer = deliver(Client(enforce_csrf_checks=True), stripe_sandbox, paid)

    assert answer.status_code == 200
    assert not answer.cookies


def test_while_a_secret_is_rolled_both_are_good(
    client, stripe_sandbox, settings, order, paid
):
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", *settings.STRIPE_WEBHOOK_SECRETS]
    body, old = stripe_sandbox.signed(paid)
    new = signing.header("whsec_new", body, int(time.time()))

    assert post_event(client, body, old).status_code == 200
    assert post_event(client, body, new).status_code == 200


# What is said


def test_a_type_nobody_asked_for_is_stored_and_thanked(client, stripe_sandbox, paid):
    paid["type"], paid["id"] = "customer.created", "evt_other"

    assert deliver(client, stripe_sandbox, paid).status_code == 200

    assert StripeEvent.objects.get().processed_at
    assert not Order.objects.confirmed().exists()


def test_inv_24_an_event_is_stored_once(client, stripe_sandbox, order, paid):
    answers = {deliver(client, stripe_sandbox, paid).status_code for _ in range(5)}

    assert answers == {200}
    assert StripeEvent.objects.count() == 1
    assert StripeEvent.objects.get().attempts == 1
    assert order.events.filter(kind="confirmed").count() == 1


def test_two_messages_of_one_change_are_one_change(client, stripe_sandbox, order, paid):
    deliver(client, stripe_sandbox, paid)
    deliver(client, stripe_sandbox, paid | {"id": "evt_again"})

    assert not StripeEvent.objects.unprocessed().exists()
    assert order.events.filter(kind="paid").count() == 1
    assert status(order) == Order.Status.CONFIRMED


def test_inv_24_an_event_stored_before_a_crash_is_processed_by_the_redelivery(
    client, stripe_sandbox, order, paid
):
    StripeEvent.objects.create(event_id=paid["id"], type=paid["type"], payload=paid)

    deliver(client, stripe_sandbox, paid)

    assert status(order) == Order.Status.CONFIRMED


def test_inv_24_an_event_stored_before_a_crash_is_found_by_our_own_sweep(
    run_jobs, order, paid, time_machine
):
    StripeEvent.objects.create(event_id=paid["id"], type=paid["type"], payload=paid)
    assert webhooks.retry_forgotten() == 0, "it may be on its way this very second"

    time_machine.move_to(timezone.now() + webhooks.FORGOTTEN_AFTER)
    assert webhooks.retry_forgotten() == 1
    run_jobs()

    assert status(order) == Order.Status.CONFIRMED
    assert webhooks.retry_forgotten() == 0


def test_what_an_event_said_is_forgotten_and_that_it_came_is_not(
    client, stripe_sandbox, order, paid, time_machine, settings
):
    settings.STRIPE_EVENT_DAYS = 40
    deliver(client, stripe_sandbox, paid)
    waiting = StripeEvent.objects.create(event_id="evt_2", type="x", payload={"id": 2})
    time_machine.move_to(timezone.now() + timedelta(days=39))
    assert webhooks.forget_old() == 0

    time_machine.move_to(timezone.now() + timedelta(days=2))
    webhooks.forget_old_events.call()

    event = StripeEvent.objects.get(event_id=paid["id"])
    assert (event.type, event.payload) == (COMPLETED, None)
    assert event.processed_at
    waiting.refresh_from_db()
    assert waiting.payload == {"id": 2}
    assert webhooks.forget_old() == 0
    assert deliver(client, stripe_sandbox, paid).status_code == 200
    assert webhooks.take_in([paid]) == 0
    assert order.events.filter(kind="paid").count() == 1
    assert status(order) == Order.Status.CONFIRMED


def test_old_events_are_forgotten_in_pieces(monkeypatch):
    monkeypatch.setattr(webhooks, "BATCH", 2)
    for number in range(5):
        StripeEvent.objects.create(
            event_id=f"evt_{number}",
            type="x",
            payload={},
            processed_at=timezone.now() - timedelta(days=91),
        )

    assert webhooks.forget_old() == 5
    assert not StripeEvent.objects.filter(payload__isnull=False).exists()


def test_an_event_before_our_own_note_of_the_session_counts(
    client, stripe_sandbox, order, paid
):
    session = paid["data"]["object"]["id"]
    forget_session(order)

    deliver(client, stripe_sandbox, paid)

    assert status(order) == Order.Status.CONFIRMED
    assert Payment.objects.get().session_id == session


def test_a_charge_before_its_session_is_remembered(client, stripe_sandbox, order):
    events = pay(stripe_sandbox, order)
    charge = next(event for event in events if event["type"] == "charge.succeeded")

    deliver(client, stripe_sandbox, charge)
    assert status(order) == Order.Status.PENDING, "a charge alone confirms nothing"
    deliver(client, stripe_sandbox, completed(events))

    payment = Payment.objects.get()
    assert status(order) == Order.Status.CONFIRMED
    assert payment.card == "Visa ending 4242"
    assert len(payment.card_hash) == 64
    assert payment.intent_id == charge["data"]["object"]["payment_intent"]


def test_the_same_card_has_the_same_hash_and_not_stripes_own(client, stripe_sandbox):
    for _ in range(2):
        for event in pay(stripe_sandbox, make_order()):
            deliver(client, stripe_sandbox, event)

    first, second = Payment.objects.all()
    charge = stripe_sandbox.events("charge.succeeded")[0]["data"]["object"]
    assert first.card_hash == second.card_hash
    assert charge["payment_method_details"]["card"]["fingerprint"] != first.card_hash


def test_a_refused_card_leaves_the_order_waiting(client, stripe_sandbox, order):
    stripe_sandbox.pay(open_session(order), "4000000000000002")

    for event in stripe_sandbox.events():
        deliver(client, stripe_sandbox, event)

    assert status(order) == Order.Status.PENDING
    assert Payment.objects.get().last_error == "generic_decline"
    assert not order.events.get(kind="payment_refused").is_public


def test_a_refusal_told_after_the_payment_is_no_news(client, stripe_sandbox, order):
    stripe_sandbox.pay(open_session(order), "4000000000000002")
    late = stripe_sandbox.events("payment_intent.payment_failed")[0]
    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)

    deliver(client, stripe_sandbox, late)

    assert status(order) == Order.Status.CONFIRMED
    assert Payment.objects.get().last_error == ""
    assert not order.events.filter(kind="payment_failed").exists()


# Inv 19: an event wrong in one respect each, signed all the same


def wrong(event, **changes):
    """A copy with another id, and an object that differs in these fields."""
    forged = copy.deepcopy(event)
    forged["id"] = "evt_forged"
    forged["data"]["object"].update(changes)
    return forged


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_total": 5499},
        {"amount_total": 1},
        {"amount_total": 5501},
        {"currency": "eur"},
        {"mode": "setup"},
        {"client_reference_id": "SOMEONES"},
        {"client_reference_id": None},
        {"id": "cs_test_of_somebody_else"},
    ],
)
def test_inv_19_money_that_does_not_match_is_held_for_a_person(
    client, stripe_sandbox, order, paid, changes
):
    answer = deliver(client, stripe_sandbox, wrong(paid, **changes))

    assert answer.status_code == 200
    assert status(order) == Order.Status.PENDING
    assert order.held_at
    assert order.held_because
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_status": "unpaid"},
        {"payment_status": "no_payment_required"},
        {"status": "open"},
        {"id": "cs_test_foreign", "status": "expired"},
        {"id": "cs_test_foreign", "metadata": {}},
        {"id": "cs_test_foreign", "metadata": {"payment": "tandem-OTHERSHOP-1"}},
        {"id": "cs_test_foreign", "metadata": None},
    ],
)
def test_inv_19_what_is_no_money_for_us_changes_nothing(
    client, stripe_sandbox, order, paid, changes
):
    answer = deliver(client, stripe_sandbox, wrong(paid, **changes))

    assert answer.status_code == 200
    assert status(order) == Order.Status.PENDING
    assert order.held_at is None
    assert Payment.objects.get().status == Payment.Status.OPEN


def test_inv_19_events_of_the_other_mode_are_ignored(
    client, stripe_sandbox, order, paid
):
    deliver(client, stripe_sandbox, paid | {"livemode": True})

    assert status(order) == Order.Status.PENDING
    assert order.held_at is None


def test_inv_19_a_held_order_is_confirmed_by_no_later_event(
    client, stripe_sandbox, order, paid
):
    deliver(client, stripe_sandbox, wrong(paid, amount_total=1))

    deliver(client, stripe_sandbox, paid)

    assert status(order) == Order.Status.PENDING
    assert order.held_at


def test_inv_19_another_session_of_ours_does_not_pay_this_order(
    client, stripe_sandbox, order
):
    cheap = place(make_cart(None, {make_variant(amount=100): 1}))
    said = completed(pay(stripe_sandbox, cheap))
    said["data"]["object"]["client_reference_id"] = order.code
    said["data"]["object"]["metadata"]["payment"] = order.payments.get().idempotency_key

    deliver(client, stripe_sandbox, said)

    assert status(order) == Order.Status.PENDING
    cheap.refresh_from_db()
    assert cheap.status == Order.Status.PENDING
    assert cheap.held_at


def test_the_return_page_confirms_nothing(client, order, paid):
    client.get(f"/checkout/return/?order={order.code}&t={order.access_token}")

    assert status(order) == Order.Status.PENDING


# Inv 25: what fails midway


@pytest.fixture
def failing():
    """Make the database itself refuse to write down a confirmation."""
    table, name = "orders_orderevent", "test_fails"
    postgres = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if postgres:
            cursor.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
                "BEGIN RAISE EXCEPTION 'disk full'; END $$"
            )
            cursor.execute(
                f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW "
                f"WHEN (NEW.kind = 'confirmed') EXECUTE FUNCTION {name}()"
            )
        else:
            cursor.execute(
                f"CREATE TRIGGER {name} BEFORE INSERT ON {table} "
                "WHEN NEW.kind = 'confirmed' "
                "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )

    def repair():
        with connection.cursor() as cursor:
            on_table = f" ON {table}" if postgres else ""
            cursor.execute(f"DROP TRIGGER {name}{on_table}")

    return repair


def test_inv_25_an_event_that_fails_midway_is_kept_and_tried_again(
    client, stripe_sandbox, failing, run_jobs, time_machine
):
    ada = make_user(balance=1000)
    lamp = make_variant(stock=5)
    order = place(make_cart(ada, {lamp: 1}))
    paid = completed(pay(stripe_sandbox, order))

    answer = deliver(client, stripe_sandbox, paid)

    assert answer.status_code == 200, "it is safe with us"
    event = StripeEvent.objects.get()
    assert "disk full" in event.error
    assert event.processed_at is None
    assert status(order) == Order.Status.PENDING
    assert order.payments.get().status == Payment.Status.OPEN, "all or nothing"
    assert ledger.balance(ada, "USD", ledger.Kind.HELD) == 1000

    run_jobs()
    assert StripeEvent.objects.get().attempts == 2
    failing()
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    run_jobs()

    assert status(order) == Order.Status.CONFIRMED
    event.refresh_from_db()
    assert event.processed_at
    assert event.error == ""
    assert ledger.balance(ada, "USD", ledger.Kind.HELD) == 0


def test_inv_25_a_redelivery_of_a_failed_event_tries_at_once(
    client, stripe_sandbox, order, paid, failing
):
    deliver(client, stripe_sandbox, paid)
    failing()

    deliver(client, stripe_sandbox, paid)

    assert status(order) == Order.Status.CONFIRMED


# What it costs


# Others at the same Stripe account


def days_pass(time_machine):
    over = timezone.now() + webhooks.EARLY_FOR + timedelta(minutes=1)
    time_machine.move_to(over, tick=False)


@pytest.fixture
def foreign(client, stripe_sandbox):
    """A refund of another shop's payment, told to this one."""
    stripe = stripe_sandbox.client().v1
    session = stripe.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "https://elsewhere.example/",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": 900,
                        "product_data": {"name": "A book"},
                    },
                }
            ],
        }
    )
    stripe_sandbox.pay(session.id)
    intent = stripe_sandbox.object("checkout.session", session.id)["payment_intent"]
    stripe.refunds.create({"payment_intent": intent})
    event = stripe_sandbox.events("refund.created")[0]
    assert deliver(client, stripe_sandbox, event).status_code == 200
    return StripeEvent.objects.get()


def test_an_event_about_another_shops_payment_is_set_aside_after_three_days(
    foreign, time_machine
):
    assert foreign.error.startswith("TooEarly")
    assert webhooks.set_aside_foreign() == 0

    days_pass(time_machine)
    assert webhooks.set_aside_foreign() == 1
    assert webhooks.set_aside_foreign() == 0

    foreign.refresh_from_db()
    assert foreign.processed_at
    assert "not this shop's" in foreign.note
    assert webhooks.try_unprocessed() == webhooks.Tried(0, 0)


def test_a_foreign_event_waits_while_stripe_cannot_be_asked(
    foreign, time_machine, stripe_sandbox
):
    days_pass(time_machine)
    stripe_sandbox.faults.answer(500, 9)

    assert webhooks.set_aside_foreign() == 0

    foreign.refresh_from_db()
    assert foreign.processed_at is None


def test_an_early_event_about_an_order_of_ours_is_kept_and_marked(
    client, stripe_sandbox, order, time_machine
):
    pay(stripe_sandbox, order)
    intent = stripe_sandbox.events("charge.succeeded")[0]["data"]["object"]
    made = {"payment_intent": intent["payment_intent"]}
    stripe_sandbox.client().v1.refunds.create(made)
    deliver(client, stripe_sandbox, stripe_sandbox.events("refund.created")[0])
    days_pass(time_machine)

    assert webhooks.set_aside_foreign() == 0
    asked = len(stripe_sandbox.requests)
    assert webhooks.set_aside_foreign() == 0

    stored = StripeEvent.objects.get()
    assert stored.processed_at is None
    assert "an order of this shop" in stored.note
    assert stored.error
    assert len(stripe_sandbox.requests) == asked, "Stripe is asked once"


@pytest.mark.parametrize("balance", [0, 1200])
def test_a_webhook_costs_twenty_five_queries_at_most(client, stripe_sandbox, balance):
    ada = make_user(balance=balance)
    cart = make_cart(ada, {make_variant(): 1 for _ in range(3)})
    events = pay(stripe_sandbox, place(cart))

    costs = {}
    for event in events:
        with CaptureQueriesContext(connection) as context:
            deliver(client, stripe_sandbox, event)
        costs[event["type"]] = len(sql_of(context))

    print(f"webhook with balance {balance}: {costs}")
    assert max(costs.values()) <= 25
    assert not Order.objects.pending().exists()


def test_the_client_is_built_once():
    assert payments.client() is payments.client()
