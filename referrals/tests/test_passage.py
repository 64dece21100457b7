"""R-D7, R-T9, R-T12, 5.5: an invitation that no cookie holds, up to an account."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import User
from catalog.tests.factories import make_product
from orders.tests.factories import make_zone
from referrals import handoff
from referrals.models import Activity, Attribution, OrderTouch, Visit, Visitor
from referrals.tests import elsewhere
from referrals.tests.counting import counted
from referrals.tests.factories import make_link, make_visit, make_visitor
from referrals.tests.people import buy, sign_up

pytestmark = pytest.mark.django_db

COOKIE = settings.REFERRAL_COOKIE
GIFT = "gives you $5"
WAYS = ["/accounts/login/", "/cart/", "/search/", "/new/", "/accounts/signup/"]


@pytest.fixture
def link():
    return make_link(text="A01B2C3D")


@pytest.fixture
def token(link):
    return handoff.token(link, timezone.now())


@pytest.fixture
def refuses(client, token):
    """A browser that said no to cookies, on the page that the link leads to."""
    client.cookies["tandem_consent"] = "no"
    return f"/?invited={token}"


def page_at(client, address):
    return client.get(address).content.decode()


def links_of(page):
    return [unescape(href) for href in re.findall(r'<a\b[^>]*?\shref="([^"]*)', page)]


def one_to(page, path):
    return next(href for href in links_of(page) if href.startswith(path))


def query_of(address):
    return parse_qs(urlsplit(address).query)


def test_every_link_of_the_shop_passes_the_invitation_on(client, refuses, token):
    page = page_at(client, refuses)

    inside = [href for href in links_of(page) if href.startswith("/")]
    assert inside
    carried = [query_of(href).get("invited", [""])[0] for href in inside]
    assert {handoff.read(each) for each in carried} == {handoff.read(token)}
    assert "#main" in links_of(page)


def test_the_second_page_and_the_third_still_promise_the_gift(client, refuses):
    second = page_at(client, one_to(page_at(client, refuses), "/new/"))
    third = page_at(client, one_to(second, "/cart/"))

    assert GIFT in second
    assert GIFT in third
    assert not Visitor.objects.exists()
    assert not Activity.objects.exists()
    assert not Session.objects.exists()


def test_from_sign_in_to_sign_up_the_invitation_goes_along(client, refuses, link):
    sign_in = page_at(client, one_to(page_at(client, refuses), "/accounts/login/"))
    form = client.get(one_to(sign_in, "/accounts/signup/")).context["form"]

    sign_up(client, invited=form["invited"].value())

    assert Attribution.objects.get().link == link


def test_what_is_searched_for_keeps_the_invitation(client, refuses, token):
    page = page_at(client, refuses)
    form = re.search(r'<form[^>]*action="/search/">(.*?)</form>', page, re.S)[1]

    assert f'<input type="hidden" name="invited" value="{token}">' in form


def test_what_is_put_into_the_cart_keeps_the_invitation(client, refuses, token):
    mug = make_product("Mug", slug="mug").variants.get()
    page = page_at(client, f"/p/mug/?invited={token}")
    action = unescape(re.search(r'action="(/cart/add/[^"]*)"', page)[1])

    answer = client.post(action, {"variant": mug.sku, "quantity": 1})

    assert query_of(answer["Location"])["invited"] == [token]


def test_dismissing_closes_the_banner_and_not_the_invitation(client, refuses, link):
    page = page_at(client, refuses)
    action = unescape(re.search(r'action="(/invitation/dismiss/[^"]*)"', page)[1])

    answer = client.post(action, {"next": "/new/"})
    after = page_at(client, answer["Location"])
    form = client.get(one_to(after, "/accounts/login/"))
    way = one_to(form.content.decode(), "/accounts/signup/")
    sign_up(client, invited=client.get(way).context["form"]["invited"].value())

    assert answer["Location"].startswith("/new/?invited=")
    assert GIFT not in after
    assert Attribution.objects.get().link == link


def test_a_guests_order_keeps_an_invitation_that_was_only_carried(
    client, refuses, token, link, stripe_sandbox
):
    make_zone(amount=600)
    make_product("Mug", slug="mug", amount=5000)
    checkout = f"/checkout/?invited={token}"

    buy(
        client,
        stripe_sandbox,
        make_product("Jug", slug="jug", amount=5000).variants.get(),
        email="guest@example.com",
        checkout=checkout,
    )

    touch = OrderTouch.objects.get()
    assert (touch.link, touch.visitor) == (link, None)


def test_nothing_of_another_site_learns_of_it(client, refuses):
    page = page_at(client, refuses)

    elsewhere_links = [href for href in links_of(page) if "//" in href]
    assert not any("invited" in href for href in elsewhere_links)


@pytest.mark.parametrize("way", WAYS)
def test_a_page_with_a_wrong_token_is_as_it_is_without(client, link, way):
    page = page_at(client, f"{way}?invited=A01B2C3D:1:1")

    assert "invited=" not in page.replace("invited=A01B2C3D", "")


def test_a_page_that_carries_one_is_nobody_elses(client, refuses):
    assert "private" in client.get(refuses)["Cache-Control"]


def test_a_browser_with_the_cookie_carries_nothing(client, link):
    make_visit(make_visitor(client), link)

    page = page_at(client, f"/new/?invited={handoff.token(link, timezone.now())}")

    assert "invited=" not in one_to(page, "/accounts/login/")


def test_who_is_signed_in_carries_nothing(client, refuses, link):
    client.force_login(link.owner)

    page = page_at(client, refuses)

    assert "invited=" not in one_to(page, "/cart/")


def test_a_page_without_a_token_asks_nothing_about_it(client, link):
    client.get("/accounts/login/")

    with counted() as found:
        client.get("/accounts/login/")

    assert not [each for each in found if "referrals_" in each["sql"]]


# From an app's own browser into the real one


def test_the_other_browser_gets_the_cookie_too(client, link, token):
    answer = client.get(f"/accounts/signup/?invited={token}")

    assert answer.cookies[COOKIE].value
    visit = Visit.objects.get()
    assert visit.link == link
    assert visit.first_at == handoff.read(token).touched_at


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Purpose": "prefetch"},
        {"Sec-Fetch-Dest": "iframe"},
        {"HX-Request": "true"},
        {"User-Agent": "Slackbot-LinkExpanding 1.0"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_only_a_person_from_outside_gets_it(client, token, headers):
    client.get(f"/accounts/signup/?invited={token}", headers=headers)

    assert not Visit.objects.exists()


@pytest.mark.parametrize("mode", ["on_accept", "required"])
def test_where_nobody_said_yes_the_other_browser_gets_none(
    client, token, settings, mode
):
    settings.REFERRAL_CONSENT = mode

    client.get(f"/accounts/signup/?invited={token}")

    assert COOKIE not in client.cookies
    assert not Visit.objects.exists()


def test_an_invitation_that_has_ended_plants_nothing(client, token, link):
    make_link(link.owner, disabled_at=timezone.now())

    client.get(f"/accounts/signup/?invited={token}")

    assert not Visit.objects.exists()


# R-T9: out to a provider and back


def begin(client, token):
    """Out to a provider elsewhere; the state that its site sends back."""
    page = client.get(f"/accounts/signup/?invited={token}").content.decode()
    assert f"invited={token}" in unescape(page).replace("%3A", ":")
    answer = client.post(f"/accounts/elsewhere/login/?invited={token}")
    assert answer["Location"].startswith(elsewhere.SITE)
    assert "invited" not in answer["Location"]
    return query_of(answer["Location"])["state"][0]


def post_back(said):
    """Posted by the provider's page: a Lax cookie does not come along."""
    answer = Client(enforce_csrf_checks=True).post(
        "/accounts/elsewhere/callback/", said
    )
    assert answer.status_code == 302
    assert not answer.cookies
    return answer["Location"]


