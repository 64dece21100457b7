"""Planting and forging who brought somebody: scripts 5, 6, 8 to 12, 18 and 34."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import ledger
from accounts.models import User
from catalog.tests.factories import make_variant
from orders.models import Order
from orders.tests.factories import make_zone
from referrals import codebox, formers, settlement
from referrals.models import Attribution, Claim, Reward
from referrals.tests.factories import PASSWORD, make_link, make_member
from referrals.tests.people import buy, join, sign_up, type_mailed_code

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return make_link(make_member("anna@example.com"), text="A01B2C3D")


@pytest.fixture
def mal():
    return make_link(make_member("mal@example.com"), text="MA1MA1MA")


@pytest.fixture
def lamp():
    make_zone(["US"], amount=600)
    return make_variant(amount=5000, stock=20)


@pytest.mark.parametrize("cookie", ["MA1MA1MA", "1", "7:key", "x" * 22, "{'id': 1}"])
def test_abuse_05_a_hand_made_cookie_brings_nobody(client, mal, mailoutbox, cookie):
    client.cookies[settings.REFERRAL_COOKIE] = cookie

    page = client.get("/")
    dropped = page.cookies[settings.REFERRAL_COOKIE].OutputString()
    client.cookies[settings.REFERRAL_COOKIE] = cookie
    join(client, mailoutbox)

    assert page.status_code == 200
    assert dropped.startswith(f'{settings.REFERRAL_COOKIE}=""')
    assert "Max-Age=0" in dropped
    assert client.session.get("_auth_user_id")
    assert not Attribution.objects.exists()


def test_abuse_06_a_copied_token_yields_its_inviter_and_a_flag(client, anna):
    client.get("/r/A01B2C3D/")
    sign_up(client)
    mal = Client()
    mal.cookies[settings.REFERRAL_COOKIE] = client.cookies[
        settings.REFERRAL_COOKIE
    ].value

    response = sign_up(mal, "second@example.com")

    assert response.status_code == 302
    first, second = Attribution.objects.order_by("pk")
    assert first.invitee.email == "ben@example.com"
    assert not first.signals.exists()
    assert second.link == anna
    assert second.signals.get().code == "shared_device"


def test_abuse_08_an_old_customer_who_clicks_and_signs_in_is_brought_by_nobody(
    client, anna, lamp, stripe_sandbox
):
    """Nobody joins, so nothing is claimed and there is nothing to give a reason for."""
    old = make_member("old@example.com")
    client.get("/r/A01B2C3D/")

    client.post("/accounts/login/", {"login": old.email, "password": PASSWORD})
    buy(client, stripe_sandbox, lamp)
    order = Order.objects.get()

    assert client.session.get("_auth_user_id") == str(old.pk)
    assert settlement.settle(order) is None
    assert not Attribution.objects.exists()
    assert not Claim.objects.exists()
    assert not Reward.objects.exists()
    assert ledger.balance(anna.owner, "USD") == 0
    assert order.status == Order.Status.CONFIRMED
    assert client.get(order.get_absolute_url()).status_code == 200


def test_abuse_09_a_customer_who_left_comes_back_as_nobody_new(
    client, anna, lamp, mailoutbox, stripe_sandbox
):
    join(client, mailoutbox, "ben@gmail.com")
    buy(client, stripe_sandbox, lamp)
    gone = User.objects.get(email="ben@gmail.com")
    formers.remember(gone)
    User.objects.filter(pk=gone.pk).update(email="gone-1@deleted.invalid")
    Order.objects.filter(user=gone).update(email="gone-1@deleted.invalid")

    back = Client()
    back.get("/r/A01B2C3D/")
    join(back, mailoutbox, "b.en+back@googlemail.com")

    assert back.session.get("_auth_user_id")
    attribution = Attribution.objects.get()
    assert attribution.void_reason == "existing_customer"
    assert Claim.objects.filter(reason="existing_customer", won=False).exists()


def test_abuse_10_a_code_at_checkout_takes_nobody_over(
    client, anna, mal, lamp, mailoutbox, stripe_sandbox
):
    client.get("/r/A01B2C3D/")
    join(client, mailoutbox)
    client.post("/cart/add/", {"variant": lamp.sku, "quantity": 1})

    typed = client.post("/account/code/", {"code": "MA1MA1MA", "next": "/checkout/"})
    client.post("/cart/change/", {"variant": lamp.sku, "do": "remove"})
    buy(client, stripe_sandbox, lamp, due=5100)

    assert typed.status_code == 422
    assert Attribution.objects.get().link == anna
    claim = Claim.objects.get(link=mal)
    assert (claim.won, claim.reason) == (False, "already_invited")
    assert Order.objects.get().status == Order.Status.CONFIRMED


def test_abuse_11_two_tabs_with_two_codes_make_one_inviter(
    client, anna, mal, mailoutbox, time_machine
):
    """In one moment, with threads, in test_races.py and test_attribution_races.py."""
    tabs = [client, Client()]
    client.get("/r/MA1MA1MA/")

    first = sign_up(tabs[0], invitation_code="A01B2C3D")
    # Not so soon: the same mailbox would get another mail.
    time_machine.move_to(timezone.now() + timedelta(minutes=4))
    second = sign_up(tabs[1], invitation_code="MA1MA1MA")
    type_mailed_code(client, mailoutbox[:1])
    late = client.post("/account/code/", {"code": "MA1MA1MA"})

    assert (first.status_code, first.url) == (second.status_code, second.url)
    assert User.objects.filter(email="ben@example.com").count() == 1
    assert late.status_code == 422
    attribution = Attribution.objects.get()
    assert (attribution.link, attribution.status) == (anna, "active")
    said = set(Claim.objects.values_list("link", "won", "reason"))
    assert said >= {
        (anna.pk, True, "typed_code"),
        (mal.pk, False, "typed_code_counts"),
        (mal.pk, False, "already_invited"),
    }


def test_abuse_12_a_click_after_the_form_was_opened_changes_nothing(client, anna, mal):
    client.get("/r/A01B2C3D/")
    client.get("/accounts/signup/")
    client.get("/r/MA1MA1MA/")

    assert sign_up(client).status_code == 302

    assert Attribution.objects.get().link == anna
    assert Claim.objects.get(link=mal).reason == "later_touch"


@pytest.mark.parametrize(
    "disguise",
    [
        "ma1ma1ma",
        "M\u200bA1MA1MA",
        "\uff2dA1MA1MA",
        "MAlMAlMA",
        " M-A-1 M\u00a0A1MA\u2060",
    ],
)
def test_abuse_18_ones_own_code_is_refused_in_any_disguise(client, disguise):
    mal = make_member("mal@example.com", days_ago=1)
    make_link(mal, text="MA1MA1MA")
    client.force_login(mal)

    answer = client.post("/account/code/", {"code": disguise})

    assert answer.status_code == 422
    assert answer.context["form"].errors["code"] == [codebox.OWN]
    assert not Attribution.objects.exists()
    claim = Claim.objects.get()
    assert (claim.invitee, claim.won, claim.reason) == (mal, False, "own_link")
    assert client.get("/account/code/").status_code == 200


def test_abuse_34_a_customer_as_a_guest_of_ones_own_link_is_nobody_new(
    lamp, mal, mailoutbox, stripe_sandbox
):
    known = Client()
    known.force_login(mal.owner)
    buy(known, stripe_sandbox, lamp)
    guest = Client()
    guest.get("/r/MA1MA1MA/")
    buy(guest, stripe_sandbox, lamp, email="new@example.com")

    sign_up(guest, "new@example.com")
    type_mailed_code(guest, mailoutbox)

    assert guest.session.get("_auth_user_id")
    attribution = Attribution.objects.get()
    assert attribution.void_reason == "existing_customer"
    assert not Reward.objects.exists()
    assert ledger.balance(mal.owner, "USD") == 0
    assert Order.objects.confirmed().count() == 2
