"""Pages with a code in their address: the touch is kept, the page is nobody's business.

The addresses are this module's own: each wraps a view as a developer would.
"""

from contextlib import contextmanager
from urllib.parse import unquote

import pytest
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.test import override_settings
from django.urls import include, path
from django.utils import timezone
from django.views.generic import View

from catalog import views as catalog_views
from catalog.tests.factories import make_product
from referrals.entries import ReferralEntryMixin, entry, referral_entry
from referrals.models import Attribution, LinkDay, Visit, Visitor
from referrals.tests.factories import make_link, make_visitor
from referrals.tests.people import join

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

COOKIE = "tandem_visit"


@referral_entry("share_item")
def teapot(request, *args, **kwargs):
    return HttpResponse(f"{args} {sorted(kwargs.items())}", status=418)


class Teapot(ReferralEntryMixin, View):
    referral_kind = "invite"

    def get(self, request, slug):
        return HttpResponse(slug, status=418)


def broken(request):
    raise ZeroDivisionError


urlpatterns = [
    path("gift/<invitation_code>/<slug:slug>/", entry(catalog_views.product)),
    path("plain/<slug:slug>/", catalog_views.product),
    path("teapot/<invitation_code>/<int:cups>/", teapot, {"sugar": None}),
    path("class/<invitation_code>/<slug>/", Teapot.as_view()),
    path("by/<who>/", entry(lambda request: HttpResponse("ok"), takes="who")),
    path("broken/<invitation_code>/", entry(broken)),
    path("", include("shop.urls")),
]


@pytest.fixture
def link():
    return make_link(text="A01B2C3D")


@pytest.fixture(autouse=True)
def mug():
    return make_product("Mug", slug="mug")