@pytest.mark.urls("referrals.tests.elsewhere")
def test_a_provider_that_knows_the_address_brings_back_who_was_invited(
    client, refuses, token, link
):
    said = {"state": begin(client, token), "id": "7", "email": "ben@example.com"}

    client.get(post_back(said))

    attribution = Attribution.objects.get(invitee__email="ben@example.com")
    assert (attribution.link, attribution.status) == (link, "active")
    assert "invited" not in client.session


@pytest.mark.urls("referrals.tests.elsewhere")
def test_a_provider_that_asks_for_the_address_keeps_the_invitation(
    client, refuses, token, link
):
    back = post_back({"state": begin(client, token), "id": "8"})
    form = client.get(back, follow=True).context["form"]
    assert form["invited"].value() == token

    client.post("/accounts/3rdparty/signup/", {"name": "Ben", "email": "b@example.com"})

    assert Attribution.objects.get(invitee__email="b@example.com").link == link


@pytest.mark.urls("referrals.tests.elsewhere")
def test_the_cookie_is_read_when_the_browser_itself_comes_back(client, link):
    client.get("/r/A01B2C3D/")
    state = query_of(client.post("/accounts/elsewhere/login/")["Location"])["state"][0]
    said = {"state": state, "id": "9", "email": "ben@example.com"}

    with counted() as found:
        answer = client.post("/accounts/elsewhere/callback/", said)
    assert not [each for each in found if "referrals_" in each["sql"]]
    assert not User.objects.filter(email="ben@example.com").exists()
    assert COOKIE not in answer.cookies
    client.get(post_back(said))

    assert Attribution.objects.get().link == link


def test_a_button_of_a_provider_passes_the_invitation_on(client, refuses, token):
    page = page_at(client, f"/accounts/signup/?invited={token}")

    assert query_of(one_to(page, "/accounts/dummy/login/"))["invited"] == [token]
