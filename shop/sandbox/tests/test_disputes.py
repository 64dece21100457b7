import pytest
import stripe

from . import contract
from .factories import session_params

FRAUD, NOT_RECEIVED, INQUIRY = (
    "4000000000000259",
    "4000000000002685",
    "4000000000001976",
)
WARNING = "4000000000005423"
DAYS = 24 * 60 * 60


def disputed(client, sandbox, number=FRAUD):
    """A paid and disputed charge; answers its dispute."""
    sandbox.pay(client.v1.checkout.sessions.create(session_params()).id, number)
    return client.v1.disputes.list().data[0]


def told(sandbox, since=0):
    return [event["type"] for event in sandbox.events()[since:]]


@pytest.mark.parametrize(
    ("number", "reason"),
    [(FRAUD, "fraudulent"), (NOT_RECEIVED, "product_not_received")],
)
def test_the_money_of_a_disputed_payment_leaves_at_once(
    client, sandbox, number, reason
):
    dispute = disputed(client, sandbox, number)

    assert (dispute.status, dispute.reason) == ("needs_response", reason)
    assert told(sandbox)[-3:] == [
        "checkout.session.completed",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
    ]
    (taken,) = dispute.balance_transactions
    assert (taken.amount, taken.fee, taken.net) == (-5700, 1500, -7200)
    assert client.v1.charges.retrieve(dispute.charge).disputed


def test_a_disputed_charge_cannot_be_refunded(client, sandbox):
    dispute = disputed(client, sandbox)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": dispute.payment_intent})

    assert refusal.value.code == "charge_disputed"
    assert sandbox.events("refund.created") == []


def test_a_won_dispute_brings_the_money_and_the_fee_back(client, sandbox):
    dispute = disputed(client, sandbox)
    before = len(sandbox.events())

    sandbox.disputes.win(dispute.id)

    won = client.v1.disputes.retrieve(dispute.id)
    assert won.status == "won"
    assert sum(moved.net for moved in won.balance_transactions) == 0
    assert told(sandbox, before) == [
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]
    assert client.v1.refunds.create({"charge": dispute.charge}).status == "succeeded"


def test_a_lost_dispute_moves_nothing_more(client, sandbox):
    dispute = disputed(client, sandbox)
    before = len(sandbox.events())

    sandbox.disputes.lose(dispute.id)

    assert client.v1.disputes.retrieve(dispute.id).status == "lost"
    assert told(sandbox, before) == ["charge.dispute.closed"]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"charge": dispute.charge})


@pytest.mark.parametrize(
    ("text", "outcome"), [("winning_evidence", "won"), ("losing_evidence", "lost")]
)
def test_evidence_is_judged_after_some_days(client, sandbox, text, outcome):
    dispute = disputed(client, sandbox)

    answered = client.v1.disputes.update(
        dispute.id, {"evidence": {"uncategorized_text": text}}
    )
    sandbox.clock.advance(5 * DAYS)

    assert answered.status == "under_review"
    assert answered.evidence_details.submission_count == 1
    assert client.v1.disputes.retrieve(dispute.id).status == outcome


def test_evidence_can_be_kept_and_handed_in_later(client, sandbox):
    dispute = disputed(client, sandbox)

    kept = client.v1.disputes.update(
        dispute.id, {"evidence": {"customer_name": "Ada"}, "submit": False}
    )
    handed_in = client.v1.disputes.update(dispute.id, {"submit": True})

    assert (kept.status, kept.evidence_details.has_evidence) == ("needs_response", True)
    assert handed_in.status == "under_review"
    assert handed_in.evidence.customer_name == "Ada"
    with pytest.raises(stripe.InvalidRequestError, match="under_review"):
        client.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "Bob"}})


def test_silence_loses(client, sandbox):
    dispute = disputed(client, sandbox)

    sandbox.clock.advance(9 * DAYS)

    assert client.v1.disputes.retrieve(dispute.id).status == "lost"


def test_the_shop_can_give_in_once(client, sandbox):
    dispute = disputed(client, sandbox)

    assert client.v1.disputes.close(dispute.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="lost"):
        client.v1.disputes.close(dispute.id)


def test_an_inquiry_moves_no_money_and_lets_the_shop_refund(client, sandbox):
    inquiry = disputed(client, sandbox, INQUIRY)

    assert inquiry.status == "warning_needs_response"
    assert inquiry.balance_transactions == []
    assert told(sandbox)[-1] == "charge.dispute.created"
    client.v1.refunds.create({"charge": inquiry.charge})
    assert client.v1.disputes.retrieve(inquiry.id).status == "warning_closed"


def test_an_answered_inquiry_is_under_review_and_then_closed(client, sandbox):
    inquiry = disputed(client, sandbox, INQUIRY)

    answered = client.v1.disputes.update(
        inquiry.id, {"evidence": {"product_description": "A cup."}}
    )
    sandbox.clock.advance(5 * DAYS)

    assert answered.status == "warning_under_review"
    assert client.v1.disputes.retrieve(inquiry.id).status == "warning_closed"


def test_an_inquiry_may_become_a_chargeback(client, sandbox):
    inquiry = disputed(client, sandbox, INQUIRY)

    sandbox.disputes.escalate(inquiry.id)

    dispute = client.v1.disputes.retrieve(inquiry.id)
    assert dispute.status == "needs_response"
    assert told(sandbox)[-1] == "charge.dispute.funds_withdrawn"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"charge": dispute.charge})


def test_any_payment_can_be_disputed_unless_it_was_refunded(client, sandbox):
    sandbox.pay(client.v1.checkout.sessions.create(session_params()).id)
    charge = client.v1.charges.list().data[0]
    client.v1.refunds.create({"charge": charge.id, "amount": 700})

    dispute = sandbox.disputes.open(charge.id, "duplicate")

    assert (dispute["amount"], dispute["reason"]) == (5000, "duplicate")
    with pytest.raises(Exception, match="cannot be disputed"):
        sandbox.disputes.open(charge.id)


def test_an_early_fraud_warning_follows_its_card(client, sandbox):
    sandbox.pay(client.v1.checkout.sessions.create(session_params()).id, WARNING)

    (warning,) = client.v1.radar.early_fraud_warnings.list().data

    assert warning.actionable
    assert told(sandbox)[-1] == "radar.early_fraud_warning.created"
    assert client.v1.disputes.list().data == []


def test_metadata_of_a_dispute_can_be_changed_without_answering(client, sandbox):
    dispute = disputed(client, sandbox)

    noted = client.v1.disputes.update(dispute.id, {"metadata": {"case": "9"}})

    assert noted.metadata["case"] == "9"
    assert noted.status == "needs_response"


def test_every_dispute_and_its_events_are_complete_stripe_objects(client, sandbox):
    evidence = {"evidence": {"uncategorized_text": "winning_evidence"}}
    client.v1.disputes.update(disputed(client, sandbox).id, evidence)
    disputed(client, sandbox, NOT_RECEIVED)
    sandbox.disputes.escalate(disputed(client, sandbox, INQUIRY).id)
    disputed(client, sandbox, INQUIRY)
    sandbox.pay(client.v1.checkout.sessions.create(session_params()).id, WARNING)
    contract.check(client.v1.disputes.list().to_dict(for_json=True))
    sandbox.clock.advance(9 * DAYS)

    contract.check(client.v1.disputes.list().to_dict(for_json=True))
    contract.check(client.v1.balance_transactions.list().to_dict(for_json=True))
    contract.check(client.v1.radar.early_fraud_warnings.list().to_dict(for_json=True))
    for event in sandbox.events():
        contract.check(event)
