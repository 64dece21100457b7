"""Home, words about the shop, and what is shown when something went wrong."""

import pytest
from django.test import Client

from catalog.tests.factories import make_category, make_product
from shop import views

pytestmark = pytest.mark.django_db


def test_home_stands_up_in_an_empty_shop(client):
    assert client.get("/").status_code == 200


def test_home_shows_what_is_new_the_rooms_and_the_lights(client):
    lighting = make_category("Lighting", slug="lighting")
    make_product("Moon Globe Lamp", category=lighting)

    html = client.get("/").content.decode()

    for words in ("Just in", "Moon Globe Lamp", "By room", "For the end of the day"):
        assert words in html


def test_home_leaves_out_the_lights_when_there_are_none(client):
    make_product(category=make_category("Desk"))

    assert "For the end of the day" not in client.get("/").content.decode()


@pytest.mark.parametrize("slug", sorted(views.PAGES))
def test_every_page_about_the_shop_is_written(client, slug):
    response = client.get(f"/about/{slug}/")

    assert response.status_code == 200
    assert "lorem" not in response.content.decode().lower()


def test_a_page_that_nobody_wrote_is_not_found(client):
    assert client.get("/about/jobs/").status_code == 404


def test_an_unknown_address_has_a_page_of_its_own(client):
    response = client.get("/nowhere/")

    assert response.status_code == 404
    assert "This page rolled away." in response.content.decode()


def test_a_form_without_its_token_says_what_to_do():
    strict = Client(enforce_csrf_checks=True)

    response = strict.post(make_product().get_absolute_url())

    assert response.status_code == 403
    assert "The form went stale." in response.content.decode()


def test_the_last_resort_pages_need_no_database(rf, django_db_blocker):
    with django_db_blocker.block():
        assert views.server_error(rf.get("/")).status_code == 500
        assert views.bad_request(rf.get("/")).status_code == 400


def test_robots_and_browsers_find_their_files(client):
    assert "Disallow: /cart/" in client.get("/robots.txt").content.decode()
    assert client.get("/favicon.ico")["Location"].endswith("img/mark.png")
