"""Hurting the shop by what a browser sends: scripts 23 to 25 of the catalogue."""

import random
import string
from itertools import cycle

import pytest
from django.contrib.sessions.models import Session

from catalog.tests.factories import make_product
from referrals.models import Visit, Visitor
from referrals.tests.factories import make_link
from shop.tests.sweep import row_counts

pytestmark = pytest.mark.django_db

COOKIE = "tandem_visit"
SEED = 23


@pytest.fixture
def link():
    return make_link(text="A01B2C3D")


def random_values(count):
    """Cookies of every length and alphabet; the same ones in every run."""
    dice = random.Random(SEED)
    alphabets = [
        string.ascii_letters + string.digits + "-_",
        string.printable,
        "".join(map(chr, range(256))),
        ":|.=%,; ",
        "é😀\u202e\u0660".encode().decode("latin-1"),  # as a header carries it
    ]
    for _ in range(count):
        letters = dice.choice(alphabets)
        length = dice.choice([0, 1, 21, 22, 22, 22, 23, 64, 300])
        yield "".join(dice.choice(letters) for _ in range(length))


def test_abuse_23_no_cookie_breaks_a_page(client, link):
    make_product("Mug", slug="mug")
    pages = cycle(
        ["/", "/p/mug/", "/cart/", "/accounts/signup/", "/new/", "/about/terms/"]
    )
    answers = set()
    for value in random_values(1000):
        client.cookies.clear()
        client.cookies[COOKIE] = value
        answer = client.get(next(pages))
        answers.add(answer.status_code)
        # Taken back, or (with a NUL in it) never read: it is not renewed.
        assert COOKIE not in answer.cookies or not answer.cookies[COOKIE].value

    assert answers == {200}
    assert not Visitor.objects.exists()


def test_abuse_23_nor_does_one_break_a_click(client, link):
    for value in random_values(100):
        client.cookies.clear()
        client.cookies[COOKIE] = value
        assert client.get("/r/A01B2C3D/").status_code == 302

    assert Visitor.objects.count() == Visit.objects.count() == 100


def test_abuse_24_a_flood_of_guessed_codes_writes_nothing(client, link):
    before = row_counts()
    dice = random.Random(SEED)
    for _ in range(500):
        client.cookies.clear()
        code = "".join(dice.choices(string.ascii_uppercase + string.digits, k=8))
        answer = client.get(f"/r/{code}/")
        assert answer.status_code in (302, 429)
        assert COOKIE not in answer.cookies

    assert row_counts() == before
    assert not Session.objects.exists()


def test_abuse_25_headers_of_ten_kilobytes_are_clipped(client, link):
    huge = "x" * 10_000
    answer = client.get(
        f"/r/A01B2C3D/?utm_source={huge}&c={huge}",
        headers={
            "Referer": f"https://{'a' * 10_000}.example/{huge}?{huge}",
            "User-Agent": f"Mozilla/5.0 (iPhone) Safari/ {huge}\x00",
            "Accept-Language": huge,
            "X-Forwarded-For": huge,
        },
    )

    assert answer.status_code == 302
    visit = Visit.objects.get()
    for field in Visit._meta.concrete_fields:
        if getattr(field, "max_length", None):
            assert len(getattr(visit, field.name)) <= field.max_length
    assert visit.referrer_host.startswith("aaa")
    assert visit.agent == "Safari, iOS"
