"""A code entered after sign-up: into an empty slot, for some days, before buying."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from referrals import claims, codebox
from referrals.models import Attribution, Claim
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
)

pytestmark = pytest.mark.django_db

Method = Attribution.Method
Status = Attribution.Status


@pytest.fixture
def link():
    return make_link(make_member("anna@example.com"), text="A01B2C3D")


@pytest.fixture
def ben(client):
    ben = make_member("ben@example.com", days_ago=1)
    client.force_login(ben)
    return ben


def enter(client, code="A01B2C3D", **more):
    return client.post("/account/code/", {"code": code, **more})


def test_a_friend_enters_the_code_that_was_forgotten(client, ben, link):
    assert "Enter a code" in client.get("/account/").content.decode()

    answer = enter(client, " a01b-2c3d ", next="/checkout/")

    assert (answer.status_code, answer.url) == (302, "/checkout/")
    attribution = ben.attribution
    assert (attribution.link, attribution.method) == (link, Method.LATE_CLAIM)
    assert attribution.status == Status.ACTIVE
    assert Claim.objects.get().won
    assert "Enter a code" not in client.get("/account/").content.decode()


@pytest.mark.parametrize("kind", ["unknown", "disabled", "expired", "inviter gone"])
def test_every_code_that_fails_is_answered_alike(client, ben, link, kind):
    past = timezone.now() - timedelta(days=1)
    if kind in ("disabled", "expired"):
        field = "disabled_at" if kind == "disabled" else "expires_at"
        make_link(link.owner, **{field: past})
    if kind == "inviter gone":
        type(ben).objects.filter(pk=link.owner_id).update(is_active=False)

    answer = enter(client, "ZZZZ9999" if kind == "unknown" else "A01B2C3D")

    assert answer.status_code == 422
    assert answer.context["form"].errors["code"] == [codebox.NOT_ACTIVE]
    assert not Attribution.objects.exists()


def test_ones_own_code_is_told_as_such(client, ben):
    make_link(ben, text="BENBENBE")

    answer = enter(client, "benb enbe")

    assert answer.context["form"].errors["code"] == [codebox.OWN]
    assert Claim.objects.get().reason == "own_link"


def test_ten_codes_an_hour(client, ben, link):
    for _ in range(10):
        enter(client, "ZZZZ9999")

    answer = enter(client)

    assert answer.context["form"].errors["code"] == [codebox.TOO_MANY]
    assert not Attribution.objects.exists()


def test_whoever_was_brought_stays_with_who_brought_them(client, link):
    attribution = make_attribution()
    client.force_login(attribution.invitee)

    answer = enter(client)

    assert answer.status_code == 422
    claim = Claim.objects.get(link=link)
    assert (claim.won, claim.reason) == (False, "already_invited")
    attribution.refresh_from_db()
    assert attribution.link != link


def test_after_the_first_order_the_box_is_gone(client, ben, link):
    make_order(ben)

    answer = enter(client)

    assert answer.status_code == 422
    assert Claim.objects.get().reason == "has_bought"
    for address in ("/account/", "/account/code/"):
        page = client.get(address).content.decode()
        assert "Enter a code" not in page
        assert "Use this code" not in page


def test_a_member_of_longer_brings_nobody_older(client, ben):
    make_link(make_member(days_ago=0), text="N3WC0MER")

    enter(client, "N3WC0MER")

    assert Claim.objects.get().reason == "joined_before_inviter"


def test_a_customer_under_another_name_is_told_so(client, link):
    old = make_member("ben@gmail.com")
    at = timezone.now() - timedelta(days=9)
    make_order(old, placed_at=at, confirmed_at=at)
    client.force_login(make_member("b.en@gmail.com", days_ago=1))

    answer = enter(client)

    assert answer.context["form"].errors["code"] == [claims.KNOWN]
    assert Claim.objects.get().reason == "existing_customer"
    assert not Attribution.objects.exists()


@pytest.mark.parametrize(
    ("now", "may"), [("2036-04-04 23:59", True), ("2036-04-05 00:00", False)]
)
def test_the_days_for_it_end_at_midnight_of_the_shops_clock(
    settings, time_machine, now, may
):
    # Between the two, Berlin puts its clocks forward.
    settings.TIME_ZONE = "Europe/Berlin"
    zone = ZoneInfo("Europe/Berlin")
    joined = datetime(2036, 3, 28, 9, tzinfo=zone)
    make_link(make_member(date_joined=joined - timedelta(days=9)), text="A01B2C3D")
    ben = make_member(date_joined=joined)
    time_machine.move_to(datetime.fromisoformat(now).replace(tzinfo=zone), tick=False)

    assert bool(claims.ends_at(ben)) is may
    if may:
        assert claims.claim(ben, "A01B2C3D", asker="192.0.2.1")
    else:
        with pytest.raises(claims.Refused):
            claims.claim(ben, "A01B2C3D", asker="192.0.2.1")
        assert Claim.objects.get().reason == "claimed_too_late"


def test_a_stranger_is_asked_to_sign_in(client):
    assert client.get("/account/code/").status_code == 302
    assert enter(client).status_code == 302
