"""What a chat shows of an invitation: the gift, the thing, the same to everybody."""

import re
from html import unescape

import pytest
from django.test import Client

from catalog.models import Product
from catalog.tests.factories import make_image, make_product, make_variant
from referrals import links, name_reports
from referrals.models import ReferralLink
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    set_terms,
)

pytestmark = pytest.mark.django_db

PREVIEWER = {"User-Agent": "Slackbot-LinkExpanding 1.0"}
_META = re.compile(r'<meta property="(og:[^"]+)" content="([^"]*)">')


@pytest.fixture
def anna():
    anna = make_member("anna@example.com", name="Anna Lind", shows_name=True)
    make_link(anna, text="A01B2C3D")
    return anna


@pytest.fixture
def lamp():
    lamp = make_product("Moon Lamp", summary="A quiet light.", slug="moon")
    make_image(lamp, alt="A round lamp")
    return lamp


@pytest.fixture
def lamp_link(anna, lamp):
    return f"/r/{links.for_product(anna, lamp).code}/"


def tags(page):
    found = _META.findall(page.content.decode())
    assert len(found) == len(dict(found))
    return {name: unescape(value) for name, value in found}


def seen_by_machine(path):
    page = Client().get(path, headers=PREVIEWER)
    assert page.status_code == 200
    assert set(page.cookies) <= {"csrftoken"}  # a page with a form has one
    return tags(page)


def seen_by_person(path, client=None):
    client = client or Client()
    answer = client.get(path)
    return tags(client.get(answer["Location"]) if "Location" in answer else answer)


def without_address(found):
    return {name: value for name, value in found.items() if name != "og:url"}


def test_a_link_is_shown_with_its_gift_and_the_picture_of_the_shop(anna):
    shown = seen_by_machine("/r/A01B2C3D/?c=whatsapp")

    assert shown["og:title"] == "Anna gives you $5"
    assert shown["og:description"] == "$5 off your first order over $20."
    assert re.fullmatch(r"https?://[^/]+/.*share.*\.png", shown["og:image"])
    assert (shown["og:image:width"], shown["og:image:height"]) == ("1200", "630")
    assert shown["og:image:alt"]


def test_a_shared_product_is_shown_with_its_name_and_its_picture(anna, lamp, lamp_link):
    shown = seen_by_machine(lamp_link)

    [picture] = Product.objects.get().pictures
    assert shown["og:title"] == "Moon Lamp, with $5 from Anna"
    assert shown["og:description"] == (
        "$5 off your first order over $20. A quiet light."
    )
    assert shown["og:image"].startswith("http")
    assert shown["og:image"].endswith(picture.url)
    assert shown["og:image:alt"] == "A round lamp"
    assert int(shown["og:image:width"]) == picture.width


@pytest.mark.parametrize(
    "path",
    ["link", "product", "/?r=A01B2C3D", "/p/moon/?r=A01B2C3D", "/new/?r=A01B2C3D"],
)
def test_a_person_reads_the_same_as_a_machine(anna, lamp, lamp_link, path):
    path = {"link": "/r/A01B2C3D/", "product": lamp_link}.get(path, path)

    person, machine = seen_by_person(path), seen_by_machine(path)

    assert without_address(person) == without_address(machine)
    assert "$5" in person["og:title"]


def test_what_a_machine_passes_on_keeps_the_invitation_and_the_button(anna, lamp):
    for path in ("/r/A01B2C3D/?c=facebook", "/p/moon/?r=A01B2C3D&c=facebook"):
        assert seen_by_machine(path)["og:url"].endswith(path)


def test_a_colour_that_was_asked_for_is_the_one_that_is_shown(anna):
    cup = make_product(
        "Cup",
        slug="cup",
        options={"Colour": ["Sage", "Clay"]},
        variants=[
            {"values": ["Sage"], "sku": "SAGE"},
            {"values": ["Clay"], "sku": "CLAY"},
        ],
    )
    make_image(cup, alt="In sage", variant=cup.variants.get(sku="SAGE"))
    make_image(cup, alt="In clay", variant=cup.variants.get(sku="CLAY"))

    shown = seen_by_machine("/p/cup/?v=CLAY&r=A01B2C3D")

    assert shown["og:image:alt"] == "In clay"


def test_a_page_with_a_code_is_kept_by_no_cache_for_a_machine(anna):
    page = Client().get("/?r=A01B2C3D", headers=PREVIEWER)

    assert "no-store" in page["Cache-Control"]
    assert "Anna gives you $5" in page.content.decode()


def test_a_preview_tells_nothing_of_a_person_but_a_first_name(anna, lamp_link):
    page = Client().get(lamp_link, headers=PREVIEWER).content.decode()

    assert "Lind" not in page
    assert "anna@example.com" not in page


