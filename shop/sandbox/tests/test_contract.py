"""The checker itself: it must see what is wrong, and hear everything."""

from urllib.request import Request, urlopen

import pytest

from shop.sandbox.stripe import endpoints, events, params, sessions
from shop.sandbox.stripe.errors import ApiError

from . import contract
from .factories import session_params


@pytest.mark.parametrize(
    "damage",
    [
        {"status": "done"},
        {"livemode": "false"},
        {"expires_at": None},
        {"total_details": {"amount_discount": 0}},
        {"client_reference_id": 7},
        {"invented": 1},
    ],
)
def test_a_damaged_object_is_noticed(client, damage):
    session = client.v1.checkout.sessions.create(session_params()).to_dict(
        for_json=True
    )

    with pytest.raises(AssertionError):
        contract.check(session | damage)


def test_a_missing_key_is_noticed(client):
    session = client.v1.checkout.sessions.create(session_params()).to_dict(
        for_json=True
    )
    del session["payment_status"]

    with pytest.raises(AssertionError, match="payment_status"):
        contract.check(session)


@pytest.mark.parametrize(
    ("status", "answer", "named"),
    [
        (204, {}, "answers 204"),
        (400, {"message": "no"}, "answers .'message'"),
        (400, {"error": {"message": "no"}}, "error.type is missing"),
        (400, {"error": {"type": "rude", "message": "no"}}, "error rude"),
        (400, {"error": {"type": "api_error", "why": "no"}}, "unknown {'why'}"),
        (200, {"object": "list", "data": []}, "list: "),
    ],
)
def test_a_damaged_answer_is_noticed(status, answer, named):
    with pytest.raises(AssertionError, match=named):
        contract.check_answer("GET", "/v1/refunds", status, answer)


def test_a_damaged_event_is_noticed(client, sandbox):
    sandbox.pay(client.v1.checkout.sessions.create(session_params()).id)
    event = sandbox.events("checkout.session.completed")[0]
    contract.check(event)
    event["data"]["object"]["payment_status"] = "maybe"

    with pytest.raises(AssertionError, match="session.payment_status is 'maybe'"):
        contract.check(event)


# Whoever makes it speak


@pytest.fixture
def damaged(monkeypatch, said_wrong):
    """New sessions say that they are `done`."""
    make = sessions.create

    def make_badly(tx, given):
        return make(tx, given) | {"status": "done"}

    monkeypatch.setattr(sessions, "create", make_badly)
    yield
    said_wrong.clear()


def test_a_damaged_answer_fails_the_test_that_asked(client, damaged):
    with pytest.raises(AssertionError, match="checkout.session.status is 'done'"):
        client.v1.checkout.sessions.create(session_params())


def test_a_damaged_answer_is_remembered_beyond_a_servers_thread(
    sandbox, damaged, said_wrong, capfd
):
    form = "mode=payment&success_url=https://shop.test/&line_items[0][quantity]=1"
    price = "&line_items[0][price_data]"
    form += f"{price}[currency]=usd{price}[unit_amount]=900"
    form += f"{price}[product_data][name]=Cup"
    key = {"Authorization": "Bearer sk_test_sandbox_x"}

    with sandbox.serving() as address, pytest.raises(OSError, match="closed"):
        urlopen(Request(f"{address}/v1/checkout/sessions", form.encode(), key))

    assert said_wrong == ["checkout.session.status is 'done'"]


def test_a_damaged_event_fails_the_test_that_caused_it(
    client, sandbox, monkeypatch, said_wrong
):
    session = client.v1.checkout.sessions.create(session_params())
    monkeypatch.setattr(events, "new_id", lambda prefix: 7)

    with pytest.raises(AssertionError, match="event.id is 7"):
        sandbox.pay(session.id)

    said_wrong.clear()


# What may be asked


@pytest.mark.parametrize(("method", "pattern"), endpoints.TABLE)
def test_a_parameter_that_stripe_does_not_know_is_refused(method, pattern):
    asked = endpoints.TABLE[method, pattern].params_class

    with pytest.raises(ApiError, match="unknown parameter: colour"):
        params.check(asked, {"colour": "red"})


def test_the_names_that_may_be_asked_are_those_of_the_contract():
    for call, request in contract.requests().items():
        if call in endpoints.TABLE:
            known = params._hints(endpoints.TABLE[call].params_class).keys()
            names = request["properties"].keys()
            assert known - params.OPTIONS == names - params.OPTIONS, call
