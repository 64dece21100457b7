import pytest
import stripe

from .factories import session_params


@pytest.fixture
def charge(client, sandbox):
    sandbox.pay(client.v1.checkout.sessions.create(session_params()).id)
    return client.v1.charges.list().data[0]


def test_parts_and_then_the_rest_can_be_refunded(client, sandbox, charge):
    part = client.v1.refunds.create({"charge": charge.id, "amount": 1700})
    rest = client.v1.refunds.create({"payment_intent": charge.payment_intent})

    after = client.v1.charges.retrieve(charge.id)
    assert (part.amount, rest.amount, rest.status) == (1700, 4000, "succeeded")
    assert (after.amount_refunded, after.refunded) == (5700, True)
    happened = [event["type"] for event in sandbox.events()][-4:]
    assert happened == ["refund.created", "charge.refunded"] * 2
    assert sandbox.events("charge.refunded")[0]["data"]["previous_attributes"] == {
        "amount_refunded": 0
    }


@pytest.mark.parametrize(
    "params", [{"amount": 5701}, {"amount": 0}, {"amount": -5}, {"reason": "whim"}]
)
def test_a_wrong_refund_is_refused(client, sandbox, charge, params):
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"charge": charge.id, **params})

    assert sandbox.events("refund.created") == []


def test_what_was_refunded_cannot_be_refunded_again(client, charge):
    client.v1.refunds.create({"charge": charge.id})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"charge": charge.id})

    assert refusal.value.code == "charge_already_refunded"


def test_a_declined_charge_cannot_be_refunded(client, sandbox):
    session = client.v1.checkout.sessions.create(session_params())
    sandbox.pay(session.id, "4000000000000002")
    declined = client.v1.charges.list().data[0]

    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"charge": declined.id})
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        client.v1.refunds.create({"payment_intent": declined.payment_intent})


def test_a_refund_needs_to_know_what_to_refund(client):
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent or charge"):
        client.v1.refunds.create({"amount": 5})
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        client.v1.refunds.create({"payment_intent": "pi_none"})
