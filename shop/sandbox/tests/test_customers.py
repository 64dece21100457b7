"""Customers, webhook endpoints, and notes on sessions: what a shop may also use."""

import pytest
import stripe

from shop.sandbox.stripe import deliveries

from . import contract
from .factories import plain_params, session_params


def test_a_customer_is_known_on_the_page_and_on_the_payment(client, sandbox):
    ada = client.v1.customers.create({"email": "ada@example.com", "name": "Ada"})
    session = client.v1.checkout.sessions.create(plain_params(customer=ada.id))

    sandbox.pay(session.id, email="someone@example.com")

    paid = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["customer"]})
    assert paid.customer.email == "ada@example.com"
    assert paid.customer_details.email == "ada@example.com"
    assert client.v1.charges.list({"customer": ada.id}).data[0].customer == ada.id
    contract.check(paid.customer.to_dict(for_json=True))
    for event in sandbox.events():
        contract.check(event)


def test_a_customer_can_be_changed_and_found_by_email(client):
    ada = client.v1.customers.create({"email": "ada@example.com"})

    client.v1.customers.update(
        ada.id, {"phone": "1", "name": "Ada", "metadata": {"user": "7"}}
    )

    (found,) = client.v1.customers.list({"email": "ada@example.com"}).data
    assert (found.name, found.phone, found.metadata["user"]) == ("Ada", "1", "7")


def test_customer_and_email_of_a_session_exclude_each_other(client):
    ada = client.v1.customers.create({"email": "ada@example.com"})

    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        client.v1.checkout.sessions.create(session_params(customer=ada.id))
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        client.v1.checkout.sessions.create(plain_params(customer="cus_none"))
    with pytest.raises(stripe.InvalidRequestError, match="Invalid email"):
        client.v1.customers.create({"email": "ada"})


def test_notes_on_a_session_can_be_changed_and_nothing_else(client, sandbox):
    session = client.v1.checkout.sessions.create(session_params())

    noted = client.v1.checkout.sessions.update(session.id, {"metadata": {"till": "2"}})

    assert noted.metadata.to_dict() == {"order": "7", "till": "2"}
    assert sandbox.events() == []
    with pytest.raises(stripe.InvalidRequestError, match="not modelled"):
        client.v1.checkout.sessions.update(session.id, {"shipping_options": ""})


def test_an_endpoint_hears_what_it_asked_for_with_its_own_secret(client, sandbox):
    made = client.v1.webhook_endpoints.create(
        {
            "url": "http://127.0.0.1:9/hook/",
            "enabled_events": ["checkout.session.expired"],
        }
    )
    kept = client.v1.webhook_endpoints.retrieve(made.id)
    session = client.v1.checkout.sessions.create(session_params())
    sandbox.expire(session.id)
    sandbox.pay(client.v1.checkout.sessions.create(session_params()).id)

    waiting = {e["type"]: e["pending_webhooks"] for e in sandbox.events()}
    claimed = deliveries._claim(sandbox.config, 1e12)

    assert waiting["checkout.session.expired"] == 1
    assert waiting["checkout.session.completed"] == 0
    assert claimed["secret"] == made.secret
    assert not hasattr(kept, "secret")
    contract.check(made.to_dict(for_json=True))
    contract.check(kept.to_dict(for_json=True))


def test_an_endpoint_can_be_taken_away(client, sandbox):
    params = {"url": "https://shop.test/hook/", "enabled_events": ["*"]}
    made = client.v1.webhook_endpoints.create(params)

    assert client.v1.webhook_endpoints.delete(made.id).deleted

    sandbox.expire(client.v1.checkout.sessions.create(session_params()).id)
    assert sandbox.events()[0]["pending_webhooks"] == 0
    with pytest.raises(stripe.InvalidRequestError, match="Invalid URL"):
        client.v1.webhook_endpoints.create({**params, "url": "shop.test"})
