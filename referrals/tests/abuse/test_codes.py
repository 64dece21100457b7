"""Guessing, predicting and squatting codes: scripts 13 to 15."""

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.models import User
from referrals import blocks, canaries, codes, guesses, links
from referrals.models import Code, LinkDay, ReferralLink, Visit
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
    ((status, sent),) = heads
    # A second may begin between two answers.
    headers = [each for each in sent if each[0] != "Expires"]
    return Answer(status, headers, body, kinds(asked), kinds(later))


@pytest.fixture
def _one_connection():
    """A server lets go of the database after a request, and would take the test's."""
    ends = [request_started, request_finished]
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


def kinds(asked):
    """The statements, without the code or the moment that is in them."""
    return [re.sub(r"'[^']*'|\d+", "?", each) for each in asked.own]


@pytest.mark.usefixtures("_one_connection")
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


@pytest.fixture
def wishing(client, luna):
    """Luna asks for a code on her page; the answer, and whether she has got it."""
    link = links.default_link(luna)
    client.force_login(luna)

    def wish(text):
        page = client.post(f"/account/invite/links/{link.pk}/code/", {"code": text})
        return page, link.codes.count() == 2

    return wish


NO = "This code is not available. Try another one."


def assert_refused(client, answer):
    """One neutral sentence, whatever the cause, which is kept nowhere; all else works.

    A wish that is refused is no row: what somebody would have liked is nobody's
    business, and no later wish depends on it.
    """
    page, is_hers = answer
    assert not is_hers
    assert page.status_code == 422
    assert page.context["wish_form"].errors == {"code": [NO]}
    assert NO in page.content.decode()
    assert client.get("/account/invite/links/").status_code == 200


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
        "SUPРORT",
        "N\u0406KE",
    ],
)
def test_abuse_15_words_of_the_shop_and_of_others_are_not_given_away(
    client, wishing, wish
):
    make_member("stan@tandem.example", name="Stan Ford", is_staff=True)

    assert_refused(client, wishing(wish))


@pytest.mark.parametrize(
    "wish",
    ["ANNA1", "a-n-n-a-1", "annal", "ANNAI", "АNNА1", "\uff21NNA1", "AN\u200bNA1"],
)
def test_abuse_15_a_look_alike_of_somebodys_code_is_refused(client, wishing, wish):
    anna = make_member()
    codes.choose(links.default_link(anna), "ANNA1")

    assert_refused(client, wishing(wish))
    assert links.resolve(wish).owner == anna  # typed, it means who it looks like


def renewed(link):
    links.rotate(link)


def ended(link):
    ReferralLink.objects.filter(pk=link.pk).update(disabled_at=timezone.now())


def closed(link):
    User.objects.filter(pk=link.owner_id).update(is_active=False)


@pytest.mark.parametrize("release", [renewed, ended, closed])
@pytest.mark.parametrize("wish", ["ANNA1", "ANNAl", "\u0410NNA1"])
def test_abuse_15_a_released_code_is_nobody_elses(client, wishing, release, wish):
    link = links.default_link(make_member())
    codes.choose(link, "ANNA1")
    release(link)

    assert_refused(client, wishing(wish))
    assert Code.objects.get(text="ANNA1").link == link


def test_abuse_15_a_free_code_is_given(client, wishing):
    page, is_hers = wishing("Luna")

    assert (page.status_code, is_hers) == (302, True)
    assert client.get("/r/LUNA/").status_code == 302


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
