"""Guessing, predicting and squatting codes: scripts 13 to 15."""

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import Client, RequestFactory
from django.utils import timezone

from referrals import blocks, canaries, codes, guesses, links
from referrals.models import Code, LinkDay, Visit
from referrals.tests.counting import counted
from referrals.tests.factories import make_link, make_member

pytestmark = pytest.mark.django_db

HOSTS = cycle(range(100, 200))
MISSES = ["ZZZZZZZZ", "%00", "nothing-like-it", "A" * 300]


@pytest.fixture
def browser():
    return Client(REMOTE_ADDR="203.0.113.7")


@pytest.fixture
def luna():
    return make_member("luna@example.com", name="Luna Vega")


@dataclass(frozen=True)
class Answer:
    """What a server sends, and what the database was asked before and after that."""

    status: str
    headers: list
    body: bytes
    asked: list[str]
    remains: list[str] = field(compare=False)


def answer(path):
    """As a server meets the shop: nothing of a page that is sent tells what follows."""
    heads, host = [], next(HOSTS)
    environ = RequestFactory(REMOTE_ADDR=f"203.0.113.{host}").get(path).environ
    with counted() as asked:
        response = get_wsgi_application()(environ, lambda *head: heads.append(head))
        body = b"".join(response)
    with counted() as later:
        response.close()
    ((status, headers),) = heads
    return Answer(status, headers, body, kinds(asked), kinds(later))


def kinds(asked):
    """The statements, without the code or the moment that is in them."""
    return [re.sub(r"'[^']*'|\d+", "?", each) for each in asked.own]


@pytest.mark.parametrize("path", ["/r/{}/", "/?r={}"])
def test_abuse_13_every_code_that_does_not_work_gets_the_same_answer(
    path, time_machine
):
    """To the byte, with the same questions asked by then; what is counted comes after.

    A click that leads nowhere keeps no reason: the late ones are counted by their day.
    """
    time_machine.move_to("2036-03-01T12:00Z", tick=False)
    now, stan = timezone.now(), make_member(is_staff=True)
    make_link(text="D1SAB1ED", disabled_at=now)
    make_link(text="EXP1RED0", expires_at=now - timedelta(days=1))
    make_link(text="T00EAR1Y", active_from=now + timedelta(days=1))
    make_link(make_member(is_active=False), text="G0NEG0NE")
    make_link(make_member("mal@example.com"), text="MA1MA1MA")
    make_link(text="B10CKED0")
    make_link(text="RET1RED0").codes.filter(text="RET1RED0").update(retired_at=now)
    blocks.block("person", "mal@example.com", actor=stan, reason="Spam")
    blocks.block("code", "B10CKED0", actor=stan, reason="Spam")
    canaries.plant(1)
    never = ["ZZZZZZZZ", "RET1RED0", Code.objects.canaries().get().text]
    late = ["D1SAB1ED", "EXP1RED0", "T00EAR1Y", "G0NEG0NE", "MA1MA1MA", "B10CKED0"]

    unknown, *others = [answer(path.format(code)) for code in never + late]

    assert unknown.status == "302 Found"
    assert ("Location", "/") in unknown.headers
    assert len(unknown.asked) == 1
    for code, other in zip((never + late)[1:], others, strict=True):
        assert other == unknown, code
        assert len(other.asked) + len(other.remains) <= 3
    assert LinkDay.objects.count() == len(late)
    assert set(LinkDay.objects.values_list("late_clicks", flat=True)) == {1}
    assert not Visit.objects.exists()


def test_abuse_13_a_code_that_is_not_blocked_any_more_works(client):
    link, stan = make_link(text="B10CKED0"), make_member(is_staff=True)
    blocked = blocks.block("code", "B10CKED0", actor=stan, reason="Spam")
    client.get("/r/B10CKED0/")
    assert not Visit.objects.exists()

    blocks.lift(blocked, actor=stan)
    client.get("/r/B10CKED0/")

    assert Visit.objects.get().link == link


def test_abuse_13_who_guesses_on_is_refused_and_nobody_else(browser):
    make_link(text="A01B2C3D")
    for number in range(guesses.MOST):
        assert browser.get(f"/r/{number:08}/").status_code == 302

    refused = browser.get("/r/A01B2C3D/")
    elsewhere = Client(REMOTE_ADDR="203.0.113.8").get("/r/A01B2C3D/")

    assert refused.status_code == 429
    assert "no-store" in refused["Cache-Control"]
    assert browser.get("/").status_code == 200  # the shop stays open
    assert (elsewhere.status_code, Visit.objects.count()) == (302, 1)


