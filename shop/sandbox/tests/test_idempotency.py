import pytest
import stripe

from shop.sandbox.stripe import idempotency, store

from .factories import session_params

KEY = {"idempotency_key": "payment-7"}


def test_the_same_request_twice_makes_one_session(client, sandbox):
    first = client.v1.checkout.sessions.create(session_params(), KEY)
    second = client.v1.checkout.sessions.create(session_params(), KEY)

    assert first.id == second.id
    assert len(client.v1.checkout.sessions.list().data) == 1
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.last_response.headers
    assert sandbox.requests[0] == ("POST", "/v1/checkout/sessions", "payment-7")


def test_the_answer_is_replayed_as_it_was(client, sandbox):
    session = client.v1.checkout.sessions.create(session_params(), KEY)
    sandbox.pay(session.id)

    assert client.v1.checkout.sessions.create(session_params(), KEY).status == "open"


def test_a_key_belongs_to_its_parameters(client):
    client.v1.checkout.sessions.create(session_params(), KEY)

    with pytest.raises(stripe.IdempotencyError) as refusal:
        client.v1.checkout.sessions.create(
            session_params(client_reference_id="other"), KEY
        )

    assert refusal.value.http_status == 400


def test_a_key_belongs_to_its_endpoint(client):
    session = client.v1.checkout.sessions.create(session_params(), KEY)

    with pytest.raises(stripe.IdempotencyError):
        client.v1.checkout.sessions.expire(session.id, {}, KEY)


def test_a_refused_parameter_does_not_use_up_the_key(client):
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.create(session_params(expires_at=1), KEY)

    assert client.v1.checkout.sessions.create(session_params(), KEY).status == "open"


def test_a_refusal_during_execution_is_replayed(client, sandbox):
    session = client.v1.checkout.sessions.create(session_params())
    client.v1.checkout.sessions.expire(session.id)

    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            client.v1.checkout.sessions.expire(session.id, {}, KEY)

    assert refusal.value.headers["idempotent-replayed"] == "true"


def test_a_key_in_use_is_a_conflict(client, sandbox):
    mark = idempotency.fingerprint("POST", "/v1/refunds", {"charge": "ch_1"})
    idempotency.begin(sandbox.config, "payment-7", mark)

    with pytest.raises(stripe.StripeError) as refusal:
        client.v1.refunds.create({"charge": "ch_1"}, KEY)

    assert refusal.value.http_status == 409
    assert refusal.value.json_body["error"]["code"] == "idempotency_key_in_use"


def test_a_key_of_a_crashed_request_is_free_again_after_a_minute(client, sandbox):
    params = session_params()
    client.v1.checkout.sessions.create(params, KEY)
    with store.transaction(sandbox.config) as tx:
        tx.db.execute("UPDATE idempotency SET status = NULL, started = started - 61")

    assert client.v1.checkout.sessions.create(params, KEY).status == "open"
