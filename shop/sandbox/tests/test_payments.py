from pathlib import Path

import pytest
import stripe

from . import contract
from .factories import session_params

ACCEPTED = [
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
]
DECLINED = ["charge.failed", "payment_intent.payment_failed"]


def types(sandbox):
    return [event["type"] for event in sandbox.events()]


def open_session(client, **changes):
    return client.v1.checkout.sessions.create(session_params(**changes))


@pytest.mark.parametrize(
    "number", ["4242424242424242", "5555555555554444", "378282246310005"]
)
def test_a_good_card_pays_and_leads_back_to_the_shop(client, sandbox, number):
    session = open_session(client)

    where = sandbox.pay(session.id, number)

    paid = client.v1.checkout.sessions.retrieve(session.id)
    assert where == f"https://shop.test/thanks?session={session.id}"
    assert (paid.status, paid.payment_status) == ("complete", "paid")
    assert types(sandbox) == ["payment_intent.created", *ACCEPTED]


@pytest.mark.parametrize(
    ("number", "message", "code"),
    [
        ("4000000000000002", "Your card was declined.", "generic_decline"),
        ("4000000000009995", "Your card has insufficient funds.", "insufficient_funds"),
        ("4000000000009987", "Your card was declined.", "lost_card"),
        ("4000000000000069", "Your card has expired.", None),
        ("4000000000000127", "security code is incorrect.", None),
    ],
)
def test_a_refused_card_leaves_the_session_open(client, sandbox, number, message, code):
    session = open_session(client)

    assert sandbox.pay(session.id, number) is None

    intent = client.v1.payment_intents.list().data[0]
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert types(sandbox) == ["payment_intent.created", *DECLINED]
    assert intent.status == "requires_payment_method"
    assert message in intent.last_payment_error.message
    assert getattr(intent.last_payment_error, "decline_code", None) == code


def test_a_second_try_uses_the_same_payment_intent(client, sandbox):
    session = open_session(client)

    sandbox.pay(session.id, "4000000000000002")
    sandbox.pay(session.id)

    assert types(sandbox) == ["payment_intent.created", *DECLINED, *ACCEPTED]
    assert len(client.v1.payment_intents.list().data) == 1
    assert [charge.status for charge in client.v1.charges.list().data] == [
        "succeeded",
        "failed",
    ]


def test_3d_secure_completed_pays(client, sandbox):
    session = open_session(client)

    where = sandbox.pay(session.id, "4000002500003155")

    charge = client.v1.charges.list().data[0]
    assert where.startswith("https://shop.test/thanks")
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"
    assert types(sandbox) == [
        "payment_intent.created",
        "payment_intent.requires_action",
        *ACCEPTED,
    ]


def test_3d_secure_failed_asks_for_another_card(client, sandbox):
    session = open_session(client)

    assert sandbox.pay(session.id, "4000002500003155", outcome="fail") is None

    page = sandbox.get(f"/pay/{session.id}?failed=1")
    assert b"unable to authenticate your payment method" in page.body
    assert types(sandbox)[-1] == "payment_intent.payment_failed"
    assert client.v1.charges.list().data == []
    assert sandbox.pay(session.id) is not None


def test_3d_secure_completed_may_still_be_declined(client, sandbox):
    session = open_session(client)

    assert sandbox.pay(session.id, "4000008260003178") is None

    assert types(sandbox)[-2:] == DECLINED


def test_a_session_left_during_3d_secure_can_be_paid_with_another_card(client, sandbox):
    session = open_session(client)
    form = {
        "number": "4000002500003155",
        "expiry": "12/34",
        "cvc": "123",
        "name": "Ada",
    }
    sandbox.post(f"/pay/{session.id}", form)

    assert sandbox.pay(session.id) is not None
    assert types(sandbox)[-3:] == ACCEPTED


def test_paying_twice_charges_once(client, sandbox):
    session = open_session(client)

    first, second = sandbox.pay(session.id), sandbox.pay(session.id)

    assert first == second
    assert len(client.v1.charges.list().data) == 1


