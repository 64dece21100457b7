import pytest
from django.db import connection
from django.test import Client

pytestmark = pytest.mark.django_db


def test_a_page_for_forms_opened_as_an_address_says_so(client):
    answer = client.get("/cart/add/")

    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert "only takes what a form sends" in answer.content.decode()


@pytest.mark.parametrize("address", ["/search/?q=%00", "/p/a%00b/"])
def test_nul_in_an_address_is_refused(client, address):
    answer = client.get(address)

    assert answer.status_code == 400
    assert "We could not read that." in answer.content.decode()


@pytest.mark.parametrize("name", ["sessionid", "tandem_cart", "tandem_visit"])
def test_a_cookie_with_nul_is_as_good_as_none(name):
    looked_for = []

    def note(execute, sql, params, *rest):
        looked_for.append(params)
        return execute(sql, params, *rest)

    with connection.execute_wrapper(note):
        answer = Client().get("/cart/", HTTP_COOKIE=f'{name}="abcdefghij\\000"')

    assert answer.status_code == 200
    # SQLite looks for it and finds nothing; PostgreSQL breaks.
    assert "\0" not in str(looked_for)
    assert "\\x00" not in str(looked_for)
