"""What a member passes on: the link, the words to send with it, the ways to send them.

Every way carries its own mark, so that reports can tell them apart without a second
code to remember.
"""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from referrals import links
from referrals.models import Attribution, ReferralLink, Terms

MOST_WORDS = 240  # a post, with its link, is cut by some at 280

_WHATSAPP = "https://wa.me/?"
_FACEBOOK = "https://www.facebook.com/sharer/sharer.php?"
_X = "https://x.com/intent/post?"


@dataclass(frozen=True)
class Way:
    """One way to send a link without any script: `href` opens the sender's own app."""

    channel: str
    label: str
    icon: str
    href: str
    is_elsewhere: bool
    is_private: bool = True


@dataclass(frozen=True)
class Share:
    """A member's link and a message: the friend's gain first, nothing hidden.

    What is_private is meant for one person, and is not offered to walls.
    """

    url: str
    code: str
    text: str
    subject: str
    is_private: bool = False

    @property
    def sheet_url(self) -> str:
        return marked(self.url, "sheet")

    @property
    def ways(self) -> list[Way]:
        found = ways(self.url, self.text, self.subject)
        return [way for way in found if way.is_private or not self.is_private]


def invitation_of(user: User, terms: Terms, words: str = "") -> Share:
    """The member's own invitation; the first look at it makes the link.

    `words` stand for the message where the member wrote their own.
    """
    return of_link(links.default_link(user), terms, words)


def of_link(link: ReferralLink, terms: Terms, words: str = "") -> Share:
    """How to pass on one link; `link` comes from `links`, which knows its code."""
    shop = settings.SHOP_NAME
    return Share(
        url=links.url_of(link),
        code=link.shown,
        text=with_disclosure(words, terms) if words else _message(terms),
        subject=f"{terms.friend_short} off at {shop}" if terms.friend_short else shop,
    )


def reminder(attribution: Attribution) -> Share:
    """Words for a friend who joined and did not buy, for the sender's own app."""
    rules = attribution.terms
    day = date_format(
        timezone.localtime(attribution.order_ends_at - timedelta(seconds=1)), "j F"
    )
    shop = settings.SHOP_NAME
    gift = rules.friend_short
    waiting = f"Your {gift} at {shop} waits until {day}" if gift else shop
    sentences = [waiting, disclosure(rules)]
    return Share(
        url=settings.SITE_URL + reverse("home"),
        code="",
        text=", ".join(filter(None, sentences)) + ":",
        subject=waiting,
        is_private=True,
    )


def marked(url: str, channel: str) -> str:
    """The same link, telling by which button it went out."""
    return f"{url}{'&' if '?' in url else '?'}c={channel}"


def ways(url: str, text: str, subject: str) -> list[Way]:
    """Plain links to where people talk. The message is encoded once."""

    def said(channel):
        return f"{text} {marked(url, channel)}"

    # No `+` for a space: mail programs show it as it is.
    mail = _query(subject=subject, body=said("email"))
    facebook = urlencode({"u": marked(url, "facebook")})
    return [
        Way("email", "Email", "mail", f"mailto:?{mail}", False),
        Way(
            "whatsapp",
            "WhatsApp",
            "chat",
            _WHATSAPP + _query(text=said("whatsapp")),
            True,
        ),
        # Both iOS and Android read the body after `?&`; neither does without one.
        Way("sms", "Message", "phone", f"sms:?&{_query(body=said('sms'))}", False),
        Way("facebook", "Facebook", "", _FACEBOOK + facebook, True, False),
        Way("x", "X", "", _X + _query(text=said("x")), True, False),
    ]


def disclosure(terms: Terms) -> str:
    """That the sender is rewarded, in the sender's own voice; empty if they are not."""
    reward = terms.inviter_words
    return f"I get {reward} when you buy" if reward else ""


def with_disclosure(words: str, terms: Terms) -> str:
    """A member's own words, which never leave without saying that the sender gains."""
    words = " ".join(words.split())[:MOST_WORDS]
    told = disclosure(terms)
    return words if not told or told.lower() in words.lower() else f"{words} ({told}.)"


def _message(terms):
    shop = settings.SHOP_NAME
    gift = f"You get {terms.friend_short} off your first order at {shop}"
    sentences = [
        gift if terms.friend_short else f"Have a look at {shop}",
        disclosure(terms),
    ]
    return ", ".join(filter(None, sentences)) + ":"


def _query(**values):
    return urlencode(values, quote_via=quote, safe="")
