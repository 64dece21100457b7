import time
from urllib.parse import quote

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import User
from referrals import remarks
from referrals.models import Campaign, LinkDay, ReferralLink, Visit, Visitor
from referrals.tests.counting import counted
from referrals.tests.factories import (
    PASSWORD,
    make_link,
    make_member,
    make_visit,
    make_visitor,
    set_terms,
)

pytestmark = pytest.mark.django_db

COOKIE = "tandem_visit"
MACHINES = [
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "WhatsApp/2.23.20.0",
    "Twitterbot/1.0",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
]
PEOPLE = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Instagram 300.0.0",
    "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 Chrome/120.0",
    "Mozilla/5.0 [LinkedInApp]/9.28",
    "",
]


@pytest.fixture
def link():
    return make_link(text="A01B2C3D")


def nothing_was_kept(response):
    return (
        COOKIE not in response.cookies
        and not Visit.objects.exists()
        and not Visitor.objects.exists()
        and not Session.objects.exists()
    )


# R-L10: the ways in


@pytest.mark.parametrize("word", ["r", "ref", "referral", "R", "REF", "Referral"])
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("code", ["A01B2C3D", "a01b2c3d", "AOIB-2C3D"])
def test_every_spelling_of_a_link_leads_home_and_counts(
    client, link, word, slash, code
):
    response = client.get(f"/{word}/{code}{slash}")

    assert (response.status_code, response["Location"]) == (302, "/")
    assert Visit.objects.get().link == link


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "/",
        "WRONGXX1",
        "x" * 2000,
        "😀" * 200,
        "../../etc/passwd",
        "%2e%2e%2f",
        "a%0d%0aSet-Cookie:x=1",
        "a%0ab",
        "%ff%fe",
        "a%00b",
        "A01B2C3D/extra",
        "<script>",
    ],
)
def test_a_garbled_link_leads_home_with_one_neutral_word(client, link, garbage):
    path = garbage if "%" in garbage else quote(garbage, safe="/.")
    response = client.get(f"/r/{path}")

    assert (response.status_code, response["Location"]) == (302, "/")
    assert nothing_was_kept(response)
    page = client.get("/")
    assert page.content.decode().count(remarks.INACTIVE) == 1


def test_a_disabled_link_says_what_a_garbled_one_says(client):
    link = make_link(text="A01B2C3D", disabled_at=timezone.now())

    response = client.get("/r/A01B2C3D/")

    assert response["Location"] == "/"
    assert nothing_was_kept(response)
    assert remarks.INACTIVE in client.get("/").content.decode()
    assert not link.visits.exists()


def test_the_link_of_a_closed_account_is_not_active(client):
    make_link(make_member(is_active=False), text="A01B2C3D")

    assert nothing_was_kept(client.get("/r/A01B2C3D/"))


def test_a_garbled_link_leaves_the_cookie_of_a_good_one_alone(client, link):
    client.get("/r/A01B2C3D/")
    before = client.cookies[COOKIE].value

    response = client.get("/r/NONSENSE/")

    assert COOKIE not in response.cookies
    assert client.cookies[COOKIE].value == before
    assert Visit.objects.count() == 1


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_only_looking_opens_a_link(client, link, method):
    assert getattr(client, method)("/r/A01B2C3D/").status_code in (403, 405)
    assert not Visit.objects.exists()


def test_head_writes_nothing(client, link):
    response = client.head("/r/A01B2C3D/")

    assert response.status_code == 302
    assert nothing_was_kept(response)


# R-L11, R-L12: a code on any address


@pytest.mark.parametrize(
    ("asked", "clean"),
    [
        ("?r=A01B2C3D", ""),
        ("?utm_source=x&r=A01B2C3D&b=%20&b=2", "?utm_source=x&b=%20&b=2"),
        ("?a=1&r=A01B2C3D", "?a=1"),
        ("?b={x}|%7e+&r=A01B2C3D&&c", "?b={x}|%7e+&&c"),
        ("?r=&r=NONSENSE&r=a01b-2c3d", ""),
        ("?r[]=A01B2C3D&q=1", "?q=1"),
        ("?r%5B0%5D=A01B2C3D", ""),
        ("?ref=1&r=A01B2C3D&rr=2", "?ref=1&rr=2"),
    ],
)
def test_a_code_on_a_page_is_taken_off_and_the_rest_stays(client, link, asked, clean):
    response = client.get(f"/{asked}")

    assert (response.status_code, response["Location"]) == (302, f"/{clean}")
    assert Visit.objects.get().link == link
    assert "no-store" in response["Cache-Control"]
    assert client.get(f"/{clean}").status_code == 200


