import threading
import time
from contextlib import contextmanager

import pytest
import requests
import stripe
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

from shop.sandbox.stripe import deliveries

from .factories import session_params

KEY = {"idempotency_key": "payment-7"}


def over_http(address, retries=0):
    """The package as it is, on a socket."""
    return stripe.StripeClient(
        "sk_test_sandbox_x",
        base_addresses={"api": address},
        max_network_retries=retries,
        http_client=stripe.RequestsClient(timeout=5),
    )


def create(client, options=None):
    return client.v1.checkout.sessions.create(session_params(), options or {})


@pytest.mark.parametrize(
    ("status", "error"), [(429, stripe.RateLimitError), (500, stripe.APIError)]
)
def test_calls_fail_as_often_as_was_asked(client, sandbox, status, error):
    sandbox.faults.answer(status, times=2)

    for _ in range(2):
        with pytest.raises(error):
            create(client, KEY)

    assert create(client, KEY).status == "open"
    assert len(client.v1.checkout.sessions.list().data) == 1


def test_a_500_that_struck_during_execution_is_replayed(client, sandbox):
    sandbox.faults.answer(500, stored=True)

    for _ in range(2):
        with pytest.raises(stripe.APIError) as failure:
            create(client, KEY)

    assert failure.value.headers["idempotent-replayed"] == "true"
    assert client.v1.checkout.sessions.list().data == []
    assert create(client, {"idempotency_key": "payment-8"}).status == "open"


def test_a_timeout_executes_nothing(client, sandbox):
    sandbox.faults.answer("timeout")

    with pytest.raises(stripe.APIConnectionError):
        create(client)

    assert client.v1.checkout.sessions.list().data == []


def test_a_lost_answer_is_found_again_under_its_key(client, sandbox):
    sandbox.faults.drop_after_executing()

    with pytest.raises(stripe.APIConnectionError):
        create(client, KEY)
    found = create(client, KEY)

    assert [s.id for s in client.v1.checkout.sessions.list().data] == [found.id]
    assert found.last_response.headers["idempotent-replayed"] == "true"


def test_a_mistaken_fault_is_a_mistake_of_the_test(sandbox):
    with pytest.raises(ValueError, match="418"):
        sandbox.faults.answer(418)


def test_faults_can_be_cleared(client, sandbox):
    sandbox.faults.answer(500, times=99)
    sandbox.faults.drop_after_executing(times=99)

    sandbox.faults.clear()

    assert create(client).status == "open"


@pytest.mark.parametrize("fault", ["500", "timeout"])
def test_over_http_the_package_tries_again_by_itself(sandbox, fault):
    sandbox.faults.answer(fault)

    with sandbox.serving() as address:
        assert create(over_http(address, retries=1)).status == "open"


def test_over_http_a_lost_answer_is_one_session(sandbox):
    sandbox.faults.drop_after_executing()

    with sandbox.serving() as address:
        client = over_http(address, retries=2)
        made = create(client)
        listed = client.v1.checkout.sessions.list().data

    assert [session.id for session in listed] == [made.id]


def test_over_http_a_429_is_not_tried_again(sandbox):
    sandbox.faults.answer(429)

    with sandbox.serving() as address, pytest.raises(stripe.RateLimitError):
        create(over_http(address, retries=2))


@contextmanager
def mounted(settings):
    """The shop's own threaded server, with the sandbox inside."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.set_app(WSGIHandler())
    address = f"http://127.0.0.1:{server.server_port}/sandbox/stripe"
    settings.STRIPE_API_BASE = address
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.urls("shop.sandbox.tests.urls")
def test_the_mounted_sandbox_can_hang_up_too(sandbox, settings):
    settings.SANDBOX_DB = str(sandbox.config.path)
    settings.SANDBOX_WEBHOOK_URL = ""
    sandbox.faults.drop_after_executing()

    with mounted(settings) as address:
        client = over_http(address)
        with pytest.raises(stripe.APIConnectionError):
            create(client, KEY)
        found = create(client, KEY)

    assert found.last_response.headers["idempotent-replayed"] == "true"


@pytest.fixture
def sent(monkeypatch):
    """What would have been posted: (address, body, signature)."""
    posted = []

    def post(url, data, headers, **_):
        posted.append((url, data, headers["Stripe-Signature"]))
        answer = requests.Response()
        answer.status_code = 200
        return answer

    monkeypatch.setattr(deliveries.requests, "post", post)
    return posted


@pytest.fixture
def paid(client, sandbox):
    """Four events wait to be sent."""
    hook = {"url": "https://shop.test/hook/", "enabled_events": ["*"]}
    secret = client.v1.webhook_endpoints.create(hook).secret
    sandbox.pay(create(client).id)
    return secret


def read(parcel, secret):
    return stripe.Webhook.construct_event(*parcel[1:], secret).type


def test_deliveries_can_go_twice_and_newest_first(sandbox, paid, sent):
    sandbox.faults.deliveries(twice=True, reverse=True)

    deliveries.deliver_due(sandbox.config)

    told = [read(parcel, paid) for parcel in sent]
    assert told[:2] == ["checkout.session.completed"] * 2
    assert told[-1] == "payment_intent.created"
    assert len(told) == 8


@pytest.mark.parametrize("switch", ["stale", "forged"])
def test_deliveries_can_be_signed_badly_and_are_right_again(
    sandbox, paid, sent, switch
):
    sandbox.faults.deliveries(**{switch: True})
    deliveries.deliver_due(sandbox.config, limit=1)
    sandbox.faults.deliveries()
    deliveries.deliver_due(sandbox.config, limit=1)

    with pytest.raises(stripe.SignatureVerificationError):
        read(sent[0], paid)
    assert read(sent[1], paid)


def test_deliveries_can_be_held(sandbox, paid, sent):
    sandbox.faults.deliveries(hold=True)

    assert deliveries.deliver_due(sandbox.config) == 0


def test_advancing_the_clock_ages_what_exists_only(client, sandbox):
    old = create(client)

    sandbox.clock.advance(24 * 3600)
    young = client.v1.checkout.sessions.create(
        session_params(expires_at=int(time.time()) + 31 * 60)
    )

    assert client.v1.checkout.sessions.retrieve(old.id).status == "expired"
    assert client.v1.checkout.sessions.retrieve(young.id).status == "open"
    sandbox.clock.advance(31 * 60)
    assert client.v1.checkout.sessions.retrieve(young.id).status == "expired"