def test_metadata_of_the_intent_reaches_the_charge(client, sandbox):
    session = open_session(client, payment_intent_data={"metadata": {"order": "9"}})
    sandbox.pay(session.id)

    found = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge"]}
    )

    assert found.metadata["order"] == "7"
    assert found.payment_intent.metadata["order"] == "9"
    assert found.payment_intent.latest_charge.metadata["order"] == "9"


def test_the_same_card_has_the_same_fingerprint(client, sandbox):
    for number in ("4242424242424242", "4242424242424242", "5555555555554444"):
        sandbox.pay(open_session(client).id, number)

    marks = [
        c.payment_method_details.card.fingerprint for c in client.v1.charges.list().data
    ]

    assert marks[1] == marks[2] != marks[0]


def test_no_card_number_is_kept_anywhere(client, sandbox):
    for number in ("4242424242424242", "4000002500003155", "4000000000000002"):
        sandbox.pay(open_session(client).id, number)
    session = open_session(client)
    form = {
        "number": "4000002500003155",
        "expiry": "12/34",
        "cvc": "987",
        "name": "Ada",
    }
    sandbox.post(f"/pay/{session.id}", form)

    folder = Path(sandbox.config.path).parent
    kept = b"".join(path.read_bytes() for path in folder.iterdir())

    assert b"4242424242424242" not in kept
    assert b"4000002500003155" not in kept
    assert b"4000000000000002" not in kept


def test_a_real_looking_card_is_refused_and_not_shown_again(client, sandbox):
    session = open_session(client)

    reply = sandbox.post(
        f"/pay/{session.id}",
        {"number": "4111111111111111", "expiry": "12/34", "cvc": "123", "name": "Ada"},
    )

    assert reply.status == 422
    assert b"The sandbox does not know this card" in reply.body
    assert b"4111111111111111" not in reply.body
    assert sandbox.events() == []


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("number", "4242 4242 4242 4241", "Your card number is invalid."),
        ("number", "", "Enter a card number"),
        ("expiry", "13 / 30", "Enter month and year"),
        ("expiry", "01 / 20", "expiration date is in the past"),
        ("cvc", "12", "3 digits of the security code"),
        ("name", " ", "Enter the name on the card."),
    ],
)
def test_a_slip_in_the_form_is_shown_beside_its_field(
    client, sandbox, field, value, message
):
    session = open_session(client)
    form = {
        "number": "4242424242424242",
        "expiry": "12/34",
        "cvc": "123",
        "name": "Ada",
    }

    reply = sandbox.post(f"/pay/{session.id}", form | {field: value})

    page = reply.body.decode().replace("&#x27;", "'")
    assert reply.status == 422
    assert f'aria-describedby="{field}-error"' in page
    assert page.count(message) == 2
    assert sandbox.events() == []


def test_every_object_and_event_is_a_complete_stripe_object(client, sandbox):
    paid = open_session(client)
    for number in ("4000000000000002", "4100000000000019", "4242424242424242"):
        sandbox.pay(paid.id, number)
    challenged = open_session(client)
    sandbox.pay(challenged.id, "4000002500003155", outcome="fail")
    sandbox.pay(challenged.id, "4000002500003155")
    sandbox.expire(open_session(client).id)
    intent = client.v1.checkout.sessions.retrieve(paid.id).payment_intent
    client.v1.refunds.create({"payment_intent": intent, "amount": 100})
    client.v1.refunds.create({"payment_intent": intent})

    happened = sandbox.events()
    lists = [
        client.v1.checkout.sessions.list(),
        client.v1.payment_intents.list(),
        client.v1.charges.list(),
        client.v1.refunds.list(),
    ]

    assert len({event["type"] for event in happened}) == 10
    for event in happened:
        assert event["livemode"] is False
        contract.check(event)
    for listed in lists:
        contract.check(listed.to_dict(for_json=True))


def test_a_payment_intent_and_a_charge_are_found_by_id(client, sandbox):
    sandbox.pay(open_session(client).id)
    charge = client.v1.charges.list().data[0]

    intent = client.v1.payment_intents.retrieve(charge.payment_intent)

    assert intent.latest_charge == charge.id
    assert client.v1.charges.retrieve(charge.id).amount == 5700
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.charges.retrieve("ch_none")
