"""The helpers that the shop's own tests lean on."""

import threading

import pytest
import requests
import stripe

from shop.sandbox.stripe import store
from shop.sandbox.testing import SECRET

from .factories import session_params


def test_an_event_is_signed_for_the_webhook_of_the_shop(client, sandbox):
    sandbox.pay(client.v1.checkout.sessions.create(session_params()).id)
    (event,) = sandbox.events("checkout.session.completed")

    read = stripe.Webhook.construct_event(*sandbox.signed(event), SECRET)

    assert read.data.object.payment_status == "paid"


def test_an_old_signature_is_refused(client, sandbox):
    sandbox.expire(client.v1.checkout.sessions.create(session_params()).id)
    (event,) = sandbox.events()

    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(*sandbox.signed(event, at=1), SECRET)


def test_an_unknown_card_number_is_a_mistake_of_the_test(client, sandbox):
    session = client.v1.checkout.sessions.create(session_params())

    with pytest.raises(ValueError, match="4111"):
        sandbox.pay(session.id, "4111111111111111")


def test_the_same_stripe_answers_over_http(sandbox):
    with sandbox.serving() as address:
        client = stripe.StripeClient(
            "sk_test_sandbox_x", base_addresses={"api": address}
        )
        session = client.v1.checkout.sessions.create(session_params())
        page = requests.get(session.url, timeout=5)

    assert page.status_code == 200
    assert sandbox.pay(session.id)


def test_many_can_open_a_fresh_file_at_once(tmp_path):
    failures = []

    def look():
        try:
            store.connect(tmp_path / "fresh.sqlite3").close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_one_of_many_simultaneous_requests_with_a_key_creates(sandbox):
    made, refused = set(), []

    def create():
        try:
            options = {"idempotency_key": "payment-7"}
            client = sandbox.client()
            made.add(client.v1.checkout.sessions.create(session_params(), options).id)
        except stripe.StripeError as error:
            refused.append(error.http_status)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 1
    assert set(refused) <= {409}
    assert len(sandbox.client().v1.checkout.sessions.list().data) == 1
