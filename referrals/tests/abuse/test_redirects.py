"""Redirects, markup and forms from elsewhere: scripts 19 to 22 and 26."""

from urllib.parse import urlsplit

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from catalog.models import Product
from catalog.tests.factories import make_product
from referrals import links
from referrals.models import Attribution, Code, MemberChoices, ReferralLink, Visit
from referrals.tests.factories import make_attribution, make_link, make_member
from shop.kit.models import Message

pytestmark = pytest.mark.django_db

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https://evil.example",
    "HtTpS://evil.example",
    "http:/evil.example",
    "https:///evil.example",
    "%2f%2fevil.example",
    "%252f%252fevil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "ftp://evil.example",
    "//user@evil.example",
    "https://testserver@evil.example",
    "https://testserver.evil.example",
    "/\r\nLocation: https://evil.example",
    "/%0d%0aSet-Cookie: x=1",
    " //evil.example",
    "\t//evil.example",
    "evil.example",
    "?next=//evil.example",
    "",
]


@pytest.fixture
def link():
    return make_link(make_member("anna@example.com"), text="A01B2C3D")


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_abuse_19_no_address_leads_off_the_site(client, link, wanted):
    answer = client.get("/r/A01B2C3D/", {"next": wanted})

    leads = urlsplit(answer["Location"])
    assert answer.status_code == 302
    assert (leads.scheme, leads.netloc) == ("", "")
    assert answer["Location"].startswith("/")
    assert not answer["Location"].startswith(("//", "/\\"))
    assert "\n" not in answer["Location"]
    assert Visit.objects.count() == 1


def test_abuse_19_a_nul_is_no_address(client, link):
    assert client.get("/r/A01B2C3D/", {"next": "\x00//evil.example"}).status_code == 400


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil", "https://evil.example"])
def test_abuse_20_the_database_keeps_no_address_elsewhere(link, path):
    with pytest.raises(IntegrityError), transaction.atomic():
        ReferralLink.objects.filter(pk=link.pk).update(path=path)


@pytest.mark.parametrize(
    "path", ["/%2f%2fevil.example", "/r/A01B2C3D/", "/account/", "/no/such/page/"]
)
def test_abuse_20_a_path_written_past_every_form_is_judged_at_use(client, link, path):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE referrals_referrallink SET path = %s WHERE id = %s",
            [path, link.pk],
        )

    answer = client.get("/r/A01B2C3D/")

    assert answer["Location"] == "/"
    assert Visit.objects.count() == 1


def test_abuse_21_an_entry_leads_to_no_entry(client, link):
    loop = "/r/A01B2C3D/?next=/r/A01B2C3D/?next=/r/A01B2C3D/"

    answer = client.get("/r/A01B2C3D/", {"next": loop})

    assert answer["Location"] == "/"
    assert client.get("/").status_code == 200


SCRIPT = "<script>alert(1)</script>"
PAYLOADS = [SCRIPT, '"><img src=x onerror=alert(1)>', "=cmd|' /C calc'!A1"]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_abuse_22_what_people_write_stays_text(client, admin_client, payload):
    anna = make_member("anna@example.com", name=f"{payload} Lind", shows_name=True)
    anna_link = make_link(anna, text="A01B2C3D", label=payload[:60])
    friend = Client()
    friend.get(
        "/r/A01B2C3D/",
        {"utm_source": payload, "c": payload},
        headers={"referer": f"https://x.example/{payload}"},
    )
    ben = make_member(days_ago=1, name=f"{payload} B", shows_name=True)
    make_attribution(anna, ben)
    client.force_login(anna)

    pages = [
        friend.get("/"),  # the banner
        client.get("/account/invite/"),
        client.get("/account/invite/links/"),
        admin_client.get("/admin/referrals/referrallink/"),
        admin_client.get(f"/admin/referrals/referrallink/{anna_link.pk}/change/"),
        admin_client.get("/admin/referrals/visit/"),
        admin_client.get("/admin/referrals/attribution/"),
    ]

    for page in pages:
        assert page.status_code == 200
        assert SCRIPT not in page.content.decode()
        assert "<img src=x" not in page.content.decode()


def test_abuse_22_a_label_cannot_break_a_mail_or_a_board(client):
    anna = make_member("anna@example.com")
    client.force_login(anna)

    page = client.post("/account/invite/board/join/", {"name": SCRIPT})
    client.post("/account/invite/links/add/", {"label": "a\r\nBcc: x@y.example"})

    assert page.status_code == 422
    assert SCRIPT not in page.content.decode()
    assert not MemberChoices.objects.exclude(leaderboard_name="").exists()
    assert all("\n" not in each.subject for each in Message.objects.all())


FORMS = [
    "/account/invite/links/add/",
    "/account/invite/links/item/",
    "/account/invite/links/{pk}/code/",
    "/account/invite/links/{pk}/renew/",
    "/account/invite/links/{pk}/end/",
    "/account/invite/cards/print/",
    "/account/invite/news/read/",
    "/account/invite/news/later/",
    "/account/invite/news/mails/",
    "/account/invite/board/join/",
    "/account/invite/board/leave/",
    "/account/code/",
    "/shared-cart/",
    "/invitation/dismiss/",
]


@pytest.mark.parametrize("form", FORMS)
def test_abuse_26_a_form_from_elsewhere_changes_nothing(link, form):
    product = make_product()
    assert Product.objects.filter(pk=product.pk).exists()
    victim = Client(enforce_csrf_checks=True)
    victim.force_login(link.owner)
    before = [Code.objects.count(), ReferralLink.objects.count()]

    answer = victim.post(
        form.format(pk=link.pk),
        {"label": "x", "code": "MA1MA1", "name": "Mallory", "product": product.slug},
    )

    assert answer.status_code == 403
    assert [Code.objects.count(), ReferralLink.objects.count()] == before
    assert not Attribution.objects.exists()
    assert not MemberChoices.objects.exists()


@pytest.mark.parametrize("form", FORMS)
def test_abuse_26_nothing_of_it_happens_by_looking(client, link, form):
    client.force_login(link.owner)
    before = [Code.objects.count(), ReferralLink.objects.count()]

    assert client.get(form.format(pk=link.pk)).status_code in (200, 302, 405)

    assert [Code.objects.count(), ReferralLink.objects.count()] == before


@pytest.mark.parametrize("verb", ["code", "renew", "end"])
def test_nobody_touches_the_link_of_somebody_else(client, link, verb):
    client.force_login(make_member())

    answer = client.post(f"/account/invite/links/{link.pk}/{verb}/", {"code": "MINE1"})

    assert answer.status_code == 404
    assert links.default_link(link.owner).codes.count() == 2