def test_an_empty_code_is_taken_off_without_a_word(client):
    response = client.get("/?r=&q=1")

    assert response["Location"] == "/?q=1"
    assert remarks.INACTIVE not in client.get("/").content.decode()
    assert nothing_was_kept(response)


def test_a_wrong_code_on_a_page_breaks_nothing(client):
    response = client.get("/?r=NONSENSE&q=1")

    assert response["Location"] == "/?q=1"
    assert nothing_was_kept(response)
    assert remarks.INACTIVE in client.get("/").content.decode()


def test_a_path_of_two_slashes_does_not_become_another_host(client, link):
    response = client.get("/?r=A01B2C3D", PATH_INFO="//evil.example/")

    assert response["Location"] == "/%2Fevil.example/"


@pytest.mark.parametrize(
    "path",
    [
        "/admin/",
        "/static/css/base.css",
        "/media/x.webp",
        "/webhooks/stripe/",
        "/healthz",
        "/api/orders/",
    ],
)
def test_what_is_no_page_keeps_its_parameters(client, link, path):
    response = client.get(f"{path}?r=A01B2C3D")

    assert not Visit.objects.exists()
    assert "A01B2C3D" in response.get("Location", "A01B2C3D")


def test_htmx_and_forms_keep_their_parameters(client, link):
    fragment = client.get("/?r=A01B2C3D", headers={"HX-Request": "true"})
    api = client.get("/?r=A01B2C3D", headers={"Accept": "application/json"})
    posted = client.post("/invitation/dismiss/?r=A01B2C3D")

    assert (fragment.status_code, api.status_code) == (200, 200)
    assert posted["Location"] == "/"
    assert not Visit.objects.exists()


# R-L13: where a link may lead


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https://evil.example",
        "hTTpS://evil.example/",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "http://testserver@evil.example/",
        "//user:pass@evil.example",
        "/%2fevil.example",
        "%2f%2fevil.example",
        "%252f%252fevil.example",
        "/%255cevil.example",
        "/%5cevil.example",
        "/x\r\nSet-Cookie: a=b",
        "/x\x00",
        "/\tevil",
        "\t//evil.example",
        " //evil.example",
        "evil.example",
        "mailto:a@b.c",
        "/r/A01B2C3D/",
        "/ref/A01B2C3D?next=/r/A01B2C3D/",
        "/%72/A01B2C3D/",
        "/R/A01B2C3D/",
        "",
        "?next=//evil",
        "#x",
    ],
)
def test_a_link_never_leads_off_the_site_nor_to_itself(client, link, wanted):
    response = client.get(f"/r/A01B2C3D/?next={quote(wanted, safe='')}")

    assert (response.status_code, response["Location"]) == (302, "/")


@pytest.mark.parametrize(
    ("asked", "leads"),
    [
        ("?next=/search/%3Fq=lamp", "/search/?q=lamp"),
        ("?next=/search/%3Fq%3Da%2520b", "/search/?q=a%20b"),
        ("?next=/c/lighting/%23lamps", "/c/lighting/"),
        ("?next=/cart/&utm_source=mail", "/cart/?utm_source=mail"),
        ("?utm_source=mail&b=1&b=2", "/?utm_source=mail&b=1&b=2"),
        ("?next=/search/%3Fq=x%26r=OTHER", "/search/?q=x"),
        ("?r=OTHER", "/"),
    ],
)
def test_a_link_leads_to_any_page_of_the_shop_in_one_step(client, link, asked, leads):
    response = client.get(f"/r/A01B2C3D/{asked}")

    assert response["Location"] == leads


# R-L15: nothing of this is cached


def test_no_answer_of_a_link_is_stored(client, link):
    answers = [
        client.get("/r/A01B2C3D/"),
        client.get("/r/NONSENSE/"),
        client.get("/r/A01B2C3D/", headers={"Sec-Purpose": "prefetch"}),
        client.get("/r/A01B2C3D/", headers={"User-Agent": MACHINES[0]}),
    ]

    assert all("no-store" in answer["Cache-Control"] for answer in answers)


def test_a_page_with_an_invitation_is_private(client, link):
    client.get("/r/A01B2C3D/")

    page = client.get("/")

    assert "private" in page["Cache-Control"]
    assert "Cookie" in page["Vary"]


