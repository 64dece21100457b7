import pytest
from django.test import RequestFactory

from referrals import origins
from referrals.models import Visit
from referrals.tests.factories import make_link

CHROME = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/120.0.0.0 Mobile Safari/537.36"
)
EDGE = "Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36 Edg/120.0.1"
INSTAGRAM = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Instagram 300.0.0"


def origin(path="/r/A01B2C3D/", address="203.0.113.77", **headers):
    return origins.of(RequestFactory(headers=headers).get(path, REMOTE_ADDR=address))


# R-T14: where somebody came from


@pytest.mark.parametrize(
    ("referrer", "host", "path"),
    [
        ("https://forum.example/thread/9?token=secret#x", "forum.example", "/thread"),
        ("https://Forum.EXAMPLE", "forum.example", ""),
        ("https://user:password@forum.example:8443//x", "forum.example", ""),
        ("android-app://com.google.mail/", "com.google.mail", ""),
        ("about:blank", "", ""),
        ("https://[broken", "", ""),
        ("", "", ""),
    ],
)
def test_of_the_page_before_a_host_and_one_segment_are_kept(referrer, host, path):
    found = origin(Referer=referrer)

    assert (found["referrer_host"], found["referrer_path"]) == (host, path)


def test_a_campaign_of_ours_is_told_by_its_parameters():
    found = origin("/?r=A&utm_source=mail&utm_medium=news%20letter&utm_campaign=may")

    assert found["source"] == "mail"
    assert found["medium"] == "news letter"
    assert found["utm_campaign"] == "may"


def test_the_first_of_two_equal_parameters_counts():
    assert origin("/?utm_source=a&utm_source=b")["source"] == "a"


@pytest.mark.parametrize(
    ("said", "channel"),
    [
        ("whatsapp", "whatsapp"),
        ("WhatsApp", "whatsapp"),
        ("", ""),
        ("made-up", "other"),
        ("x" * 5000, "other"),
    ],
)
def test_a_channel_is_one_of_the_buttons_or_another(said, channel):
    assert origin(f"/r/A01B2C3D/?c={said}")["channel"] == channel


def test_nothing_invisible_is_kept():
    assert origin("/?utm_source=%00a%0d%0a%1bb%ff")["source"] == "ab\ufffd"


# R-P1: networks and browsers


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:aaaa:bbbb::1", "2001:db8:aaaa::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("not an address", ""),
    ],
)
def test_of_an_address_only_what_many_share_is_kept(address, network):
    assert origin(address=address)["network"] == network


def test_the_same_network_is_known_within_a_month_and_not_beyond(time_machine):
    time_machine.move_to("2036-03-01T12:00Z")
    first = origin()["network_hash"]
    other = origin(address="203.0.113.78")["network_hash"]
    time_machine.move_to("2036-03-31T12:00Z")
    same_month = origin()["network_hash"]
    time_machine.move_to("2036-04-01T12:00Z")
    next_month = origin()["network_hash"]

    assert first == same_month
    assert len({first, other, next_month}) == 3
    assert "203" not in first[:3] or len(first) == 64


def test_without_a_proxy_nobody_chooses_their_network():
    found = origin(**{"X-Forwarded-For": "198.51.100.1"})

    assert found["network"] == "203.0.113.0/24"


@pytest.mark.parametrize(
    ("agent", "kept"),
    [
        (CHROME, "Chrome, Android"),
        (EDGE, "Edge, Windows"),
        (INSTAGRAM, "Instagram, iOS"),
        ("curl/8.0", ""),
        ("", ""),
    ],
)
def test_of_a_browser_its_family_and_platform_are_kept(agent, kept):
    assert origin(**{"User-Agent": agent})["agent"] == kept


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_itself_is_no_network_that_people_share(address):
    seen = origin(address=address)

    assert (seen["network"], seen["network_hash"]) == ("", "")


# All of it reaches the row


@pytest.mark.django_db
def test_a_visit_says_where_it_came_from(client):
    make_link(text="A01B2C3D")

    answer = client.get(
        "/r/A01B2C3D/?c=whatsapp&utm_source=mail",
        headers={"Referer": "https://web.whatsapp.com/chat/1", "User-Agent": CHROME},
        REMOTE_ADDR="203.0.113.7",
    )

    assert answer["Location"] == "/?utm_source=mail"
    visit = Visit.objects.get()
    assert (visit.channel, visit.source) == ("whatsapp", "mail")
    assert (visit.referrer_host, visit.referrer_path) == ("web.whatsapp.com", "/chat")
    assert (visit.network, visit.agent) == ("203.0.113.0/24", "Chrome, Android")
    assert visit.landing_path == "/r/A01B2C3D/"


@pytest.mark.django_db
def test_a_page_keeps_a_parameter_that_only_looks_like_a_channel(client):
    make_link(text="A01B2C3D")

    answer = client.get("/search/?q=lamp&c=2&r=A01B2C3D")

    assert answer["Location"] == "/search/?q=lamp&c=2"


@pytest.mark.django_db
def test_the_button_is_not_shown_in_the_address_of_the_page(client):
    make_link(text="A01B2C3D")

    assert client.get("/r/A01B2C3D/?c=x&a=1")["Location"] == "/?a=1"
