"""What a member passes on: by which button it went out, and that it fits there."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.test import Client

from referrals import cards, invitations, links, sharing, terms
from referrals.channels import Channel, marked
from referrals.models import Visit
from referrals.tests.factories import make_member, make_order, set_terms
from shop.kit.models import Message

pytestmark = pytest.mark.django_db

TOLD = "I get $5 when you buy"


@pytest.fixture
def anna(client):
    member = make_member("anna@example.com", name="Anna Lind")
    client.force_login(member)
    return member


def marks_in(text):
    return set(re.findall(r"[?&]c=(\w+)", unquote(unquote(text))))


def said_on(channel, share):
    """The message that a button carries, and how long its address is."""
    [way] = [way for way in share.ways if way.channel == channel]
    query = parse_qs(urlsplit(way.href).query.lstrip("&"))
    return query.get("text", query.get("body"))[0], len(way.href)


# By which button


def test_every_mark_that_is_sent_is_known_and_every_known_one_is_sent(
    client, anna, settings, run_jobs
):
    settings.REFERRAL_INVITATION_MAILS = True
    make_order(anna)
    cards.make_sheet(anna)
    invitations.invite(anna, "ben@example.com")
    run_jobs()
    link = links.default_link(anna)
    card = cards.of_member(anna)[0]

    invite = client.get("/account/invite/").content.decode()
    sent = marks_in(invite) | marks_in(
        client.get("/account/invite/links/").content.decode()
    )
    sent |= marks_in(Message.objects.get(kind="invitation").text)
    if links.drawn(f"{links.url_of(link)}?c=qr")["d"] in invite:
        sent.add("qr")
    paper = client.get("/account/invite/cards/").content.decode()
    if links.drawn(f"{card.url}?c=paper")["d"] in paper:
        sent.add("paper")

    assert sent == set(Channel.values) - {Channel.OTHER.value}


@pytest.mark.parametrize("channel", Channel.values)
def test_a_mark_is_kept_with_the_visit(anna, channel):
    url = marked(links.url_of(links.default_link(anna)), Channel(channel))

    Client().get(urlsplit(url).path, {"c": channel})

    assert Visit.objects.get().channel == channel


def test_a_mark_of_nobodys_is_one_channel(anna):
    Client().get(f"/r/{links.default_link(anna).code}/", {"c": "whatever"})

    assert Visit.objects.get().channel == "other"


@pytest.mark.parametrize("address", ["/account/invite/", "/account/invite/links/"])
def test_what_is_copied_is_marked_and_what_is_shown_is_plain(client, anna, address):
    page = client.get(address).content.decode()

    url = links.url_of(links.default_link(anna))
    assert f'readonly value="{url}"' in page
    assert f'data-copy-text="{url}?c=copy"' in page


# That it fits


def shared(user, words, **changes):
    offer = set_terms(**changes) if changes else terms.current("USD")
    return sharing.invitation_of(user, offer, words)


@pytest.mark.parametrize("letter", ["x", "ж", "猫", "🐈"])
def test_a_post_fits_with_its_link_and_says_that_the_sender_gains(anna, letter):
    share = shared(anna, f"{letter * 5} " * 100)

    said, _ = said_on(Channel.X, share)

    words, _, url = said.rpartition(" ")
    weight = sum(1 if ord(each) <= 0x10FF or each == "…" else 2 for each in words)
    # Whatever its length, X counts a link as 23.
    assert weight + 1 + 23 <= 280 + said.count("…")
    assert url == f"{share.url}?c=x"
    assert TOLD in said


def test_the_disclosure_is_not_what_is_cut(anna):
    share = shared(anna, "猫 " * 110 + TOLD)

    said, _ = said_on(Channel.X, share)

    assert "…" in said
    assert TOLD in said


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.SMS, Channel.WHATSAPP])
@pytest.mark.parametrize("letter", ["x", "猫", "🐈"])
def test_no_address_is_longer_than_programs_take(anna, channel, letter):
    said, length = said_on(channel, shared(anna, letter + f" {letter * 3}" * 100))

    assert length <= 2000
    assert TOLD in said
    assert channel != Channel.SMS or len(said) <= 459


def test_what_fits_is_left_as_it_is(anna):
    said, _ = said_on(Channel.X, shared(anna, "Look, a lamp!"))

    assert said.startswith(f"Look, a lamp! ({TOLD}.) http")


def test_the_ready_message_fits_under_a_long_offer(anna, settings):
    settings.SHOP_NAME = "The shop with a name that goes on and on " * 6

    said, _ = said_on(Channel.X, shared(anna, ""))

    assert len(said.rpartition(" ")[0]) + 24 <= 280
    assert TOLD in said
