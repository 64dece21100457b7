import pytest
import stripe

from shop.sandbox.stripe.errors import ApiError

from . import contract
from .factories import line, plain_params

METHODS = ["card", "us_bank_account"]
DAYS = 24 * 60 * 60


@pytest.fixture
def session(client):
    params = plain_params(allowed_payment_method_types=METHODS)
    return client.v1.checkout.sessions.create(params)


def told(sandbox):
    return [event["type"] for event in sandbox.events()]


def test_a_debit_completes_the_session_before_the_money_is_there(
    client, sandbox, session
):
    where = sandbox.pay_by_debit(session.id)

    waiting = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent"]}
    )
    assert where == "https://shop.test/thanks"
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert waiting.payment_intent.status == "processing"
    assert told(sandbox) == [
        "payment_intent.created",
        "payment_intent.processing",
        "checkout.session.completed",
    ]


def test_the_money_of_a_debit_arrives_four_days_later(client, sandbox, session):
    sandbox.pay_by_debit(session.id)

    sandbox.clock.advance(4 * DAYS)

    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert told(sandbox)[3:] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.async_payment_succeeded",
    ]


def test_the_money_of_a_debit_may_never_come(client, sandbox, session):
    sandbox.pay_by_debit(session.id, fails=True)

    sandbox.clock.advance(4 * DAYS)

    failed = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent"]}
    )
    assert (failed.status, failed.payment_status) == ("complete", "unpaid")
    assert failed.payment_intent.status == "requires_payment_method"
    assert told(sandbox)[3:] == [
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]


def test_a_debit_can_be_hurried_and_ends_once(client, sandbox, session):
    sandbox.pay_by_debit(session.id)

    sandbox.debits.fail(session.id)

    with pytest.raises(ApiError):
        sandbox.debits.arrive(session.id)
    sandbox.clock.advance(9 * DAYS)
    assert told(sandbox).count("checkout.session.async_payment_failed") == 1


def test_a_refund_of_a_debit_is_slow(client, sandbox, session):
    sandbox.pay_by_debit(session.id)
    sandbox.debits.arrive(session.id)
    charge = client.v1.charges.list().data[0]

    refund = client.v1.refunds.create({"charge": charge.id})
    sandbox.clock.advance(5 * DAYS)

    assert refund.status == "pending"
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_the_page_offers_a_debit_only_where_the_session_allows_it(
    client, sandbox, session
):
    plain = client.v1.checkout.sessions.create(plain_params())
    only = client.v1.checkout.sessions.create(
        plain_params(allowed_payment_method_types=["us_bank_account"])
    )

    def page(session):
        return sandbox.get(f"/pay/{session.id}").body.decode()

    assert "Bank debit (delayed)" in page(session)
    assert "Bank debit" not in page(plain)
    assert "Card number" not in page(only)
    assert sandbox.pay_by_debit(plain.id) is None


def test_a_debit_has_its_own_currency(client):
    params = plain_params(
        line(currency="eur"), allowed_payment_method_types=["card", "us_bank_account"]
    )

    with pytest.raises(stripe.InvalidRequestError, match="usd only"):
        client.v1.checkout.sessions.create(params)


@pytest.mark.parametrize(
    ("method", "currency"), [("us_bank_account", "usd"), ("sepa_debit", "eur")]
)
def test_every_object_of_a_debit_is_a_complete_stripe_object(
    client, sandbox, method, currency
):
    for fails in (True, False):
        params = plain_params(
            line(currency=currency), allowed_payment_method_types=["card", method]
        )
        session = client.v1.checkout.sessions.create(params)
        sandbox.pay_by_debit(session.id, fails=fails)
        contract.check(client.v1.payment_intents.list().to_dict(for_json=True))
    sandbox.clock.advance(4 * DAYS)
    client.v1.refunds.create({"charge": client.v1.charges.list().data[0].id})

    for event in sandbox.events():
        contract.check(event)
    contract.check(client.v1.balance_transactions.list().to_dict(for_json=True))
