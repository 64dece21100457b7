"""R-F15: codes that were shown to nobody, and the client that tries one."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from referrals import canaries, codebox, links
from referrals.models import Code, Visit
from referrals.tests.factories import make_link, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def canary():
    canaries.plant(1)
    return Code.objects.canaries().get().text


def answer(client, code):
    told = client.get(f"/r/{code}/")
    headers = dict(told.headers)
    headers.pop("Expires", None)  # a second may begin between two answers
    return told.status_code, headers, told.content


def test_a_canary_answers_like_any_wrong_code(canary):
    hit = answer(Client(REMOTE_ADDR="203.0.113.1"), canary)
    miss = answer(Client(REMOTE_ADDR="203.0.113.2"), "ZZZZZZZZ")

    assert hit == miss
    assert hit[0] == 302


def test_who_tries_a_canary_is_refused_for_an_hour_and_nobody_else(
    canary, time_machine
):
    # Late in the clock's hour: the refusal does not end with it.
    moment = timezone.now().replace(minute=55)
    time_machine.move_to(moment, tick=False)
    make_link(text="A01B2C3D")
    guesser, friend = (Client(REMOTE_ADDR=f"203.0.113.{n}") for n in (1, 2))
    guesser.get(f"/r/{canary.lower()}/")

    refused = guesser.get("/r/A01B2C3D/")
    home = guesser.get("/")
    welcome = friend.get("/r/A01B2C3D/")

    assert (refused.status_code, home.status_code) == (429, 200)
    assert (welcome.status_code, Visit.objects.count()) == (302, 1)

    time_machine.move_to(moment + timedelta(minutes=59), tick=False)
    assert guesser.get("/r/A01B2C3D/").status_code == 429

    time_machine.move_to(moment + timedelta(minutes=61), tick=False)
    assert guesser.get("/r/A01B2C3D/").status_code == 302


def test_a_canary_in_the_address_of_a_page_is_noticed(client, canary):
    make_link(text="A01B2C3D")

    client.get(f"/?r={canary}")

    assert client.get("/r/A01B2C3D/").status_code == 429


def test_a_canary_typed_in_the_account_says_what_any_wrong_code_says(client, canary):
    make_link(text="A01B2C3D")
    client.force_login(make_member(days_ago=0))

    told = client.post("/account/code/", {"code": canary})
    then = client.post("/account/code/", {"code": "A01B2C3D"})

    assert told.context["form"].errors["code"] == [codebox.NOT_ACTIVE]
    assert then.context["form"].errors["code"] == [codebox.TOO_MANY]


def test_a_canary_typed_at_sign_up_is_noticed(client, canary):
    make_link(text="A01B2C3D")
    form = {"email": "ben@example.com", "name": "Ben", "invitation_code": canary}

    client.post("/accounts/signup/", form)

    assert client.get("/r/A01B2C3D/").status_code == 429


def test_canaries_are_kept_at_their_number_and_lead_nowhere():
    call_command("plant_canaries")
    call_command("plant_canaries")

    planted = Code.objects.canaries().values_list("text", flat=True)

    assert len(planted) == canaries.MOST
    assert links.resolve_all(list(planted)) == []