# R-T1: one visit per half hour


def test_a_browser_that_comes_again_within_half_an_hour_is_one_visit(
    client, link, time_machine
):
    time_machine.move_to("2036-03-01T12:20Z", tick=False)
    client.get("/r/A01B2C3D/")
    time_machine.move_to("2036-03-01T12:45Z", tick=False)
    client.get("/r/A01B2C3D/")
    assert Visit.objects.get().clicks == 2

    time_machine.move_to("2036-03-01T13:16Z", tick=False)
    client.get("/r/A01B2C3D/")

    assert [visit.clicks for visit in Visit.objects.order_by("pk")] == [2, 1]
    assert Visitor.objects.count() == 1


def test_two_browsers_are_two_visits(client, link):
    client.get("/r/A01B2C3D/")
    client.cookies.clear()
    client.get("/r/A01B2C3D/")

    assert Visitor.objects.count() == Visit.objects.count() == 2


def test_a_second_link_is_noted_and_the_cookie_stays(client, link):
    make_link(text="SECXND22")
    client.get("/r/A01B2C3D/")
    before = client.cookies[COOKIE].value

    client.get("/r/SECXND22/")

    assert client.cookies[COOKIE].value == before
    assert Visit.objects.count() == 2


def test_only_the_host_of_the_page_before_is_kept(client, link):
    headers = {"Referer": "https://forum.example/thread?token=secret#x"}
    client.get("/r/A01B2C3D/", headers=headers)
    client.cookies.clear()
    client.get("/r/A01B2C3D/", headers={"Referer": "https://" + "a" * 9000 + "]["})

    hosts = [visit.referrer_host for visit in Visit.objects.order_by("pk")]
    assert hosts == ["forum.example", ""]


# R-T2, R-T3: the cookie


@pytest.mark.parametrize("days", [0, 7, 60])
def test_the_cookie_lives_as_long_as_the_terms_let_a_click_count(
    client, link, days, time_machine
):
    """A day counts to its end: 18 hours of it are left."""
    time_machine.move_to("2031-03-01T06:00Z", tick=False)
    set_terms(visit_days=days)

    clicked = client.get("/r/A01B2C3D/")
    asked = Client().get("/?r=A01B2C3D")

    for answer in (clicked, asked):
        assert answer.cookies[COOKIE]["max-age"] == (days * 24 + 18) * 60 * 60


def test_the_cookie_is_opaque_and_closed_to_scripts(client, link, settings):
    settings.HTTPS = True

    cookie = client.get("/r/A01B2C3D/").cookies[COOKIE]

    assert cookie["httponly"]
    assert cookie["secure"]
    assert (cookie["samesite"], cookie["path"]) == ("Lax", "/")
    assert 30 <= cookie["max-age"] / (24 * 60 * 60) <= 31
    assert len(cookie.value) < 64
    assert cookie.value not in str(Visitor.objects.values_list())
    assert link.code not in cookie.value


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "1",
        "A01B2C3D",
        "x" * 22,
        "x" * 4000,
        "A01B2C3D:sessionkey",
        "é" * 22,
        "../" * 7 + "x",
        '"; DROP TABLE',
        "-" * 22,
    ],
)
def test_a_forged_cookie_is_dropped_and_the_page_comes_up(client, link, forged):
    client.cookies[COOKIE] = forged

    page = client.get("/")

    assert page.status_code == 200
    assert page.cookies[COOKIE]["max-age"] == 0
    assert "gives you" not in page.content.decode()


def test_a_token_somebody_made_up_is_not_adopted_by_a_click(client, link):
    client.cookies[COOKIE] = "x" * 22

    client.get("/r/A01B2C3D/")

    assert client.cookies[COOKIE].value != "x" * 22


def test_a_known_cookie_stays(client):
    make_visitor(client)

    assert COOKIE not in client.get("/").cookies


# R-T4, R-T5, R-T6: machines and guesses


@pytest.mark.parametrize("agent", MACHINES)
def test_a_machine_gets_a_page_to_preview_and_leaves_a_count(client, link, agent):
    response = client.get("/r/A01B2C3D/", headers={"User-Agent": agent})

    page = response.content.decode()
    assert response.status_code == 200
    assert '<meta property="og:title" content="A friend gives you $5">' in page
    assert "$5 off your first order over $20." in page
    assert not response.cookies
    assert nothing_was_kept(response)
    assert LinkDay.objects.get().previews == 1


