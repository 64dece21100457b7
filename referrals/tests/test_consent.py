"""R-T12, R-P6: what a browser may remember, and who says so."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse

from accounts.models import User
from referrals import handoff
from referrals.models import Activity, Attribution, OrderTouch, Visit, Visitor
from referrals.tests.factories import (
    PASSWORD,
    make_attribution,
    make_link,
    make_order,
    make_visit,
    make_visitor,
    set_terms,
)

pytestmark = pytest.mark.django_db

COOKIE = "tandem_visit"
KEEP = "Keep my gift"


@pytest.fixture
def link():
    return make_link(text="A01B2C3D")


@pytest.fixture
def asks(settings, link):
    """A shop that plants nothing until the visitor taps, and the link to it."""
    settings.REFERRAL_CONSENT = "on_accept"
    return link


def land(client, address="/r/A01B2C3D/"):
    """Open the link and the page it leads to; that page's own address and text."""
    location = client.get(address)["Location"]
    return location, client.get(location).content.decode()


def carried_by(page):
    return re.search(r'name="invited" value="([^"]+)"', page)[1]


def join(client, path, **more):
    form = {"name": "Ben", "email": "ben@example.com", "password1": PASSWORD}
    client.post(path, form | more)
    return User.objects.get(email="ben@example.com")


def nothing_is_remembered(client):
    cookie = client.cookies.get(COOKIE)
    return (
        not (cookie and cookie.value)
        and not Visitor.objects.exists()
        and not Visit.objects.exists()
        and not Session.objects.exists()
    )


def test_before_the_tap_the_gift_is_told_and_nothing_is_kept(client, asks):
    location, page = land(client)

    assert location.startswith("/?invited=")
    assert "gives you $5" in page
    assert KEEP in page
    assert nothing_is_remembered(client)


@pytest.mark.parametrize(
    ("days", "words"), [(60, "for 60 days"), (1, "for 1 day<"), (0, "for today")]
)
def test_the_question_says_how_long_the_cookie_would_stay(client, asks, days, words):
    set_terms(visit_days=days)

    _, page = land(client)

    assert f"with one cookie, {words}" in page


def test_a_code_on_a_page_is_carried_beside_what_else_stands_there(client, asks):
    location, page = land(client, "/?utm_source=mail&r=A01B2C3D")

    assert location.startswith("/?utm_source=mail&invited=")
    assert KEEP in page


def test_the_tap_keeps_the_gift_and_shows_that_a_person_is_there(client, asks):
    _, page = land(client)

    answer = client.post(
        "/invitation/keep/",
        {"answer": "yes", "invited": carried_by(page), "next": "/new/"},
    )

    assert answer["Location"] == "/new/"
    assert client.cookies[COOKIE].value
    visit = Visit.objects.get()
    assert visit.link == asks
    assert visit.visitor.confirmed_at
    page = client.get("/new/").content.decode()
    assert "gives you $5" in page
    assert KEEP not in page


def test_who_kept_one_gift_is_not_asked_for_the_next(client, asks):
    make_link(text="SECXND22")
    _, page = land(client)
    client.post("/invitation/keep/", {"answer": "yes", "invited": carried_by(page)})

    location, _ = land(client, "/r/SECXND22/")

    assert location == "/"
    assert Visit.objects.count() == 2


def test_the_way_to_sign_up_carries_an_invitation_nobody_kept(client, asks):
    _, page = land(client)
    way = re.search(r'href="(/accounts/signup/\?invited=[^"]+)"', page)[1]
    form = client.get(way).content.decode()

    ben = join(client, "/accounts/signup/", invited=carried_by(form))

    assert Attribution.objects.get(invitee=ben).link == asks
    assert not client.cookies.get(COOKIE)
    assert not Visitor.objects.exists()


def test_where_a_yes_is_required_it_holds_for_the_next_link(client, link, settings):
    settings.REFERRAL_CONSENT = "required"
    make_link(text="SECXND22")
    _, page = land(client)
    assert nothing_is_remembered(client)

    client.post("/invitation/keep/", {"answer": "yes", "invited": carried_by(page)})
    del client.cookies[COOKIE]
    location, _ = land(client, "/r/SECXND22/")

    assert location == "/"
    assert Visit.objects.count() == 2


@pytest.mark.parametrize("mode", ["exempt", "on_accept", "required"])
def test_a_no_holds_in_every_mode_and_the_gift_is_still_told(
    client, link, settings, mode
):
    settings.REFERRAL_CONSENT = mode
    client.post("/invitation/keep/", {"answer": "no"})

    location, page = land(client)

    assert location.startswith("/?invited=")
    assert "gives you $5" in page
    assert KEEP not in page
    assert nothing_is_remembered(client)


def test_after_a_no_the_page_still_carries_the_invitation(client, asks):
    _, page = land(client)
    token = carried_by(page)

    answer = client.post(
        "/invitation/keep/", {"answer": "no", "invited": token, "next": "/new/"}
    )

    assert answer["Location"].startswith("/new/?invited=")
    assert "gives you $5" in client.get(answer["Location"]).content.decode()


def test_taking_the_yes_back_forgets_the_browser_and_its_visits(client, link):
    client.get("/r/A01B2C3D/")
    Activity.objects.create(
        visitor=Visitor.objects.get(),
        step="paid",
        bucket=Visit.objects.get().bucket,
    )
    order = make_order(None)
    OrderTouch.objects.create(
        order=order,
        visitor=Visitor.objects.get(),
        link=link,
        touched_at=Visit.objects.get().first_at,
    )

    client.post("/invitation/keep/", {"answer": "no"})

    assert not client.cookies[COOKIE].value
    assert not Visitor.objects.exists()
    assert not Visit.objects.exists()
    assert not Activity.objects.exists()
    assert OrderTouch.objects.get().visitor is None


def test_a_visit_somebody_joined_by_outlives_the_browser(client, link):
    visitor = make_visitor(client)
    kept = make_visit(visitor, link)
    make_visit(visitor, link, days_ago=3)
    make_attribution(link.owner, visit=kept)

    client.post("/invitation/keep/", {"answer": "no"})

    assert Visit.objects.get() == kept


def test_the_privacy_page_offers_to_forget_only_whom_we_remember(client, link):
    ask = "Forget whose link I came by"
    page = reverse("page", args=["privacy"])
    assert ask not in client.get(page).content.decode()

    client.get("/r/A01B2C3D/")

    assert ask in client.get(page).content.decode()


@pytest.mark.parametrize("token", ["", "x", "A01B2C3D", "é" * 300, "a:b:c"])
def test_a_tap_with_a_token_we_did_not_sign_keeps_nothing(client, asks, token):
    answer = client.post(
        "/invitation/keep/",
        {"answer": "yes", "invited": token, "next": "https://evil.example"},
    )

    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert nothing_is_remembered(client)


def test_nobody_keeps_a_gift_from_themselves(client, asks):
    token = handoff.token(asks, asks.created_at)
    client.force_login(asks.owner)

    client.post("/invitation/keep/", {"answer": "yes", "invited": token})

    assert not Visit.objects.exists()


def test_a_click_that_is_carried_asks_one_thing(client, asks):
    from referrals.tests.counting import counted

    with counted() as asked:
        client.get("/r/A01B2C3D/")

    assert len(asked.own) == 1


def test_signing_in_plants_nothing_that_nobody_tapped_for(client, asks):
    friend = make_attribution().invitee

    client.post("/accounts/login/", {"login": friend.email, "password": PASSWORD})

    assert COOKIE not in client.cookies
