"""What friends do in a browser, from the sign-up form to a paid order."""

import re

from orders.tests.factories import ADDRESS, deliver
from referrals.tests.factories import PASSWORD

TYPED_ADDRESS = {name: value for name, value in ADDRESS.items() if value}


def sign_up(client, email="ben@example.com", **fields):
    """Through allauth's own form, as a browser would post it."""
    client.get("/accounts/signup/")
    return client.post(
        "/accounts/signup/",
        {"email": email, "password1": PASSWORD, "name": "Ben Karlsen", **fields},
    )


def type_mailed_code(client, mailoutbox):
    code = re.search(r"\b\d{6}\b", mailoutbox[-1].body).group()
    return client.post("/accounts/confirm-email/", {"code": code})


def join(client, mailoutbox, email="ben@example.com", **fields):
    """Sign up and prove the address in the same browser."""
    sign_up(client, email, **fields)
    return type_mailed_code(client, mailoutbox)


def buy(
    client,
    stripe,
    variant,
    *,
    email="",
    card="4242424242424242",
    due=5600,
    name="",
    street="",
    checkout="/checkout/",
):
    """From the product to the thank-you page; `email` for a guest.

    The shop needs a zone whose delivery makes the order come to `due`.
    """
    client.post("/cart/add/", {"variant": variant.sku, "quantity": 1})
    form = TYPED_ADDRESS | {"expected_due": str(due)}
    form |= {"email": email} if email else {}
    form |= {"name": name} if name else {}
    form |= {"street": street} if street else {}
    asked = client.post(checkout, form)
    assert asked.status_code == 302, asked.content.decode()[:3000]
    known = len(stripe.events())
    stripe.pay(asked.url.rpartition("/")[2], card)
    for event in stripe.events()[max(0, known - 1) :]:
        assert deliver(client, stripe, event).status_code == 200
