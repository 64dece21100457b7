"""The privacy page says what the code does: every cookie, every period."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from orders import carts
from referrals import consent, devices, formers, retention
from referrals.tests.factories import set_terms
from shop.kit import mail

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
# Each cookie, where it is set, and how it is told to last.
COOKIES = {
    settings.SESSION_COOKIE_NAME: ("", f"{settings.SESSION_COOKIE_AGE // 86_400} days"),
    settings.CSRF_COOKIE_NAME: ("", "a year"),
    "messages": ("", "until you have read it"),
    carts.COOKIE: ("orders/carts.py", f"{carts.COOKIE_SECONDS // 86_400} days"),
    settings.REFERRAL_COOKIE: ("referrals/visits.py", "12 days"),
    consent.COOKIE: ("referrals/consent.py", f"{consent._LASTS // DAY} days"),
    devices.COOKIE: ("referrals/devices.py", f"{devices._LASTS // DAY} days"),
}


@pytest.fixture
def page(client):
    set_terms(visit_days=12)
    return " ".join(client.get("/about/privacy/").content.decode().split())


def test_every_cookie_that_the_code_sets_is_named_with_its_time(page):
    _, _, cookies = page.partition("<h2>Cookies</h2>")
    told = dict(re.findall(r"<dt>(\w+)</dt> <dd>(.*?)</dd>", cookies))

    assert set(told) == set(COOKIES)
    for name, (_, lasts) in COOKIES.items():
        assert lasts in told[name]


def test_no_room_sets_a_cookie_that_is_not_told_of():
    here = Path(settings.BASE_DIR)
    rooms = {
        str(path.relative_to(here))
        for app in ("accounts", "catalog", "orders", "referrals", "shop")
        for path in (here / app).rglob("*.py")
        if "tests" not in path.parts and ".set_cookie(" in path.read_text()
    }

    assert rooms == {room for room, _ in COOKIES.values() if room}


def test_every_period_is_told_as_it_is(page):
    for words in (
        "12 days, if nobody joined by them.",
        f"What you did after one: {retention.ACTIVITIES // DAY} days.",
        f"{retention.EVIDENCE // DAY} days: the part of the network,",
        f"{retention.EVIDENCE // DAY} days after you last signed in",
        f"<dd>{mail.WORDS_KEPT // DAY} days, then only that they were sent.",
    ):
        assert words in page
    assert formers.KEPT_FOR // DAY in (730, 731)
    assert "stays for two years" in page


def test_it_says_what_is_noted_and_leads_to_the_file_and_the_way_out(page):
    for words in (
        "which products you looked at",
        "its first part, which hundreds of people share",
        "whose key changes each month",
        'href="/account/privacy/"',
    ):
        assert words in page
