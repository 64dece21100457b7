"""Nobody learns from the sign-up form who has an account."""

import re
from unittest import mock

import pytest
from django.contrib.auth import hashers
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db


def sign_up(email):
    """The answer and the page it leads to, without what differs every time."""
    client = Client()
    form = {"name": "Bo", "email": email, "password1": "a bicycle for two people"}
    answer = client.post("/accounts/signup/", form)
    page = client.get(answer.headers["Location"]).content.decode()
    return answer, re.sub(r'value="\w{64}"', "", page.replace(email, "EMAIL"))


def test_a_taken_address_gets_the_answer_of_a_new_one(mailoutbox):
    User.objects.create_user("ada@example.com")

    answer, page = sign_up("ada@example.com")
    new_answer, new_page = sign_up("new@example.com")

    assert answer.status_code == new_answer.status_code == 302
    assert answer.headers["Location"] == new_answer.headers["Location"]
    assert page == new_page
    assert [mail.subject for mail in mailoutbox][0] == "You already have an account"


@pytest.mark.parametrize("email", ["ada@example.com", "new@example.com"])
def test_a_taken_address_takes_as_long_as_a_new_one(email):
    User.objects.create_user("ada@example.com")

    hasher = type(hashers.get_hasher())
    with mock.patch.object(hasher, "encode", autospec=True, return_value="x") as encode:
        sign_up(email)

    assert encode.call_count == 1