def test_a_machine_on_a_page_with_a_code_reads_that_page(client, link):
    response = client.get("/?r=A01B2C3D", headers={"User-Agent": MACHINES[0]})

    assert response.status_code == 200
    assert nothing_was_kept(response)
    assert LinkDay.objects.get().previews == 1


def test_previews_of_a_day_are_one_row(client, link):
    for agent in MACHINES:
        client.get("/r/A01B2C3D/", headers={"User-Agent": agent})

    assert LinkDay.objects.get().previews == len(MACHINES)


def test_a_preview_names_the_inviter_only_if_she_agreed(client):
    anna = make_member(name='Anna<b> "Lind"', shows_name=True)
    make_link(anna, text="A01B2C3D")

    page = client.get("/r/A01B2C3D/", headers={"User-Agent": MACHINES[0]})

    assert "Anna&lt;b&gt; gives you $5" in page.content.decode()


@pytest.mark.parametrize("agent", PEOPLE)
def test_apps_that_open_pages_for_people_are_people(client, link, agent):
    client.get("/r/A01B2C3D/", headers={"User-Agent": agent})

    assert Visit.objects.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"},
        {"X-Purpose": "preview"},
    ],
)
@pytest.mark.parametrize("address", ["/r/A01B2C3D/", "/?r=A01B2C3D"])
def test_a_guess_of_the_browser_is_refused(client, link, headers, address):
    response = client.get(address, headers=headers)

    assert response.status_code == 503
    assert "no-store" in response["Cache-Control"]
    assert nothing_was_kept(response)


@pytest.mark.parametrize("dest", ["image", "iframe", "script", "empty", "embed"])
def test_what_is_no_navigation_plants_nothing(client, link, dest):
    headers = {"Sec-Fetch-Dest": dest, "Sec-Fetch-Mode": "navigate"}

    entry = client.get("/r/A01B2C3D/", headers=headers)
    page = client.get("/?r=A01B2C3D", headers=headers)

    assert entry.status_code == 302
    assert page.status_code == 200
    assert nothing_was_kept(entry)


@pytest.mark.parametrize("mode", ["no-cors", "cors", "same-origin"])
def test_a_fetch_is_no_navigation(client, link, mode):
    headers = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": mode}

    assert nothing_was_kept(client.get("/r/A01B2C3D/", headers=headers))


def test_a_second_page_shows_that_a_person_is_there(client, link):
    client.get("/r/A01B2C3D/")
    visitor = Visitor.objects.get()
    assert visitor.confirmed_at is None

    client.get("/")
    visitor.refresh_from_db()
    assert visitor.landed_at
    assert visitor.confirmed_at is None

    client.get("/", headers={"Sec-Purpose": "prefetch"})
    visitor.refresh_from_db()
    assert visitor.confirmed_at is None

    client.get("/")
    visitor.refresh_from_db()
    assert visitor.confirmed_at


# R-T13: the owner


def test_the_owners_click_plants_nothing_and_says_so(client, link):
    client.force_login(link.owner)

    response = client.get("/r/A01B2C3D/")

    assert response["Location"] == "/account/invite/"
    assert COOKIE not in response.cookies
    assert not Visit.objects.exists()
    assert LinkDay.objects.get().own_clicks == 1
    assert "your own link" in client.get("/").content.decode()


def test_somebody_elses_click_counts_though_they_are_signed_in(client, link):
    client.force_login(make_member())

    client.get("/r/A01B2C3D/")

    assert Visit.objects.exists()


def test_staff_look_at_links_without_being_counted(client, link):
    client.force_login(make_member(is_staff=True))

    response = client.get("/r/A01B2C3D/")

    assert response["Location"] == "/"
    assert COOKIE not in response.cookies
    assert not Visit.objects.exists()
    assert not LinkDay.objects.exists()
    assert "not counted" in client.get("/").content.decode()


# Late clicks


@pytest.mark.parametrize(
    "end",
    [
        lambda link: ReferralLink.objects.filter(pk=link.pk).update(
            disabled_at=timezone.now()
        ),
        lambda link: ReferralLink.objects.filter(pk=link.pk).update(
            expires_at=timezone.now()
        ),
        lambda link: User.objects.filter(pk=link.owner_id).update(is_active=False),
        lambda link: Campaign.objects.filter(pk=link.campaign_id).update(
            ends_at=timezone.now()
        ),
    ],
)
def test_a_click_that_comes_too_late_is_counted_and_answered_like_a_wrong_one(
    client, link, end
):
    wrong = client.get("/r/NONSENSE/")
    end(link)

    with counted() as asked:
        late = client.get("/r/A01B2C3D/")

    assert nothing_was_kept(late)
    assert LinkDay.objects.get().late_clicks == 1
    assert late.content == wrong.content
    # A second may begin between the two.
    del late.headers["Expires"], wrong.headers["Expires"]
    assert late.headers == wrong.headers
    assert late.cookies["messages"]["max-age"] == wrong.cookies["messages"]["max-age"]
    assert len(asked.own) <= 3