def test_abuse_13_guesses_in_the_address_of_a_page_end_too(browser):
    make_link(text="A01B2C3D")
    for number in range(guesses.MOST):
        browser.get(f"/?r={number:08}")

    page = browser.get("/?r=A01B2C3D")

    assert (page.status_code, page["Location"]) == (302, "/")
    assert not Visit.objects.exists()


def test_abuse_13_what_leads_nowhere_writes_no_row(browser):
    before = Code.objects.count()
    for code in MISSES:
        assert browser.get(f"/r/{code}/").status_code == 302
    assert (Code.objects.count(), Visit.objects.count()) == (before, 0)


def test_abuse_14_codes_follow_from_nothing():
    drawn = []
    for _ in range(40):
        random.seed(7)
        drawn.append(links.default_link(make_member()).code)

    letters = Counter("".join(drawn))

    assert len(set(drawn)) == 40
    # 320 letters of 32 kinds: ten of each, give or take; thirty of one would be a rule.
    assert len(letters) > 24
    assert max(letters.values()) < 30


@pytest.mark.parametrize(
    "wish",
    [
        "SUPPORT",
        "5UPP0RT",
        "Tandem-Team",
        "NIKE",
        "N1KE-SHOES",
        "FUCKYOU",
        "Help",
        "STAN",
        "stan-the-man",
    ],
)
def test_abuse_15_words_of_the_shop_and_of_others_are_not_given_away(luna, wish):
    make_member("stan@tandem.example", name="Stan Ford", is_staff=True)
    link = links.default_link(luna)

    with pytest.raises(codes.NotAvailable):
        codes.choose(link, wish)

    assert link.codes.count() == 1


@pytest.mark.parametrize("wish", ["LUNA", "l-u-n-a", "1una", "LVNA"])
def test_abuse_15_a_look_alike_of_somebodys_code_is_refused(luna, wish):
    codes.choose(links.default_link(luna), "LUNA")

    with pytest.raises(codes.NotAvailable):
        codes.choose(links.default_link(make_member()), wish)


def test_abuse_15_letters_of_other_alphabets_are_no_way_around(luna):
    codes.choose(links.default_link(luna), "ANNA")

    with pytest.raises(codes.NotACode):
        codes.choose(links.default_link(make_member()), "АNNА")

    assert links.resolve("АNNА").owner == luna  # typed, it means who it looks like


def test_abuse_15_a_released_code_is_nobody_elses(luna):
    link = links.default_link(luna)
    codes.choose(link, "LUNA")
    links.rotate(link)

    assert links.resolve("LUNA") is None
    with pytest.raises(codes.NotAvailable):
        codes.choose(links.default_link(make_member()), "LUNA")


def test_abuse_15_every_refusal_reads_the_same(client, luna):
    taken = links.default_link(make_member())
    codes.choose(taken, "ANNA")
    client.force_login(luna)
    mine = links.default_link(luna)

    said = set()
    for wish in ["ANNA", "SUPPORT", "NIKE"]:
        page = client.post(f"/account/invite/links/{mine.pk}/code/", {"code": wish})
        assert page.status_code == 422
        said.add(page.content.decode().count("This code is not available."))

    assert said == {1}


def test_a_code_of_ones_own_works_beside_the_old_one(client, luna):
    link = links.default_link(luna)
    old = link.code
    client.force_login(luna)

    client.post(f"/account/invite/links/{link.pk}/code/", {"code": "Luna"})

    assert links.url_of(links.default_link(luna)).endswith("/r/LUNA/")
    assert links.resolve("luna") == links.resolve(old) == link
    assert "LUNA" in client.get("/account/invite/").content.decode()


@pytest.mark.parametrize("wish", ["FREE-20", "20OFF", "LUNA-GIFT", "B0NU5"])
def test_an_advertisement_waits_for_staff(luna, wish):
    link = links.default_link(luna)

    code = codes.choose(link, wish)

    assert code.waits_since
    assert links.resolve(wish) is None
    assert codes.allow(code)
    assert not codes.refuse(code)
    assert links.resolve(wish) == link


def test_a_refused_advertisement_never_works_and_is_nobodys(luna):
    code = codes.choose(links.default_link(luna), "FREEBEE")

    assert codes.refuse(code)
    assert not codes.allow(code)
    assert links.resolve("FREEBEE") is None


@pytest.mark.parametrize("wish", ["", "AB", "A-B", "$20", "X" * 21, "a_/b", "é" * 5])
def test_what_is_no_code_is_told_so(luna, wish):
    with pytest.raises(codes.NotACode):
        codes.choose(links.default_link(luna), wish)


def test_nobody_hoards_codes(luna):
    link = links.default_link(luna)
    for number in range(codes.MOST_WISHES):
        codes.choose(link, f"LUNA-{number}{number}")

    with pytest.raises(codes.TooManyWishes):
        codes.choose(link, "LUNA-77")
