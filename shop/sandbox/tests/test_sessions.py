import time

import pytest
import stripe

from . import contract
from .factories import line, plain_params, session_params


def test_a_new_session_is_open_unpaid_and_has_no_payment_intent(client):
    session = client.v1.checkout.sessions.create(session_params())

    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert (session.amount_subtotal, session.amount_total) == (5200, 5700)
    assert session.total_details.amount_shipping == 500
    assert session.payment_intent is None
    assert session.livemode is False
    assert session.url.endswith(f"/pay/{session.id}")
    contract.check(session.to_dict())


def test_a_session_is_found_again_with_its_lines(client):
    made = client.v1.checkout.sessions.create(session_params())

    found = client.v1.checkout.sessions.retrieve(made.id, {"expand": ["line_items"]})
    lines = client.v1.checkout.sessions.line_items.list(made.id)

    assert [item.description for item in found.line_items.data] == ["Cup", "Napkin"]
    assert [item.amount_total for item in lines.data] == [4400, 800]
    contract.check(found.line_items.to_dict(for_json=True))


def test_the_default_lifetime_is_a_day(client):
    session = client.v1.checkout.sessions.create(session_params())

    assert session.expires_at == session.created + 24 * 3600


@pytest.mark.parametrize("minutes", [29, 24 * 60 + 2])
def test_a_session_lives_for_half_an_hour_to_a_day(client, minutes):
    params = session_params(expires_at=int(time.time()) + minutes * 60)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.checkout.sessions.create(params)

    assert refusal.value.param == "expires_at"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([line(1, 49)], "amount_too_small"),
        ([line(1, 29, currency="gbp")], "amount_too_small"),
        ([line(2, 60_000_000)], "amount_too_large"),
        ([line(1, 100_000_000)], "amount_too_large"),
        ([line(1, -1)], "parameter_invalid_integer"),
        ([line(0, 100)], "parameter_invalid_integer"),
    ],
)
def test_an_amount_outside_the_limits_is_refused(client, lines, code):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.checkout.sessions.create(plain_params(*lines))

    assert refusal.value.code == code


def test_a_session_has_one_currency(client):
    params = plain_params(line(), line(currency="eur"))

    with pytest.raises(stripe.InvalidRequestError, match="cannot combine currencies"):
        client.v1.checkout.sessions.create(params)


@pytest.mark.parametrize("count", [0, 101])
def test_a_session_has_one_to_a_hundred_lines(client, count):
    params = plain_params() | {"line_items": [line()] * count}

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.checkout.sessions.create(params)

    assert refusal.value.param == "line_items"


@pytest.mark.parametrize(
    "metadata",
    [{"k" * 41: "v"}, {"k": "v" * 501}, {f"k{n}": "v" for n in range(51)}],
)
def test_metadata_has_limits(client, metadata):
    with pytest.raises(stripe.InvalidRequestError, match=r"[Mm]etadata"):
        client.v1.checkout.sessions.create(session_params(metadata=metadata))


def test_payment_method_types_is_refused_as_removed(client):
    with pytest.raises(stripe.InvalidRequestError, match="removed") as refusal:
        client.v1.checkout.sessions.create(
            session_params(payment_method_types=["card"])
        )

    assert refusal.value.code == "parameter_unknown"


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "subscription"},
        {"automatic_tax": {"enabled": True}},
        {"payment_intent_data": {"capture_method": "manual"}},
        {"allowed_payment_method_types": ["klarna"]},
    ],
)
def test_what_stripe_can_and_the_sandbox_cannot_is_said_aloud(client, changes):
    with pytest.raises(stripe.InvalidRequestError, match="not modelled by the sandbox"):
        client.v1.checkout.sessions.create(session_params(**changes))


def test_an_open_session_can_be_expired_once(client, sandbox):
    session = client.v1.checkout.sessions.create(session_params())

    expired = client.v1.checkout.sessions.expire(session.id)

    assert (expired.status, expired.url) == ("expired", None)
    assert [event["type"] for event in sandbox.events()] == ["checkout.session.expired"]
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        client.v1.checkout.sessions.expire(session.id)


def test_a_paid_session_cannot_be_expired(client, sandbox):
    session = client.v1.checkout.sessions.create(session_params())
    sandbox.pay(session.id)

    with pytest.raises(stripe.InvalidRequestError, match="status of complete"):
        client.v1.checkout.sessions.expire(session.id)


def test_time_expires_a_session_without_being_asked(client, sandbox, time_machine):
    time_machine.move_to("2026-12-01T12:00Z", tick=False)
    session = client.v1.checkout.sessions.create(session_params())

    time_machine.move_to("2026-12-02T12:00Z", tick=False)

    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert len(sandbox.events("checkout.session.expired")) == 1
    assert sandbox.pay(session.id) is None


def test_sessions_are_listed_newest_first_and_by_payment_intent(client, sandbox):
    ids = [client.v1.checkout.sessions.create(session_params()).id for _ in range(3)]
    sandbox.pay(ids[0])
    paid = client.v1.checkout.sessions.retrieve(ids[0])

    first = client.v1.checkout.sessions.list({"limit": 2})
    rest = client.v1.checkout.sessions.list({"starting_after": first.data[-1].id})
    mine = client.v1.checkout.sessions.list({"payment_intent": paid.payment_intent})
    opened = client.v1.checkout.sessions.list({"status": "open"})

    assert [s.id for s in first.data] == [ids[2], ids[1]]
    assert (first.has_more, rest.has_more) == (True, False)
    assert [s.id for s in rest.data] == [ids[0]]
    assert [s.id for s in mine.data] == [ids[0]]
    assert {s.id for s in opened.data} == set(ids[1:])


def test_a_free_order_needs_no_card(client, sandbox):
    session = client.v1.checkout.sessions.create(plain_params(line(1, 0)))

    where = sandbox.pay(session.id, number="")

    free = client.v1.checkout.sessions.retrieve(session.id)
    assert where == "https://shop.test/thanks"
    assert free.payment_status == "no_payment_required"
    assert free.payment_intent is None
    assert [e["type"] for e in sandbox.events()] == ["checkout.session.completed"]


def test_an_unknown_session_is_a_404(client):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.checkout.sessions.retrieve("cs_test_none")

    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")
