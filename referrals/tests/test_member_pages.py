"""The pages around a member's link: trail, links, cards, news, board, shared cart."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from catalog.models import Product
from catalog.tests.factories import make_product
from referrals import cards, codes, links, settlement, sharing, terms
from referrals.models import Campaign, Code, Notice, ReferralLink, Visit
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    set_terms,
)
from referrals.tests.people import join

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(client):
    member = make_member("anna@example.com", name="Anna Lind")
    client.force_login(member)
    return member


def text_of(page):
    return " ".join(page.content.decode().split())


# Ways to share


def test_every_way_carries_its_own_mark_and_is_encoded_once(anna):
    share = sharing.invitation_of(anna, terms.current("USD"))

    ways = {way.channel: way.href for way in share.ways}

    assert set(ways) == {"email", "whatsapp", "sms", "facebook", "x"}
    for channel in ["whatsapp", "x"]:
        [said] = parse_qs(urlsplit(ways[channel]).query)["text"]
        assert said == f"{share.text} {share.url}?c={channel}"
    assert ways["sms"].startswith("sms:?&body=You%20get%20%245")
    assert "+" not in ways["email"]
    assert parse_qs(urlsplit(ways["facebook"]).query)["u"] == [
        f"{share.url}?c=facebook"
    ]


def test_the_channel_is_kept_with_the_visit(anna):
    Client().get(f"/r/{links.default_link(anna).code}/?c=whatsapp")

    assert Visit.objects.get().channel == "whatsapp"


def test_own_words_go_into_every_way_with_the_disclosure(client, anna):
    page = client.get("/account/invite/", {"words": "Look, a lamp!"})

    assert "Look%2C%20a%20lamp%21%20%28I%20get%20%245%20when%20you%20buy.%29" in (
        page.content.decode()
    )


def test_a_long_message_is_cut(client, anna):
    page = client.get("/account/invite/", {"words": "x" * 5000})

    assert page.status_code == 200
    assert "x" * (sharing.MOST_WORDS + 1) not in page.content.decode()


# A friend's trail


def test_the_trail_tells_why_not_in_plain_words(client, anna):
    attribution = make_attribution(anna)
    settlement.settle(make_order(attribution.invitee, goods=1900))

    page = text_of(client.get(f"/account/invite/friends/{attribution.pk}/"))

    assert "The first order was below the $20 that counts." in page
    assert "Bought something" in page
    assert attribution.invitee.email not in page
    assert "19.00" not in page


def test_a_friend_who_has_not_bought_can_be_reminded_by_the_sender(client, anna):
    attribution = make_attribution(anna)

    page = text_of(client.get(f"/account/invite/friends/{attribution.pk}/"))

    assert "Your $5 at Tandem waits until" in page
    assert "mailto:" in page


def test_the_trail_of_somebody_elses_friend_is_not_there(client, anna):
    attribution = make_attribution()

    assert client.get(f"/account/invite/friends/{attribution.pk}/").status_code == 404


# Links


def test_a_member_tells_links_apart_by_their_labels(client, anna):
    for label in ("Flyer", "Instagram"):
        client.post("/account/invite/links/add/", {"label": label})

    page = text_of(client.get("/account/invite/links/"))

    assert "Flyer" in page
    assert "Instagram" in page
    named = ReferralLink.objects.with_code().filter(owner=anna, is_default=False)
    codes = {link.label: link.code for link in named}
    assert len(set(codes.values())) == len(codes) == 2
    assert links.resolve(codes["Flyer"]).label == "Flyer"


def test_the_twenty_first_link_is_refused_with_a_sentence(client, anna):
    for number in range(links.MOST - 1):
        links.add(anna, f"Place {number}")

    # The default link was made with the first and counts among them.
    page = client.post("/account/invite/links/add/", {"label": "One more"}, follow=True)

    assert page.status_code == 200
    assert "You have 20 links, which is the most." in text_of(page)
    assert ReferralLink.objects.filter(owner=anna).count() == links.MOST


def test_a_link_that_ended_makes_room_and_leads_nowhere(client, anna):
    link = links.add(anna, "Flyer")

    client.post(f"/account/invite/links/{link.pk}/end/")

    assert "Flyer" not in text_of(client.get("/account/invite/links/"))
    assert Client().get(f"/r/{link.code}/").cookies.get("tandem_ref") is None
    assert not Visit.objects.exists()


def test_the_default_link_does_not_end(client, anna):
    link = links.default_link(anna)

    assert client.post(f"/account/invite/links/{link.pk}/end/").status_code == 404


def test_a_leaked_link_is_renewed_and_keeps_its_history(client, anna):
    attribution = make_attribution(anna)
    link, old = attribution.link, links.default_link(anna).code

    client.post(f"/account/invite/links/{link.pk}/renew/")

    new = links.default_link(anna).code
    assert new != old
    assert links.resolve(old) is None
    assert links.resolve(new) == link
    assert Code.objects.get(text=old).retired_at
    assert "1 joined" in text_of(client.get("/account/invite/links/"))


def test_figures_are_told_link_by_link(client, anna):
    link = links.add(anna, "Flyer")
    Client().get(f"/r/{link.code}/")

    with counted() as asked:
        page = text_of(client.get("/account/invite/links/"))

    assert "Flyer" in page
    assert len(asked.own) <= 8, asked.own


@pytest.mark.parametrize(("form", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_the_qr_code_is_drawn_here_and_for_its_owner(client, anna, form, start):
    link = links.default_link(anna)
    address = f"/account/invite/links/{link.pk}/qr.{form}"

    picture = client.get(address)

    assert b"".join(picture.streaming_content).startswith(start)
    assert f"{link.code}.{form}" in picture["Content-Disposition"]
    client.force_login(make_member())
    assert client.get(address).status_code == 404


# A link to one product


def test_a_shared_product_is_opened_by_its_own_link(client, anna):
    lamp = make_product("Lamp", slug="lamp")

    for _ in range(2):
        client.post("/account/invite/links/item/", {"product": "lamp"})

    link = ReferralLink.objects.get(product=lamp)
    assert Client().get(f"/r/{link.codes.get().text}/")["Location"] == "/p/lamp/"


def test_a_product_that_is_gone_leads_to_its_category_and_still_counts(anna):
    lamp = make_product("Lamp", slug="lamp")
    link = links.for_product(anna, lamp)
    Product.objects.filter(pk=lamp.pk).update(status=Product.Status.ARCHIVED)
    friend = Client()

    answer = friend.get(f"/r/{link.code}/")

    category = lamp.category.get_absolute_url()
    assert answer["Location"] == category
    page = friend.get(category)
    assert page.status_code == 200
    assert "gives you $5" in text_of(page)


def test_without_product_and_category_home_is_left(anna):
    lamp = make_product("Lamp", slug="lamp")
    link = links.for_product(anna, lamp)
    ReferralLink.objects.filter(pk=link.pk).update(product=None, path="/c/no-more/")

    assert Client().get(f"/r/{link.code}/")["Location"] == "/"


def test_a_product_that_nobody_may_see_is_not_shared(client, anna):
    make_product("Lamp", slug="lamp", status=Product.Status.DRAFT)

    answer = client.post("/account/invite/links/item/", {"product": "lamp"})

    assert answer.status_code == 404
    assert not ReferralLink.objects.exists()


# Printed cards


def test_a_card_brings_one_friend_and_then_says_so(client, anna, mailoutbox):
    client.post("/account/invite/cards/print/")
    card = cards.of_member(anna)[0]
    assert len(cards.of_member(anna)) == cards.ON_A_SHEET
    ben, eve = Client(), Client()
    ben.get(f"/r/{card.code}/")

    join(ben, mailoutbox, "ben@example.com")
    late = eve.get(f"/r/{card.code}/", follow=False)

    assert anna.invited.get().invitee.email == "ben@example.com"
    assert late["Location"] == "/"
    assert "This card has been used already." in text_of(eve.get("/"))
    assert Visit.objects.count() == 1
    page = text_of(client.get("/account/invite/cards/"))
    assert page.count('class="paper-card"') == cards.ON_A_SHEET - 1


def test_two_friends_with_one_card_are_one_friend(anna, mailoutbox):
    cards.make_sheet(anna)
    card = cards.of_member(anna)[0]
    ben, eve = Client(), Client()
    for each in (ben, eve):
        each.get(f"/r/{card.code}/")

    join(ben, mailoutbox, "ben@example.com")
    join(eve, mailoutbox, "eve@example.com")

    assert [each.invitee.email for each in anna.invited.all()] == ["ben@example.com"]


def test_cards_run_out(client, anna):
    for _ in range(cards.MOST // cards.ON_A_SHEET):
        cards.make_sheet(anna)

    page = client.post("/account/invite/cards/print/", follow=True)

    assert "You have printed 100 cards, which is the most." in text_of(page)


# News and choices


def test_news_are_unread_until_somebody_says_so(client, anna):
    Notice.objects.create(user=anna, kind="joined", subject="a:1", text="A friend!")
    assert "1<span" in text_of(client.get("/account/invite/"))

    client.get("/account/invite/news/")
    assert Notice.objects.get().read_at is None
    client.post("/account/invite/news/read/")

    assert Notice.objects.get().read_at
    assert "1<span" not in text_of(client.get("/account/invite/"))


def test_mails_are_chosen_one_by_one(client, anna):
    client.post("/account/invite/news/mails/", {"tells_available": "on"})

    chosen = anna.referral_choices
    assert (chosen.tells_available, chosen.tells_joined) == (True, False)


# Money apart, and the next milestone


def test_the_next_milestone_is_told_in_words_and_follows_what_goes_back(client, anna):
    campaign = Campaign.objects.get(is_default=True)
    terms.publish(campaign, hold_days=0, milestones={3: 1500})
    attribution = make_attribution(anna)
    settlement.settle(make_order(attribution.invitee))

    page = text_of(client.get("/account/invite/"))

    assert "1 of 3 friends have bought" in page
    assert "2 more, and $15 come on top, once." in page


def test_rules_are_for_everybody_and_follow_the_live_terms(client):
    set_terms(inviter_amount=700, cap_per_month=4, credit_days=90, milestones={5: 900})

    page = text_of(client.get("/invitation/rules/"))

    assert "Give $5, get $7." in page
    assert "$9 once for 5 friends" in page
    assert "At most 4 a month and 50 a year are rewarded." in page
    assert "It can be spent for 90 days" in page


# Dates


@pytest.mark.parametrize(
    "dates",
    [{"active_from": timedelta(days=1)}, {"expires_at": -timedelta(seconds=1)}],
)
def test_a_link_outside_its_dates_brings_nobody(mailoutbox, dates):
    link = make_link(text="A01B2C3D")
    moments = {name: timezone.now() + delta for name, delta in dates.items()}
    ReferralLink.objects.filter(pk=link.pk).update(**moments)
    friend = Client()

    friend.get("/r/A01B2C3D/")
    join(friend, mailoutbox, code="A01B2C3D")

    assert not link.owner.invited.exists()


# A friend's landing


def test_who_is_with_us_already_is_told_so_at_once(client, anna):
    other = make_link(text="A01B2C3D")

    client.get("/r/A01B2C3D/")

    assert "You are already with us" in text_of(client.get("/"))
    assert not other.owner.invited.exists()


def test_the_friends_gift_stands_though_the_inviter_is_at_the_cap(anna):
    set_terms(cap_per_month=1, hold_days=0)
    first = make_attribution(anna)
    settlement.settle(make_order(first.invitee))
    friend = Client()

    friend.get(f"/r/{links.default_link(anna).code}/")

    assert "gives you $5 off your first order" in text_of(friend.get("/"))


# Links of the shop's own campaigns


def test_staff_make_a_campaigns_link_and_nobody_earns_by_it(admin_client, mailoutbox):
    campaign = Campaign.objects.get(is_default=True)
    friend = Client()

    admin_client.post(
        "/admin/referrals/referrallink/add/",
        {"campaign": campaign.pk, "label": "Poster", "path": "/new/"},
    )
    link = ReferralLink.objects.get(label="Poster")
    way = friend.get(f"/r/{link.codes.get().text}/")
    join(friend, mailoutbox, "ben@example.com")

    assert way["Location"] == "/new/"
    assert (link.kind, link.owner) == ("campaign", None)
    assert link.attributions.get().inviter is None


def test_a_campaigns_link_stays_on_the_site(admin_client):
    campaign = Campaign.objects.get(is_default=True)

    page = admin_client.post(
        "/admin/referrals/referrallink/add/",
        {"campaign": campaign.pk, "path": "//evil.example"},
    )

    assert "A page of this shop" in page.content.decode()
    assert not ReferralLink.objects.exists()


def test_staff_allow_a_code_that_waits(admin_client, anna):
    code = codes.choose(links.default_link(anna), "FREEBEE")
    picked = {"_selected_action": [code.pk]}

    for action in ("allow", "refuse"):
        admin_client.post("/admin/referrals/code/", {"action": action, **picked})

    assert links.resolve("FREEBEE").owner == anna


def test_a_link_that_staff_have_ended_is_offered_nowhere(client, anna):
    link = links.default_link(anna)
    links.disable(link, reason="Posted on a coupon site")
    client.force_login(anna)

    for path in ("/account/invite/", "/account/invite/links/", "/account/"):
        page = client.get(path)
        assert page.status_code == 200
        assert link.shown not in page.content.decode(), path
    page = client.get("/account/invite/").content.decode()
    assert "No invitations at the moment." in page
    answer = client.post("/account/invite/links/add/", {"label": "Forum"}, follow=True)
    assert answer.status_code == 200
    assert ReferralLink.objects.filter(owner=anna).count() == 1
    assert sharing.invitation_of(anna, terms.current("USD")) is None
