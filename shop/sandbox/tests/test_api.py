import json

import pytest
import stripe

from shop.sandbox.stripe import core, endpoints

from .factories import session_params


def call(sandbox, method="GET", path="/v1/checkout/sessions", **headers):
    return core.handle(sandbox.config, method, path, headers)


@pytest.mark.parametrize("key", ["sk_test_other", "sk_live_other", "rk_live_other"])
def test_only_keys_of_the_sandbox_are_accepted(sandbox, key):
    with pytest.raises(stripe.AuthenticationError, match="sk_test_sandbox_"):
        sandbox.client(key).v1.checkout.sessions.list()


def test_a_call_without_a_key_is_refused(sandbox):
    reply = call(sandbox)

    assert reply.status == 401
    assert json.loads(reply.body)["error"]["type"] == "invalid_request_error"


def test_another_api_version_is_refused(sandbox):
    client = stripe.StripeClient(
        "sk_test_sandbox_x",
        http_client=sandbox.client_http(),
        base_addresses={"api": sandbox.config.public_base},
        stripe_version="2024-06-20",
    )

    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version"):
        client.v1.checkout.sessions.list()


def test_an_error_names_its_request(client):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.checkout.sessions.retrieve("cs_test_none")

    assert refusal.value.request_id.startswith("req_")


@pytest.mark.parametrize(
    "path", ["/v1/charges", "/health", "/", "/pay/none", "/nowhere"]
)
def test_every_reply_carries_the_marker(sandbox, path):
    assert call(sandbox, path=path).headers["X-Tandem-Sandbox"] == "1"


def test_what_is_not_modelled_says_so(client):
    with pytest.raises(stripe.StripeError, match="not modelled by the sandbox"):
        client.v1.products.list()
    with pytest.raises(stripe.StripeError, match="not modelled by the sandbox"):
        client.v1.payment_intents.cancel("pi_1")


def test_every_modelled_endpoint_answers(client, sandbox):
    session = client.v1.checkout.sessions.create(session_params())
    sandbox.pay(session.id)
    intent = client.v1.checkout.sessions.retrieve(session.id).payment_intent
    refund = client.v1.refunds.create({"payment_intent": intent})
    for number in ("4000000000000259", "4000000000005423"):
        sandbox.pay(client.v1.checkout.sessions.create(session_params()).id, number)
    coupon = client.v1.coupons.create({"percent_off": 10})
    promotion = {"type": "coupon", "coupon": coupon.id}
    hook = {"url": "https://shop.test/more/", "enabled_events": ["*"]}
    code = client.v1.promotion_codes.create({"promotion": promotion})
    known = {
        "coupons": coupon.id,
        "promotion_codes": code.id,
        "customers": client.v1.customers.create().id,
        "webhook_endpoints": client.v1.webhook_endpoints.create(hook).id,
        "disputes": client.v1.disputes.list().data[0].id,
        "radar": client.v1.radar.early_fraud_warnings.list().data[0].id,
        "checkout": session.id,
        "payment_intents": intent,
        "charges": refund.charge,
        "refunds": refund.id,
        "balance_transactions": refund.balance_transaction,
        "events": sandbox.events()[0]["id"],
    }
    key = {"Authorization": "Bearer sk_test_sandbox_x"}

    for method, pattern in endpoints.TABLE:
        if method == "GET":
            path = pattern.replace("{id}", known[pattern.split("/")[2]])
            assert core.handle(sandbox.config, "GET", path, key).status == 200, path


@pytest.mark.parametrize(
    "path", ["payment_intent.card", "data.payment_intent", "metadata"]
)
def test_what_cannot_be_expanded_is_refused(client, sandbox, path):
    session = client.v1.checkout.sessions.create(session_params())
    sandbox.pay(session.id)

    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.checkout.sessions.retrieve(session.id, {"expand": [path]})


def test_refunds_of_a_charge_can_be_expanded_in_a_list(client, sandbox):
    session = client.v1.checkout.sessions.create(session_params())
    sandbox.pay(session.id)
    charge = client.v1.charges.list().data[0]
    client.v1.refunds.create({"charge": charge.id, "amount": 100})

    listed = client.v1.charges.list({"expand": ["data.refunds", "data.payment_intent"]})

    assert listed.data[0].refunds.data[0].amount == 100
    assert listed.data[0].payment_intent.status == "succeeded"


@pytest.mark.parametrize(
    "changes", [{"limit": 0}, {"limit": 101}, {"starting_after": "x"}]
)
def test_a_page_outside_the_list_is_refused(client, changes):
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.list(changes)


def test_a_form_posted_by_another_site_is_refused(sandbox):
    reply = call(
        sandbox, "POST", "/deliveries/hold", **{"Sec-Fetch-Site": "cross-site"}
    )

    assert reply.status == 403
