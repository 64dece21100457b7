import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import stripe

from shop.sandbox.config import Config
from shop.sandbox.stripe import deliveries, server, store
from shop.sandbox.testing import MemoryStripe

from .factories import session_params

SECRET = "whsec_test"
FORM = {"number": "4242424242424242", "expiry": "12/34", "cvc": "123", "name": "Ada"}


@contextmanager
def serving(http):
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()


@pytest.fixture
def shop():
    """A shop that keeps what it is sent; answers `shop.answers` in turn, then 200."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            http.received.append((body, self.headers["Stripe-Signature"]))
            self.send_response(http.answers.pop(0) if http.answers else 200)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(b"noted")

        def log_message(self, format, *args):
            """Silence."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.received, http.answers = [], []
    with serving(http) as address:
        http.address = address
        yield http


@pytest.fixture
def config(tmp_path, shop):
    made = Config(
        path=tmp_path / "sandbox.sqlite3",
        webhook_url=f"{shop.address}/webhooks/stripe/",
        webhook_secret=SECRET,
        background=False,
    )
    yield made
    deliveries.stop_worker(made)


@pytest.fixture
def expired(config, tmp_path) -> MemoryStripe:
    """A sandbox in which one event, `checkout.session.expired`, waits to be sent."""
    sandbox = MemoryStripe(tmp_path)
    sandbox.config = sandbox.client_http().config = config
    client = stripe.StripeClient(
        "sk_test_sandbox_x",
        http_client=sandbox.client_http(),
        base_addresses={"api": config.public_base},
    )
    session = client.v1.checkout.sessions.create(session_params())
    client.v1.checkout.sessions.expire(session.id)
    return sandbox


def row(config):
    with store.transaction(config) as tx:
        return dict(tx.db.execute("SELECT * FROM delivery").fetchone())


def test_an_event_is_signed_and_sent_once(config, shop, expired):
    assert deliveries.deliver_due(config) == 1
    assert deliveries.deliver_due(config) == 0

    ((body, signature),) = shop.received
    event = stripe.Webhook.construct_event(body, signature, SECRET)
    assert event.type == "checkout.session.expired"
    assert body.startswith(b'{\n  "id": "evt_')
    assert row(config)["state"] == "done"
    assert row(config)["answer"] == "noted"
    assert expired.events()[0]["pending_webhooks"] == 0


@pytest.mark.parametrize("status", [500, 404, 302])
def test_anything_but_2xx_is_tried_again_with_growing_gaps(
    config, shop, expired, status
):
    shop.answers = [status] * 6
    moment = time.time()

    for wait in deliveries.WAITS:
        assert deliveries.deliver_due(config, now=moment) == 1
        assert row(config)["next_at"] == pytest.approx(time.time() + wait, abs=1.5)
        assert deliveries.deliver_due(config, now=moment) == 0
        moment = row(config)["next_at"]
    deliveries.deliver_due(config, now=moment)

    assert row(config)["state"] == "failed"
    assert row(config)["attempts"] == 6
    assert deliveries.deliver_due(config, now=moment + 99999) == 0


def test_a_shop_that_is_down_is_tried_again(config, shop, expired):
    with store.transaction(config) as tx:
        tx.db.execute("UPDATE delivery SET url = 'http://127.0.0.1:9/'")

    deliveries.deliver_due(config)

    assert (row(config)["state"], row(config)["status"]) == ("due", None)
    assert "ConnectionError" in row(config)["answer"]


def test_a_sender_that_crashed_loses_nothing(config, shop, expired):
    claimed = deliveries._claim(config, time.time())

    assert claimed
    assert deliveries.deliver_due(config) == 0
    assert deliveries.deliver_due(config, now=time.time() + deliveries.LEASE + 1) == 1


def test_held_deliveries_wait_and_can_be_sent_one_by_one(config, shop, expired):
    deliveries.hold(config, True)

    assert deliveries.deliver_due(config) == 0
    deliveries.deliver_again(config, row(config)["id"])
    assert len(shop.received) == 1
    deliveries.deliver_again(config, row(config)["id"])
    assert shop.received[0][0] != b""
    assert len(shop.received) == 2


def test_undelivered_events_can_be_listed(config, shop, expired):
    client = stripe.StripeClient(
        "sk_test_sandbox_x",
        http_client=expired.client_http(),
        base_addresses={"api": config.public_base},
    )
    missed = {"delivery_success": False, "types": ["checkout.session.expired"]}

    assert len(client.v1.events.list(missed).data) == 1
    deliveries.deliver_due(config)
    assert client.v1.events.list(missed).data == []
    assert client.v1.events.retrieve(expired.events()[0]["id"]).pending_webhooks == 0


def test_a_payment_over_http_waits_for_the_shop_and_then_returns(config, shop):
    config = replace(config, background=True)
    http = server.make_server(config, "127.0.0.1", 0)
    with serving(http) as address:
        http.RequestHandlerClass.config = replace(config, public_base=address)
        client = stripe.StripeClient(
            "sk_test_sandbox_x", base_addresses={"api": address}
        )
        session = client.v1.checkout.sessions.create(session_params())
        shown = requests.get(session.url, timeout=5)
        paid = requests.post(session.url, data=FORM, allow_redirects=False, timeout=10)

    told = [
        stripe.Webhook.construct_event(*sent, SECRET).type for sent in shop.received
    ]
    assert shown.status_code == 200
    assert paid.status_code == 303
    assert paid.headers["Location"] == f"https://shop.test/thanks?session={session.id}"
    assert told == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_the_own_process_listens_on_this_machine_only(config):
    http = server.make_server(config, "127.0.0.1", 0)
    http.server_close()

    assert http.server_address[0] == "127.0.0.1"
