"""Guest orders follow a proven address into the account."""

import re

import pytest
from allauth.account.models import EmailAddress

from orders import adoption
from orders.models import Order
from orders.tests.factories import make_order, make_user

pytestmark = pytest.mark.django_db

PASSWORD = "a bicycle for two people"


def guest_order(email):
    order = make_order()
    Order.objects.filter(pk=order.pk).update(email=email)
    order.refresh_from_db()
    assert order.user is None
    return order


def join(client, mailoutbox, email):
    form = {"email": email, "password1": PASSWORD, "name": "Ada Lovelace"}
    client.post("/accounts/signup/", form)
    code = re.search(r"\b\d{6}\b", mailoutbox[-1].body).group()
    return client.post("/accounts/confirm-email/", {"code": code}, follow=True)


def test_a_guest_who_joins_finds_the_earlier_orders(client, mailoutbox):
    order, other = guest_order("Ada@Example.com"), guest_order("bob@example.com")

    page = join(client, mailoutbox, "ada@example.com")

    assert "Your earlier guest order is here now." in page.content.decode()
    order.refresh_from_db()
    other.refresh_from_db()
    assert order.user.email == "ada@example.com"
    assert other.user is None
    assert order.events.filter(kind="adopted").count() == 1
    assert client.get(order.get_absolute_url()).status_code == 200


def test_an_address_that_is_not_proven_opens_nothing(client):
    order = guest_order("ada@example.com")
    form = {"email": "ada@example.com", "password1": PASSWORD, "name": "Mal"}

    client.post("/accounts/signup/", form)

    order.refresh_from_db()
    assert order.user is None


def test_another_spelling_of_the_mailbox_opens_nothing():
    order = guest_order("ada+shop@example.com")
    ada = make_user("ada@example.com")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)

    assert adoption.adopt(ada) == []

    order.refresh_from_db()
    assert order.user is None


def test_an_order_has_an_owner_once():
    order = guest_order("ada@example.com")
    ada = make_user("ada@example.com")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)

    assert adoption.adopt(ada) == [order]
    assert adoption.adopt(ada) == []
    assert order.events.filter(kind="adopted").count() == 1


def test_the_guests_link_asks_to_sign_in_from_then_on(client, mailoutbox):
    order = guest_order("ada@example.com")
    link = order.get_absolute_url()
    assert client.get(link).status_code == 200
    join(client, mailoutbox, "ada@example.com")

    assert client.get(link).status_code == 200
    client.post("/accounts/logout/")
    assert "/login/" in client.get(link).url
    client.force_login(make_user())
    assert client.get(link).status_code == 404
