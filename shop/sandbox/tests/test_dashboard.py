"""The dashboard's buttons: each does what its lever does."""

import pytest

from shop.sandbox.stripe import faults, store

from .factories import plain_params, session_params


def shown(sandbox):
    return sandbox.get("/").body.decode()


def paid(client, sandbox, number="4242424242424242"):
    sandbox.pay(client.v1.checkout.sessions.create(session_params()).id, number)
    return client.v1.charges.list().data[0]


def press(sandbox, verb, object_id):
    return sandbox.post(f"/acts/{object_id}", {"verb": verb})


def test_a_refund_can_be_made_in_the_dashboard(client, sandbox):
    charge = paid(client, sandbox)

    reply = press(sandbox, "refund", charge.id)

    (refund,) = client.v1.refunds.list().data
    assert (reply.status, refund.amount) == (303, 5700)
    assert refund.metadata.to_dict() == {}
    assert "Payment, $57.00 refunded" in shown(sandbox)


@pytest.mark.parametrize(
    ("number", "verb", "status"),
    [
        ("4000000000007726", "succeed", "succeeded"),
        ("4000000000007726", "call off", "canceled"),
        ("4000000000005126", "fail", "failed"),
    ],
)
def test_a_refund_ends_as_the_button_says(client, sandbox, number, verb, status):
    charge = paid(client, sandbox, number)
    refund = client.v1.refunds.create({"charge": charge.id})
    assert f'value="{verb}"' in shown(sandbox)

    press(sandbox, verb, refund.id)

    assert client.v1.refunds.retrieve(refund.id).status == status


@pytest.mark.parametrize(
    ("number", "verb", "status"),
    [
        ("4000000000000259", "win", "won"),
        ("4000000000000259", "lose", "lost"),
        ("4000000000001976", "escalate", "needs_response"),
        ("4000000000001976", "lose", "warning_closed"),
    ],
)
def test_a_dispute_ends_as_the_button_says(client, sandbox, number, verb, status):
    paid(client, sandbox, number)
    (dispute,) = client.v1.disputes.list().data
    assert f'value="{verb}"' in shown(sandbox)

    press(sandbox, verb, dispute.id)

    assert client.v1.disputes.retrieve(dispute.id).status == status


@pytest.mark.parametrize("verb", ["dispute", "inquire", "warn"])
def test_any_payment_can_be_disputed_or_reported(client, sandbox, verb):
    charge = paid(client, sandbox)

    press(sandbox, verb, charge.id)

    trouble = client.v1.disputes.list().data
    trouble += client.v1.radar.early_fraud_warnings.list().data
    assert [found.charge for found in trouble] == [charge.id]


@pytest.mark.parametrize(
    ("verb", "event"), [("arrive", "succeeded"), ("bounce", "failed")]
)
def test_a_debit_ends_as_the_button_says(client, sandbox, verb, event):
    session = client.v1.checkout.sessions.create(
        plain_params(allowed_payment_method_types=["us_bank_account"])
    )
    sandbox.pay_by_debit(session.id)
    intent = client.v1.payment_intents.list().data[0]
    assert "Bank debit" in shown(sandbox)

    press(sandbox, verb, intent.id)

    assert len(sandbox.events(f"checkout.session.async_payment_{event}")) == 1


def test_a_button_of_an_old_page_is_refused(client, sandbox):
    charge = paid(client, sandbox)
    press(sandbox, "refund", charge.id)

    assert press(sandbox, "refund", charge.id).status == 409
    assert press(sandbox, "explode", charge.id).status == 409
    assert press(sandbox, "win", "du_none").status == 409


def test_the_clock_can_be_advanced(client, sandbox):
    session = client.v1.checkout.sessions.create(session_params())

    sandbox.post("/clock", {"seconds": "86400"})

    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert "24 hours ahead" in shown(sandbox)


@pytest.mark.parametrize("seconds", ["", "-5", "soon", "9" * 30])
def test_nonsense_does_not_move_the_clock(sandbox, seconds):
    assert sandbox.post("/clock", {"seconds": seconds}).status == 303
    assert "on time" in shown(sandbox)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("500", "The next 2 will end in: 500."),
        ("stored", "The next 2 will end in: 500."),
        ("429", "The next 2 will end in: 429."),
        ("timeout", "The next 2 will end in: timeout."),
        ("drop", "The next 2 answers to a change will be lost."),
    ],
)
def test_faults_of_calls_are_set_shown_and_cleared(sandbox, status, words):
    sandbox.post("/faults", {"status": status, "times": "2"})
    assert words in shown(sandbox)

    sandbox.post("/faults", {"clear": "1"})
    assert "Calls are answered." in shown(sandbox)


def test_switches_of_deliveries_are_set_together(sandbox):
    sandbox.post("/switches", {faults.TWICE: "on", faults.STALE: "on"})
    sandbox.post("/switches", {faults.TWICE: "on"})

    with store.transaction(sandbox.config) as tx:
        assert faults.delivery(tx) == {faults.TWICE}
    assert shown(sandbox).count(" checked>") == 1
