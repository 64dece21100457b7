"""R-D1, R-D4: what is promised stands at the till, and whom it is not for hears it."""

import pytest
from django.test import Client

from catalog.tests.factories import make_product
from orders.tests.factories import make_zone
from referrals.models import Attribution, OrderTouch
from referrals.tests.factories import (
    PASSWORD,
    make_link,
    make_member,
    make_order,
    make_visit,
    make_visitor,
    set_terms,
)
from referrals.tests.people import buy, join

pytestmark = pytest.mark.django_db

GIFT = "gives you $5"
MEMBER = "You are already with us, and this invitation is for somebody new."


@pytest.fixture
def link():
    return make_link(text="A01B2C3D")


@pytest.fixture
def mug():
    make_zone(amount=600)
    return make_product("Mug", slug="mug", amount=5000).variants.get()


def text_at(client, address="/"):
    return client.get(address).content.decode()


def sign_in(client, user, *, address="/accounts/login/"):
    client.post(address, {"login": user.email, "password": PASSWORD})
    return text_at(client)


# No promise of what is gone


def test_a_guest_who_has_bought_is_promised_nothing_more(
    client, link, mug, stripe_sandbox
):
    client.get("/r/A01B2C3D/")
    assert GIFT in text_at(client)

    buy(client, stripe_sandbox, mug, email="guest@example.com")

    assert OrderTouch.objects.get().order.confirmed_at
    assert GIFT not in text_at(client)


def test_an_order_that_was_never_paid_leaves_the_promise(client, link):
    visitor = make_visitor(client)
    at = make_visit(visitor, link).first_at
    order = make_order(None, status="expired")
    OrderTouch.objects.create(order=order, visitor=visitor, link=link, touched_at=at)

    assert GIFT in text_at(client)


def test_a_friend_who_used_the_gift_and_signed_out_is_promised_none(
    client, link, mailoutbox
):
    client.get("/r/A01B2C3D/")
    join(client, mailoutbox)
    client.post("/accounts/logout/")
    assert GIFT in text_at(client)

    make_order(Attribution.objects.get().invitee)

    assert GIFT not in text_at(client)


# You are already with us


def test_a_member_who_signs_in_after_the_click_is_told_at_once(client, link):
    ben = make_member()
    client.get("/r/A01B2C3D/")
    assert GIFT in text_at(client)

    page = sign_in(client, ben)

    assert MEMBER in page
    assert MEMBER not in text_at(client)


def test_a_member_who_carries_the_invitation_is_told_too(client, link, settings):
    settings.REFERRAL_CONSENT = "on_accept"
    ben = make_member()
    query = client.get("/r/A01B2C3D/")["Location"].partition("?")[2]

    page = sign_in(client, ben, address=f"/accounts/login/?{query}")

    assert MEMBER in page


def test_a_member_who_opened_no_link_is_told_nothing(client, link):
    assert "already with us" not in sign_in(client, make_member())


def test_whoever_closed_the_banner_is_told_nothing(client, link):
    client.get("/r/A01B2C3D/")
    client.post("/invitation/dismiss/")

    assert "already with us" not in sign_in(client, make_member())


def test_a_friend_who_comes_back_is_not_told_they_are_known(client, link, mailoutbox):
    client.get("/r/A01B2C3D/")
    join(client, mailoutbox)
    friend = Attribution.objects.get().invitee
    friend.set_password(PASSWORD)
    friend.save()
    client.post("/accounts/logout/")

    assert "already with us" not in sign_in(client, friend)


def test_an_owner_of_the_link_is_not_told_it_is_for_others(client, link):
    client.get("/r/A01B2C3D/")

    assert "already with us" not in sign_in(client, link.owner)


def test_who_has_a_gift_of_their_own_is_promised_that_one(client, link, mailoutbox):
    friend = Client()
    make_link(text="SECXND22")
    friend.get("/r/SECXND22/")
    join(friend, mailoutbox)
    client.get("/r/A01B2C3D/")

    page = sign_in(client, Attribution.objects.get().invitee)

    assert "already with us" not in page
    assert "You have $5 off your first order" in page


def test_where_a_friend_gets_nothing_nobody_speaks_of_a_gift(client, link):
    set_terms(friend_amount=0)
    client.force_login(make_member())

    client.get("/r/A01B2C3D/")
    page = text_at(client)

    assert MEMBER in page
    assert "gift" not in page


# After the address is proven


def test_a_customer_under_another_spelling_is_told_after_proving_it(
    client, link, mailoutbox
):
    old = make_member("ben.karlsen@gmail.com", days_ago=300)
    make_order(old)
    client.get("/r/A01B2C3D/")

    join(client, mailoutbox, "benkarlsen+2@gmail.com")
    page = text_at(client, "/account/")

    assert Attribution.objects.get().void_reason == "existing_customer"
    assert "This invitation does not count for your account" in page


def test_a_friend_whose_invitation_counts_hears_nothing_of_the_kind(
    client, link, mailoutbox
):
    client.get("/r/A01B2C3D/")
    join(client, mailoutbox)

    assert "does not count" not in text_at(client, "/account/")
