"""allauth's pages in the shop's own words, and where its last page leads."""

import gettext
import re
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings

from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("address", "heading"),
    [
        ("/accounts/login/", "Sign in"),
        ("/accounts/signup/", "Make an account"),
        ("/accounts/password/reset/", "Set a new password"),
    ],
)
def test_the_pages_speak_with_the_voice_of_the_shop(client, address, heading):
    html = client.get(address).content.decode()

    assert re.search(rf"<h1[^>]*>\s*{heading}\s*</h1>", html)


def test_the_compiled_catalogue_holds_what_the_readable_one_says():
    catalogue = settings.LOCALE_PATHS[0] / "en" / "LC_MESSAGES" / "django.po"
    written = dict(
        re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', Path(catalogue).read_text(), re.M)
    )
    with catalogue.with_suffix(".mo").open("rb") as compiled:
        spoken = gettext.GNUTranslations(compiled)

    assert len(written) > 50
    assert {key: spoken.gettext(key) for key in written} == written


def test_whoever_set_a_new_password_is_signed_in(client, mailoutbox):
    ada = User.objects.create_user("ada@example.com", "an old umbrella stand")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
    client.post("/accounts/password/reset/", {"email": ada.email})
    code = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", mailoutbox[-1].body)[0]
    client.post("/accounts/password/reset/confirm/", {"code": code})
    new = {"password1": "a newer umbrella stand", "password2": "a newer umbrella stand"}

    answer = client.post("/accounts/password/reset/complete/", new)

    assert answer.url == "/account/"
    assert client.get("/account/").status_code == 200
