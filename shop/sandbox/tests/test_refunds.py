import pytest
import stripe

from . import contract
from .factories import line, plain_params, session_params

SLOW, FAILING = "4000000000007726", "4000000000005126"
DAYS = 24 * 60 * 60


@pytest.fixture
def charge(client, sandbox):
    return paid(client, sandbox)


def paid(client, sandbox, number="4242424242424242"):
    sandbox.pay(client.v1.checkout.sessions.create(session_params()).id, number)
    return client.v1.charges.list().data[0]


def told(sandbox, since):
    return [event["type"] for event in sandbox.events()[since:]]


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


@pytest.mark.parametrize(
    ("currency", "whole", "part", "odd"),
    [("kwd", 12_340, 2_340, 2_345), ("isk", 120_000, 20_000, 20_050)],
)
def test_money_goes_back_in_the_steps_that_a_card_is_charged_in(
    client, sandbox, currency, whole, part, odd
):
    lines = [line(1, whole, currency=currency)]
    session = client.v1.checkout.sessions.create(plain_params(*lines))
    sandbox.pay(session.id)
    charge = client.v1.charges.list().data[0]

    with pytest.raises(stripe.InvalidRequestError, match="must be a multiple"):
        client.v1.refunds.create({"charge": charge.id, "amount": odd})

    refund = client.v1.refunds.create({"charge": charge.id, "amount": part})
    assert (refund.amount, refund.currency) == (part, currency)


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("kwd", 12_345, None),
        ("isk", 120_050, None),
        ("ugx", 2_000_001, None),
        ("jpy", 49, "amount_too_small"),
        ("jpy", 100_000_000, "amount_too_large"),
    ],
)
def test_an_amount_that_no_card_is_charged_opens_no_session(
    client, currency, amount, code
):
    lines = [line(1, amount, currency=currency)]

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.checkout.sessions.create(plain_params(*lines))

    assert refusal.value.code == code


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


def test_a_slow_refund_is_pending_and_arrives_days_later(client, sandbox):
    charge = paid(client, sandbox, SLOW)
    refund = client.v1.refunds.create({"charge": charge.id})
    before = len(sandbox.events())

    sandbox.clock.advance(4 * DAYS)
    waiting = client.v1.refunds.retrieve(refund.id)
    sandbox.clock.advance(DAYS)

    arrived = client.v1.refunds.retrieve(refund.id)
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    assert waiting.status == "pending"
    assert arrived.status == "succeeded"
    assert told(sandbox, before) == ["refund.updated"]
    assert client.v1.charges.retrieve(charge.id).refunded


def test_a_refund_may_fail_days_after_it_succeeded(client, sandbox):
    charge = paid(client, sandbox, FAILING)
    refund = client.v1.refunds.create({"charge": charge.id, "amount": 1700})
    before = len(sandbox.events())

    sandbox.clock.advance(5 * DAYS)

    failed = client.v1.refunds.retrieve(
        refund.id, {"expand": ["failure_balance_transaction"]}
    )
    after = client.v1.charges.retrieve(charge.id)
    assert refund.status == "succeeded"
    assert (failed.status, failed.failure_reason) == (
        "failed",
        "expired_or_canceled_card",
    )
    assert failed.failure_balance_transaction.amount == 1700
    assert (after.amount_refunded, after.refunded) == (0, False)
    assert told(sandbox, before) == ["refund.updated", "refund.failed"]


def test_what_failed_can_be_refunded_again(client, sandbox, charge):
    first = client.v1.refunds.create({"charge": charge.id})

    sandbox.refunds.fail(first.id, "lost_or_stolen_card")
    second = client.v1.refunds.create({"charge": charge.id})

    assert second.amount == 5700
    assert client.v1.refunds.retrieve(first.id).status == "failed"


def test_a_pending_refund_counts_towards_the_ceiling(client, sandbox):
    charge = paid(client, sandbox, SLOW)
    client.v1.refunds.create({"charge": charge.id, "amount": 5000})

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        client.v1.refunds.create({"charge": charge.id, "amount": 701})


def test_only_a_refund_that_waits_for_the_customer_is_cancelled_by_the_api(
    client, sandbox
):
    charge = paid(client, sandbox, SLOW)
    refund = client.v1.refunds.create({"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError, match="status is pending"):
        client.v1.refunds.cancel(refund.id)

    sandbox.refunds.ask(refund.id)
    cancelled = client.v1.refunds.cancel(refund.id)

    sandbox.clock.advance(9 * DAYS)
    assert cancelled.status == "canceled"
    assert client.v1.refunds.retrieve(refund.id).status == "canceled"
    assert client.v1.charges.retrieve(charge.id).amount_refunded == 0


def test_the_dashboard_can_call_off_a_refund_that_has_not_arrived(client, sandbox):
    refund = client.v1.refunds.create({"charge": paid(client, sandbox, SLOW).id})

    sandbox.refunds.call_off(refund.id)

    assert client.v1.refunds.retrieve(refund.id).status == "canceled"
    assert sandbox.events()[-1]["data"]["previous_attributes"] == {"status": "pending"}


def test_metadata_of_a_refund_is_merged_and_cleared(client, sandbox, charge):
    refund = client.v1.refunds.create(
        {"charge": charge.id, "metadata": {"row": "1", "by": "ada"}}
    )
    before = len(sandbox.events())

    merged = client.v1.refunds.update(refund.id, {"metadata": {"row": "2", "by": ""}})
    cleared = client.v1.refunds.update(refund.id, {"metadata": ""})

    assert merged.metadata.to_dict() == {"row": "2"}
    assert cleared.metadata.to_dict() == {}
    assert told(sandbox, before) == ["refund.updated"] * 2


def test_refunds_are_listed_by_charge_and_by_intent(client, sandbox):
    first, second = paid(client, sandbox), paid(client, sandbox)
    for charge in (first, second):
        client.v1.refunds.create({"charge": charge.id, "reason": "duplicate"})

    by_charge = client.v1.refunds.list({"charge": first.id})
    by_intent = client.v1.refunds.list({"payment_intent": second.payment_intent})

    assert [refund.charge for refund in by_charge.data] == [first.id]
    assert [refund.charge for refund in by_intent.data] == [second.id]


def test_every_movement_of_money_is_a_balance_transaction(client, sandbox):
    charge = paid(client, sandbox, FAILING)
    refund = client.v1.refunds.create({"charge": charge.id, "amount": 700})
    sandbox.refunds.fail(refund.id)

    moved = client.v1.balance_transactions.list()
    of_charge = client.v1.balance_transactions.list({"source": charge.id})

    assert [(m.type, m.amount) for m in moved.data] == [
        ("refund_failure", 700),
        ("refund", -700),
        ("charge", 5700),
    ]
    assert (of_charge.data[0].fee, of_charge.data[0].net) == (196, 5504)


def test_every_refund_and_its_events_are_complete_stripe_objects(client, sandbox):
    for number in (SLOW, FAILING):
        client.v1.refunds.create({"charge": paid(client, sandbox, number).id})
    waiting = client.v1.refunds.create({"charge": paid(client, sandbox, SLOW).id})
    contract.check(client.v1.refunds.list().to_dict(for_json=True))
    sandbox.refunds.ask(waiting.id)
    client.v1.refunds.cancel(waiting.id)
    sandbox.clock.advance(5 * DAYS)

    contract.check(client.v1.refunds.list().to_dict(for_json=True))
    contract.check(client.v1.balance_transactions.list().to_dict(for_json=True))
    for event in sandbox.events():
        contract.check(event)
