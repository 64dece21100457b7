"""The rules that types cannot tell, met by the package as it is, on a socket."""

import threading
import time

import pytest
import stripe

from shop.sandbox.stripe import idempotency

from .factories import line, plain_params, session_params

KEY = {"idempotency_key": "refund-row-7"}


@pytest.fixture
def http(sandbox):
    """`StripeClient` with nothing changed but the address."""
    with sandbox.serving() as address:
        yield stripe.StripeClient("sk_test_sandbox_x", base_addresses={"api": address})


def create(http, params=None, options=None):
    return http.v1.checkout.sessions.create(params or session_params(), options or {})


def paid(http, sandbox, number="4242424242424242"):
    sandbox.pay(create(http).id, number)
    return http.v1.charges.list().data[0]


@pytest.mark.parametrize("minutes", [29, 24 * 60 + 1])
def test_the_expiry_window(http, minutes):
    params = session_params(expires_at=int(time.time()) + minutes * 60)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        create(http, params)

    assert refusal.value.param == "expires_at"


@pytest.mark.parametrize(
    ("currency", "least"),
    [("usd", 50), ("eur", 50), ("gbp", 30), ("jpy", 50), ("sek", 300), ("huf", 17500)],
)
def test_the_least_amount_of_each_currency(http, currency, least):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        create(http, plain_params(line(1, least - 1, currency=currency)))

    assert refusal.value.code == "amount_too_small"
    enough = plain_params(line(1, least, currency=currency))
    assert create(http, enough).amount_total == least


def test_one_discount(http):
    with pytest.raises(stripe.InvalidRequestError, match="at most one discount"):
        create(http, plain_params(discounts=[{"coupon": "a"}, {"coupon": "b"}]))


def test_refunds_up_to_what_was_paid(http, sandbox):
    charge = paid(http, sandbox)
    http.v1.refunds.create({"charge": charge.id, "amount": 5000})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        http.v1.refunds.create({"charge": charge.id, "amount": 701})

    assert refusal.value.param == "amount"
    assert http.v1.refunds.create({"charge": charge.id}).amount == 700


def test_no_refund_of_what_is_disputed(http, sandbox):
    charge = paid(http, sandbox, "4000000000000259")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        http.v1.refunds.create({"charge": charge.id})

    assert refusal.value.code == "charge_disputed"


def test_a_refund_asked_for_twice_is_one_refund(http, sandbox):
    charge = paid(http, sandbox)
    params = {"charge": charge.id, "amount": 700}

    first = http.v1.refunds.create(params, KEY)
    second = http.v1.refunds.create(params, KEY)

    assert first.id == second.id
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert http.v1.charges.retrieve(charge.id).amount_refunded == 700


def test_a_refusal_is_replayed_even_when_it_would_be_granted_now(http, sandbox):
    charge = paid(http, sandbox)
    first = http.v1.refunds.create({"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError):
        http.v1.refunds.create({"charge": charge.id}, KEY)
    sandbox.refunds.fail(first.id)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        http.v1.refunds.create({"charge": charge.id}, KEY)

    assert refusal.value.code == "charge_already_refunded"
    assert refusal.value.headers["Idempotent-Replayed"] == "true"


def test_the_same_key_for_another_request(http, sandbox):
    charge = paid(http, sandbox)
    http.v1.refunds.create({"charge": charge.id, "amount": 700}, KEY)

    with pytest.raises(stripe.IdempotencyError):
        http.v1.refunds.create({"charge": charge.id, "amount": 800}, KEY)


def test_a_key_in_use(http, sandbox):
    params = {"charge": "ch_1"}
    mark = idempotency.fingerprint("POST", "/v1/refunds", params)
    idempotency.begin(sandbox.config, KEY["idempotency_key"], mark)

    with pytest.raises(stripe.StripeError) as refusal:
        http.v1.refunds.create(params, KEY)

    assert refusal.value.http_status == 409


def test_many_refunds_at_once_never_give_back_more_than_was_paid(http, sandbox):
    charge = paid(http, sandbox)
    outcomes = []

    def refund():
        try:
            http.v1.refunds.create({"charge": charge.id, "amount": 2000})
            outcomes.append("refunded")
        except stripe.InvalidRequestError:
            outcomes.append("refused")

    threads = [threading.Thread(target=refund) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["refunded"] * 2 + ["refused"] * 4
    assert http.v1.charges.retrieve(charge.id).amount_refunded == 4000
