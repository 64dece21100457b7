"""A sign-in that has to wait says for what."""

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db

FORM = {"name": "Ada", "email": "ada@example.com", "password1": "two bicycles, ok"}
WRONG = "too many wrong tries"
NEW_CODE = "Wait 10 seconds and try again: you get a new one."


@pytest.fixture(autouse=True)
def no_tries_before():
    cache.clear()
    yield
    cache.clear()


def sign_in(client, password=FORM["password1"]):
    form = {"login": FORM["email"], "password": password}
    return client.post("/accounts/login/", form, follow=True).content.decode()


def test_whoever_finishes_elsewhere_at_once_is_not_told_of_wrong_tries():
    Client().post("/accounts/signup/", FORM)

    page = sign_in(Client())

    assert NEW_CODE in page
    assert WRONG not in page


def test_wrong_codes_lead_to_a_new_one():
    client = Client()
    client.post("/accounts/signup/", FORM)
    for _ in range(10):
        page = client.post("/accounts/confirm-email/", {"code": "000000"}, follow=True)
        if page.redirect_chain:
            break

    assert NEW_CODE in page.content.decode()


def test_wrong_passwords_are_told_how_long_to_wait():
    User.objects.create_user("ada@example.com", FORM["password1"])
    client = Client()

    pages = [sign_in(client, "three bicycles, no") for _ in range(12)]

    assert WRONG not in pages[0]
    assert "Wait 5 minutes, or set a new password." in pages[-1]
    assert NEW_CODE not in pages[-1]