def test_a_machine_that_comes_too_late_is_nothing(client, link):
    ReferralLink.objects.update(disabled_at=timezone.now())

    client.get("/r/A01B2C3D/", headers={"User-Agent": MACHINES[0]})

    assert not LinkDay.objects.exists()


# R-T16: a person, by a gesture


def test_a_tap_on_the_banner_shows_that_a_person_is_there(client, link):
    client.get("/r/A01B2C3D/")

    client.post("/invitation/dismiss/")

    assert Visitor.objects.get().confirmed_at


# R-T15: what it costs


def test_a_click_costs_three_queries_at_most(client, link):
    with counted() as new:
        client.get("/r/A01B2C3D/")
    with counted() as again:
        client.get("/r/A01B2C3D/")
    make_link(text="SECXND22")
    with counted() as other:
        client.get("/r/SECXND22/")
    client.force_login(make_member())
    with counted() as signed_in:
        client.get("/?r=A01B2C3D")

    asked = [len(each.own) for each in (new, again, other, signed_in)]
    assert max(asked) <= 3, asked
    assert not any("session" in each for each in new.own)


def test_a_click_opens_no_session(client, link):
    client.get("/r/A01B2C3D/")

    assert not Session.objects.exists()


@pytest.mark.parametrize("cookie", [False, True])
def test_a_page_pays_for_referrals_only_with_the_cookie(client, link, cookie):
    client.get("/")  # warm
    if cookie:
        make_visit(make_visitor(client, confirmed_at=timezone.now()), link)
        client.get("/")

    with counted() as asked:
        client.get("/")

    referral = [each for each in asked.own if "referrals_" in each]
    assert len(referral) <= (2 if cookie else 0), referral


def test_a_forged_cookie_of_the_wrong_shape_costs_nothing(client):
    client.get("/")
    client.cookies[COOKIE] = "nonsense"

    with counted() as asked:
        client.get("/")

    assert not [each for each in asked.own if "referrals_" in each]


# The banner's cross


def test_the_banner_is_dismissed_without_a_session(client, link):
    client.get("/r/A01B2C3D/")
    assert "gives you" in client.get("/").content.decode()

    response = client.post("/invitation/dismiss/", {"next": "/search/?q=lamp"})

    assert response["Location"] == "/search/?q=lamp"
    assert "gives you" not in client.get("/").content.decode()
    assert not Session.objects.exists()


def test_dismissing_leads_nowhere_else(client):
    response = client.post("/invitation/dismiss/", {"next": "https://evil.example"})

    assert response["Location"] == "/"


def test_a_path_of_a_hundred_thousand_escapes_is_no_work(client):
    started = time.process_time()

    response = client.post("/invitation/dismiss/", {"next": "/%" + "25" * 50_000})

    assert response["Location"] == "/"
    assert time.process_time() - started < 1


def test_dismissing_needs_a_token_of_the_page(link):

    client = Client(enforce_csrf_checks=True)

    assert client.post("/invitation/dismiss/").status_code == 403


def test_a_member_who_signs_in_elsewhere_can_still_be_reminded(client):
    from referrals.tests.factories import make_attribution

    friend = make_attribution().invitee

    client.post("/accounts/login/", {"login": friend.email, "password": PASSWORD})

    assert COOKIE in client.cookies
    assert (
        "You have $5 off your first order over $20." in client.get("/").content.decode()
    )


def test_who_opens_an_ended_link_again_and_again_guesses_nothing(client, link):
    make_link(text="SECXND22", disabled_at=timezone.now())

    for _ in range(25):
        assert client.get("/r/SECXND22/").status_code == 302

    client.get("/r/A01B2C3D/")
    assert Visit.objects.get().link == link


def test_an_old_touch_is_no_touch(client, link):
    make_visit(make_visitor(client), link, days_ago=32)

    assert "gives you" not in client.get("/").content.decode()
