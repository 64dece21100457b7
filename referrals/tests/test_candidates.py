"""Which of several claims on a newcomer wins: codes, mails, browsers, guest orders."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import mailboxes
from accounts.tests import software_key
from referrals import attributions, candidates, handoff
from referrals.models import (
    Attribution,
    Campaign,
    Claim,
    Invitation,
    OrderTouch,
    Terms,
)
from referrals.tests.factories import (
    make_link,
    make_member,
    make_order,
    make_visit,
    make_visitor,
    set_terms,
)
from referrals.tests.people import join, sign_up

pytestmark = pytest.mark.django_db

Method = Attribution.Method
Status = Attribution.Status


@pytest.fixture
def link():
    return make_link(make_member("anna@example.com"), text="A01B2C3D")


def reasons():
    return set(Claim.objects.values_list("link", "won", "method", "reason"))


# R-A1: the first touch or the last


@pytest.mark.parametrize(
    ("counts", "winner", "won", "lost"),
    [
        (Terms.Touch.FIRST, 0, "first_touch", "later_touch"),
        (Terms.Touch.LAST, 1, "last_touch", "earlier_touch"),
    ],
)
def test_the_offer_says_whether_the_first_or_the_last_link_counts(
    client, link, counts, winner, won, lost
):
    set_terms(touch=counts)
    links = [link, make_link(text="SECXND22")]
    visitor = make_visitor(client)
    make_visit(visitor, links[0], days_ago=3)
    make_visit(visitor, links[1], days_ago=2)

    sign_up(client)

    assert Attribution.objects.get().link == links[winner]
    assert reasons() == {
        (links[winner].pk, True, "cookie", won),
        (links[1 - winner].pk, False, "cookie", lost),
    }


def test_where_the_last_link_counts_coming_back_by_the_first_makes_it_the_last(
    client, link
):
    set_terms(touch=Terms.Touch.LAST)
    visitor = make_visitor(client)
    make_visit(visitor, link, days_ago=5)
    make_visit(visitor, make_link(), days_ago=3)
    again = make_visit(visitor, link, days_ago=1)

    sign_up(client)

    attribution = Attribution.objects.get()
    assert (attribution.link, attribution.touched_at) == (link, again.last_at)


# R-A2: what is said outright counts more than what a browser remembers


def test_a_typed_code_beats_the_link_that_was_opened(client, link):
    opened = make_link(text="SECXND22")
    client.get("/r/SECXND22/")

    sign_up(client, invitation_code=" a-o1 b2c3d ")

    attribution = Attribution.objects.get()
    assert (attribution.link, attribution.method) == (link, Method.TYPED)
    assert reasons() == {
        (link.pk, True, "typed", "typed_code"),
        (opened.pk, False, "cookie", "typed_code_counts"),
    }


def test_an_invitation_by_mail_beats_a_link_and_loses_to_a_code(client, link):
    invite(link, "ben@example.com")
    make_visit(make_visitor(client), days_ago=2)

    sign_up(client)
    sign_up(Client(), "ada@example.com", invitation_code="A01B2C3D")

    first = Attribution.objects.get(invitee__email="ben@example.com")
    assert (first.link, first.method) == (link, Method.INVITATION)
    lost = Claim.objects.get(won=False)
    assert (lost.method, lost.reason) == ("cookie", "invitation_counts")


def test_an_invitation_read_on_the_phone_counts_on_the_laptop(client, link, mailoutbox):
    invite(link, "BEN+x@example.com")

    join(client, mailoutbox, "ben@example.com")

    assert Attribution.objects.get().status == Status.ACTIVE


def test_an_invitation_to_another_address_attributes_nothing(client, link):
    invite(link, "ada@example.com")

    sign_up(client)

    assert not Attribution.objects.exists()


def invite(link, email):
    return Invitation.objects.create(
        sender=link.owner,
        campaign=link.campaign,
        link=link,
        address_hash=mailboxes.hash_of(email),
        sent_at=timezone.now() - timedelta(days=1),
    )


# R-A13: the box for a code


@pytest.mark.parametrize("code", ["A01B2C3D", "a01b2c3d", " AO1B 2C3D ", "a0-ib2c3d"])
def test_a_code_counts_however_it_is_typed(client, link, mailoutbox, code):
    join(client, mailoutbox, invitation_code=code)

    attribution = Attribution.objects.get()
    assert (attribution.link, attribution.status) == (link, Status.ACTIVE)


@pytest.mark.parametrize("kind", ["unknown", "disabled", "expired", "no code at all"])
def test_a_code_that_does_not_work_is_told_and_stops_nobody(
    client, link, mailoutbox, kind
):
    past = timezone.now() - timedelta(days=1)
    changes = {"disabled": {"disabled_at": past}, "expired": {"expires_at": past}}
    make_link(link.owner, **changes.get(kind, {}))
    typed = {"unknown": "ZZZZ9999", "no code at all": "¡?" * 99}

    join(client, mailoutbox, invitation_code=typed.get(kind, "A01B2C3D"))
    page = client.get("/account/").content.decode()

    assert "This invitation code is not active." in page
    assert client.session.get("_auth_user_id")
    assert not Attribution.objects.exists()


def test_a_bad_code_tells_nobody_whether_an_address_is_taken():
    make_member("taken@example.com")
    told = []
    for email in ("taken@example.com", "free@example.com"):
        client = Client()
        sign_up(client, email, invitation_code="ZZZZ9999")
        told.append("not active" in client.get("/").content.decode())

    assert told == [True, True]


def test_codes_are_tried_ten_times_an_hour_and_signing_up_goes_on(client, link):
    settings_off = {"REMOTE_ADDR": "192.0.2.9"}
    for number in range(10):
        Client(**settings_off).post(
            "/accounts/signup/", {"invitation_code": "ZZZZ9999", "name": str(number)}
        )

    late = Client(**settings_off)
    sign_up(late, invitation_code="A01B2C3D")
    elsewhere = Client(REMOTE_ADDR="192.0.2.10")
    sign_up(elsewhere, "ada@example.com", invitation_code="A01B2C3D")

    assert Attribution.objects.get().invitee.email == "ada@example.com"
    assert "too many codes" in late.get("/").content.decode()


def test_the_box_says_that_an_invitation_stands(client, link):
    blank = client.get("/accounts/signup/").content.decode()
    client.get("/r/A01B2C3D/")
    known = client.get("/accounts/signup/").content.decode()

    assert "Invitation code" in blank
    assert "by an invitation already" not in blank
    assert "by an invitation already" in known


# R-D7: no cookie, one sitting


def test_an_invitation_travels_in_the_way_to_the_sign_up_page(client, link):
    touched_at = timezone.now() - timedelta(hours=1)
    client.cookies["tandem_consent"] = "no"
    page = client.get(handoff.sign_up_url(link, touched_at))
    assert settings.REFERRAL_COOKIE not in client.cookies
    token = page.context["form"]["invited"].value()

    client.cookies.clear()
    sign_up(client, invited=token)

    attribution = Attribution.objects.get()
    assert (attribution.link, attribution.method) == (link, Method.COOKIE)
    assert attribution.touched_at == touched_at.replace(microsecond=0)


def test_an_invitation_goes_along_from_one_way_to_sign_up_to_the_other(
    client, link, settings
):
    settings.REFERRAL_CONSENT = "required"  # so that no cookie helps
    by_password = client.get(handoff.sign_up_url(link, timezone.now()))
    by_passkey = client.get(href_of(by_password, "Use a passkey instead"))
    refused = client.post(action_of(by_passkey), {"email": "no address"})
    again = client.get(href_of(refused, "Use a password instead"))
    once_more = client.get(href_of(again, "Use a passkey instead"))
    token = once_more.context["form"]["invited"].value()

    software_key.sign_up_form(Client(), "ben@example.com", invited=token)

    assert settings.REFERRAL_COOKIE not in client.cookies
    assert Attribution.objects.get().link == link


def href_of(page, words):
    text = page.content.decode()
    return unescape(re.search(rf'href="([^"]+)"[^>]*>\s*{words}', text)[1])


def action_of(page):
    text = page.content.decode()
    return unescape(re.search(r'action="(/accounts/signup/[^"]+)"', text)[1])


def test_the_banner_leads_to_sign_up_with_the_invitation(client, link):
    client.get("/r/A01B2C3D/")
    page = client.get("/")

    phone = Client()  # the real browser, after an app's own
    way = page.context["invitation"].claim_url
    token = phone.get(way).context["form"]["invited"].value()
    sign_up(phone, invited=token)

    assert Attribution.objects.get().link == link


@pytest.mark.parametrize("token", ["", "A01B2C3D", "1", "x" * 500, "W1tdXQ:1:1"])
def test_a_forged_token_attributes_nothing(client, link, token):
    response = sign_up(client, invited=token)

    assert response.status_code == 302
    assert not Attribution.objects.exists()


def test_a_token_is_good_for_one_sitting(client, link, time_machine):
    now = timezone.now()
    token = handoff.token(link, now)

    time_machine.move_to(now + handoff.ONE_SITTING + timedelta(seconds=1))

    assert handoff.read(token) is None


# R-A12: bought as a guest, joined later


def guest_order(link, email="ben@example.com", *, days_ago=2):
    at = timezone.now() - timedelta(days=days_ago)
    order = make_order(None, placed_at=at, confirmed_at=at)
    type(order).objects.filter(pk=order.pk).update(email=email)
    OrderTouch.objects.create(order=order, link=link, touched_at=at)
    return order


def test_a_guest_who_joins_came_by_the_link_behind_the_order(client, link, mailoutbox):
    order = guest_order(link, "Ben@Example.com")

    join(client, mailoutbox)

    attribution = Attribution.objects.get()
    assert (attribution.link, attribution.method) == (link, Method.GUEST_ORDER)
    assert attribution.status == Status.ACTIVE
    order.refresh_from_db()
    assert order.user == attribution.invitee


def test_the_earliest_touch_wins_whether_of_an_order_or_of_a_browser(client, link):
    guest_order(link, days_ago=5)
    make_visit(make_visitor(client), days_ago=2)

    sign_up(client)

    assert Attribution.objects.get().link == link


def test_a_guest_order_too_long_ago_brings_nobody(client, link):
    guest_order(link, days_ago=40)

    sign_up(client)

    assert not Attribution.objects.exists()
    assert Claim.objects.get().reason == "too_long_ago"


# 5.5: whom nobody saw


def test_a_second_account_with_the_same_browser_is_flagged(client, link):
    client.get("/r/A01B2C3D/")
    sign_up(client)
    second = Client()
    second.cookies[settings.REFERRAL_COOKIE] = client.cookies[
        settings.REFERRAL_COOKIE
    ].value

    sign_up(second, "ada@example.com")

    attribution = Attribution.objects.get(invitee__email="ada@example.com")
    assert attribution.signals.get().code == "shared_device"


def test_an_account_made_by_staff_is_brought_by_nobody(link):
    assert attributions.attribute(make_member(days_ago=0)) is None
    assert candidates.of_code(None, timezone.now()) == []


@pytest.mark.parametrize("change", ["paused_at", "ends_at"])
def test_which_touch_counts_is_the_same_while_the_offer_stands_still(change):
    set_terms(touch="last")

    campaign = Campaign.objects.get(is_default=True)
    Campaign.objects.filter(pk=campaign.pk).update(
        starts_at=timezone.now() - timedelta(days=9)
    )
    campaign.refresh_from_db()
    setattr(campaign, change, timezone.now())
    campaign.save()

    assert candidates.touch_that_counts() == "last"