def test_without_leave_or_after_a_report_a_preview_names_nobody(anna, lamp_link):
    link = ReferralLink.objects.get(kind="share_item")
    name_reports.report(name_reports.url_of_inviter(link).split("/")[3])

    assert seen_by_machine("/r/A01B2C3D/")["og:title"] == "A friend gives you $5"
    assert seen_by_machine(lamp_link)["og:title"] == "Moon Lamp, with $5 from a friend"
    assert "Anna" not in str(seen_by_person(lamp_link))


@pytest.mark.parametrize("status", ["archived", "draft"])
def test_a_product_that_is_not_shown_any_more_is_not_in_the_preview(
    anna, lamp, lamp_link, status
):
    Product.objects.update(status=status)

    assert seen_by_machine(lamp_link)["og:title"] == "Anna gives you $5"


def test_without_a_gift_a_page_is_shown_as_itself(anna, lamp, lamp_link):
    set_terms(friend_amount=0)

    for found in (seen_by_machine(lamp_link), seen_by_person(lamp_link)):
        assert found["og:title"] == "Moon Lamp"
        assert found["og:description"] == "A quiet light."
    assert seen_by_machine("/r/A01B2C3D/")["og:title"] == "Tandem"


def test_a_page_that_nobody_was_invited_to_is_shown_as_itself(client, lamp):
    shown = seen_by_person("/p/moon/", client)

    assert shown["og:title"] == "Moon Lamp"
    assert shown["og:url"].endswith("/p/moon/")
    assert "$5" not in str(shown)


def test_who_has_joined_sees_pages_as_they_are(client, lamp):
    client.force_login(make_attribution().invitee)

    assert seen_by_person("/p/moon/", client)["og:title"] == "Moon Lamp"


def test_markup_in_a_name_stays_text(client):
    make_link(make_member(name='Eve"><script>', shows_name=True), text="A01B2C3D")

    page = Client().get("/r/A01B2C3D/", headers=PREVIEWER)

    assert tags(page)["og:title"] == 'Eve"><script> gives you $5'
    assert "<script>" not in page.content.decode().split("</head>")[0]


def test_a_preview_costs_little(anna, lamp, lamp_link):
    seen_by_machine(lamp_link)

    with counted() as asked:
        seen_by_machine(lamp_link)

    assert len(asked.own) <= 3, asked.own


# Before sharing


def test_a_member_sees_before_sharing_what_the_friend_will_see(client, anna):
    client.force_login(anna)
    shown = seen_by_machine("/r/A01B2C3D/")

    page = unescape(client.get("/account/invite/").content.decode())

    sent = page[page.index("What your friend sees") :]
    assert shown["og:title"] in sent
    assert shown["og:description"] in sent
    assert "I get $5 when you buy" in sent
    assert "share" in sent
    anna.shows_name = False
    anna.save()
    page = client.get("/account/invite/").content.decode()
    assert "A friend gives you $5" in page
    assert "You are not named." in page


def test_own_words_stand_in_what_the_friend_will_see(client, anna):
    client.force_login(anna)

    page = client.get("/account/invite/", {"words": "Look, a lamp!"}).content.decode()

    sent = page[page.index("What your friend sees") :]
    assert "Look, a lamp! (I get $5 when you buy.)" in sent


def test_without_a_gift_a_member_still_sees_the_message(client, anna):
    set_terms(friend_amount=0)
    client.force_login(anna)

    page = client.get("/account/invite/").content.decode()

    assert "What your friend sees" in page
    assert "gives you" not in page


def test_a_lone_variant_needs_no_picture(anna):
    product = make_variant().product
    path = f"/r/{links.for_product(anna, product).code}/"

    assert seen_by_machine(path)["og:image:width"] == "1200"


def test_a_name_from_right_to_left_leaves_the_words_around_it_in_order(anna):
    anna.name = "נועה כהן"
    anna.save()

    title = seen_by_machine("/r/A01B2C3D/")["og:title"]

    assert title == "\u2068נועה\u2069 gives you $5"


def test_a_member_sees_what_a_chat_makes_of_a_product_they_share(
    client, anna, lamp, lamp_link
):
    client.force_login(anna)

    page = unescape(client.get("/account/invite/links/").content.decode())

    shown = seen_by_machine(lamp_link)
    card = page[page.index("What your friend sees") :]
    assert shown["og:title"] == "Moon Lamp, with $5 from Anna"
    assert f">{shown['og:title']}<" in card
    assert f">{shown['og:description']}<" in card
    assert f'src="{lamp.pictures[0].url}"' in card


def test_a_product_that_is_gone_has_no_card(client, anna, lamp, lamp_link):
    lamp.status = lamp.Status.ARCHIVED
    lamp.save()
    client.force_login(anna)

    page = client.get("/account/invite/links/").content.decode()

    assert "Moon Lamp" in page
    assert "What your friend sees" not in page
