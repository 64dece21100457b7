"""Redirects, markup and forms from elsewhere: scripts 19 to 22 and 26."""

from email import policy
from email.parser import BytesParser
from urllib.parse import urlsplit

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts import ledger
from accounts.models import User
from catalog.tests.factories import make_product
from orders.models import Cart
from orders.tests.factories import give, make_zone
from referrals import links
from referrals.models import MemberChoices, ReferralLink, Visit
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
)
from referrals.tests.people import TYPED_ADDRESS, join
from shop.tests.sweep import row_counts

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


@pytest.mark.parametrize("query", ["next=%00//evil.example", "next=/%00", "a=%00&b=1"])
def test_abuse_19_a_nul_leads_nowhere_else(client, link, query):
    answer = client.get(f"/r/A01B2C3D/?{query}")

    assert answer.status_code == 302
    assert answer["Location"] in ("/", "/?b=1")
    assert client.get(answer["Location"]).status_code == 200
    assert Visit.objects.count() == 1


ABROAD = ["//evil.example", "/\\evil", "https://evil.example", "javascript:x", "evil"]


@pytest.mark.parametrize("path", ABROAD)
def test_abuse_20_no_form_takes_an_address_elsewhere(client, admin_client, link, path):
    """Members choose no address at all, and staff one of this site."""
    client.force_login(link.owner)
    client.post("/account/invite/links/add/", {"label": "x", "path": path})
    made = ReferralLink.objects.exclude(pk=link.pk).get()
    assert made.path == ""

    add = "/admin/referrals/referrallink/add/"
    form = {"campaign": link.campaign_id, "kind": "campaign", "label": "y"}
    refused = admin_client.post(add, form | {"path": path})
    assert refused.status_code == 200
    assert refused.context["adminform"].form.errors["path"]
    assert ReferralLink.objects.count() == 2

    assert admin_client.post(add, form | {"path": "/new/"}).status_code == 302
    assert ReferralLink.objects.get(label="y").path == "/new/"


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


def test_abuse_22_script_is_no_name_on_the_board(client):
    client.force_login(make_member("anna@example.com"))

    page = client.post("/account/invite/board/join/", {"name": SCRIPT})

    assert page.status_code == 422
    assert SCRIPT not in page.content.decode()
    assert not MemberChoices.objects.exclude(leaderboard_name="").exists()


def test_abuse_22_a_label_is_one_line(client):
    anna = make_member("anna@example.com")
    client.force_login(anna)

    client.post("/account/invite/links/add/", {"label": "a\r\nBcc: x@y.example"})

    labels = ReferralLink.objects.filter(owner=anna, is_default=False)
    assert labels.get().label == "a Bcc: x@y.example"
    assert client.get("/account/invite/links/").status_code == 200


@pytest.mark.parametrize("payload", ["\r\nBcc: mal@evil.example", *PAYLOADS])
def test_abuse_22_a_name_cannot_write_into_the_head_of_a_mail(
    client, link, mailoutbox, run_jobs, payload
):
    """A friend's first word stands in the subject of the inviter's mail."""
    name = f"Ben{payload} K"

    join(client, mailoutbox, invitation_code="A01B2C3D", name=name, shows_name="on")
    run_jobs()

    ben = User.objects.get(email="ben@example.com")
    assert not set(ben.name) & set("\r\n")
    (letter,) = [mail for mail in mailoutbox if mail.to == ["anna@example.com"]]
    head = BytesParser(policy=policy.default).parsebytes(letter.message().as_bytes())
    assert str(head["Subject"]).startswith("Ben")
    assert (head["Bcc"], head["Cc"]) == (None, None)
    assert letter.recipients() == ["anna@example.com"]
    html = letter.alternatives[0][0]
    assert SCRIPT not in html
    assert "<img src=x" not in html


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
    "/account/invite/mail/",
    "/account/code/",
    "/account/privacy/close/",
    "/cart/add/",
    "/checkout/",
    "/shared-cart/",
    "/invitation/dismiss/",
]


@pytest.mark.parametrize("form", FORMS)
def test_abuse_26_a_form_from_elsewhere_changes_nothing(link, form, settings):
    settings.REFERRAL_INVITATION_MAILS = True
    make_zone(["US"], amount=600)
    product = make_product("Mug", slug="mug", amount=5000)
    mug = product.variants.get()
    make_order(link.owner)
    give(link.owner, 6000)
    victim = Client(enforce_csrf_checks=True)
    victim.force_login(link.owner)
    Cart.objects.create(user=link.owner).lines.create(variant=mug, quantity=1)
    before = row_counts()

    answer = victim.post(
        form.format(pk=link.pk),
        {
            **{"label": "x", "code": "MA1MA1", "name": "Mallory", "product": "mug"},
            **{"address": "ben@example.com", "is_agreed": "on"},
            **{"left": "USD:6000", "understood": "on"},
            **{"variant": mug.sku, "quantity": "1"},
            **{**TYPED_ADDRESS, "use_balance": "on", "expected_due": "0"},
        },
    )

    assert answer.status_code == 403
    assert row_counts() == before
    assert ledger.balance(link.owner, "USD") == 6000
    link.owner.refresh_from_db()
    assert link.owner.is_active


@pytest.mark.parametrize("form", FORMS)
def test_abuse_26_nothing_of_it_happens_by_looking(client, link, form, settings):
    settings.REFERRAL_INVITATION_MAILS = True
    client.force_login(link.owner)
    before = row_counts()

    answer = client.get(form.format(pk=link.pk), {"address": "b@c.example"})

    # The till sends somebody with an empty cart back to it, and leaving asks who it is.
    assert answer.status_code in (200, 302, 405)
    assert row_counts() == before


@pytest.mark.parametrize("verb", ["code", "renew", "end"])
def test_nobody_touches_the_link_of_somebody_else(client, link, verb):
    client.force_login(make_member())

    answer = client.post(f"/account/invite/links/{link.pk}/{verb}/", {"code": "MINE1"})

    assert answer.status_code == 404
    assert links.default_link(link.owner).codes.count() == 2