@contextmanager
def nothing_can_be_written(*tables):
    """The database refuses every row for these tables, as on a full disk."""

    def refuse(execute, sql, params, many, context):
        if any(f'INTO "{table}"' in sql for table in tables):
            raise DatabaseError("disk full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


def test_the_page_is_the_one_without_a_code(client, link):
    plain = client.get("/plain/mug/")

    shared = client.get("/gift/A01B2C3D/mug/", headers={"User-Agent": "Slackbot"})

    assert shared.status_code == plain.status_code == 200
    assert shared.context["product"] == plain.context["product"]
    # With the promise above it, as a person reads it.
    assert {each.name for each in plain.templates} <= {
        each.name for each in shared.templates
    }
    assert "A friend gives you $5" in shared.content.decode()


def test_the_touch_behind_a_page_brings_a_friend(client, link, mailoutbox):
    response = client.get("/gift/A01B2C3D/mug/")
    join(client, mailoutbox)

    assert response.cookies[COOKIE]["httponly"]
    assert "private" in response["Cache-Control"]
    assert Attribution.objects.get().visit == Visit.objects.get()
    assert Visit.objects.get().landing_path == "/gift/A01B2C3D/mug/"


def test_the_first_page_already_says_who_gives_what(client, link):
    page = client.get("/gift/A01B2C3D/mug/").content.decode()

    assert "gives you $5 off your first order" in page


def test_the_view_gets_its_own_arguments_and_no_code(client, link):
    response = client.get("/teapot/A01B2C3D/2/")

    assert response.status_code == 418
    assert response.content == b"() [('cups', 2), ('sugar', None)]"


def test_only_links_of_the_kind_count(client, link):
    client.get("/teapot/A01B2C3D/2/")
    assert not Visit.objects.exists()

    client.get("/class/A01B2C3D/mug/")
    assert Visit.objects.get().link == link


def test_a_class_is_wrapped_by_its_base(client, link):
    response = client.get("/class/A01B2C3D/mug/")

    assert (response.status_code, response.content) == (418, b"mug")
    assert client.post("/class/A01B2C3D/mug/").status_code == 405


def test_the_code_may_have_another_name_in_the_address(client, link):
    assert client.get("/by/A01B2C3D/").content == b"ok"
    assert Visit.objects.get().link == link


@pytest.mark.parametrize("code", ["WRONGXX1", "x" * 300, "😀", "' OR 1=1"])
def test_a_wrong_code_shows_the_page_and_counts_for_nothing(client, link, code):
    response = client.get(f"/gift/{code}/mug/")

    assert response.status_code == 200
    assert COOKIE not in response.cookies
    assert not Visitor.objects.exists()


def test_a_machine_sees_the_page_and_is_counted_as_one(client, link):
    response = client.get("/gift/A01B2C3D/mug/", headers={"User-Agent": "Slackbot"})

    assert response.status_code == 200
    assert not Visit.objects.exists()
    assert LinkDay.objects.get().previews == 1


def test_a_browser_that_only_guesses_is_asked_to_come_again(client, link):
    response = client.get("/gift/A01B2C3D/mug/", headers={"Sec-Purpose": "prefetch"})

    assert response.status_code == 503
    assert not Visit.objects.exists()


def test_looking_at_the_head_of_a_page_writes_nothing(client, link):
    assert client.head("/gift/A01B2C3D/mug/").status_code == 200
    assert not Visit.objects.exists()


def test_a_second_look_is_one_visit(client, link):
    client.get("/gift/A01B2C3D/mug/")
    client.get("/gift/A01B2C3D/mug/")

    assert Visit.objects.get().clicks == 2
    assert Visitor.objects.count() == 1


def test_the_page_behind_a_code_is_the_landing_and_the_next_a_person(client, link):
    client.get("/gift/A01B2C3D/mug/")
    visitor = Visitor.objects.get()
    assert visitor.landed_at
    assert visitor.confirmed_at is None

    client.get("/")

    visitor.refresh_from_db()
    assert visitor.confirmed_at


def test_a_browser_that_is_known_shows_its_person_on_such_a_page(client, link):
    visitor = make_visitor(client, landed_at=timezone.now())

    client.get("/gift/A01B2C3D/mug/")

    visitor.refresh_from_db()
    assert visitor.confirmed_at


def test_a_cookie_we_do_not_know_is_replaced_and_not_taken_away(client, link):
    client.cookies[COOKIE] = "x" * 22

    response = client.get("/gift/A01B2C3D/mug/")

    assert response.cookies[COOKIE].value not in ("", "x" * 22)


@pytest.mark.parametrize("table", ["referrals_visit", "referrals_visitor"])
def test_a_touch_that_cannot_be_written_costs_no_page(client, link, table):
    with nothing_can_be_written(table):
        response = client.get("/gift/A01B2C3D/mug/")

    assert response.status_code == 200
    assert not Visitor.objects.exists()
    # The invitation goes along in the way to an account instead.
    assert "invited=" in response.content.decode()


def test_a_count_that_cannot_be_written_costs_no_page(client, link):
    with nothing_can_be_written("referrals_linkday"):
        response = client.get("/gift/A01B2C3D/mug/", headers={"User-Agent": "Slackbot"})

    assert response.status_code == 200
    assert not LinkDay.objects.exists()


def test_a_touch_that_cannot_be_written_still_brings_the_friend(
    client, link, mailoutbox
):
    with nothing_can_be_written("referrals_visit"):
        page = client.get("/gift/A01B2C3D/mug/").content.decode()
    token = unquote(page.partition("invited=")[2].partition('"')[0])

    join(client, mailoutbox, invited=token)

    assert Attribution.objects.get().link == link


@override_settings(REFERRAL_CONSENT="on_accept")
def test_where_nothing_may_be_remembered_the_page_asks(client, link):
    response = client.get("/gift/A01B2C3D/mug/")

    assert COOKIE not in response.cookies
    assert not Visitor.objects.exists()
    assert "Keep my gift" in response.content.decode()


def test_what_the_page_itself_does_wrong_is_not_hidden(client, link):
    with pytest.raises(ZeroDivisionError):
        client.get("/broken/A01B2C3D/")


def test_a_kind_that_there_is_not_is_refused_at_once():
    with pytest.raises(ValueError, match="shared_itm"):
        referral_entry("shared_itm")(teapot)
