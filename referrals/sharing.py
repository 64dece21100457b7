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
from referrals.channels import Channel, marked
from referrals.models import Attribution, ReferralLink, Terms

MOST_WORDS = 240

# X weighs letters beyond Latin and its neighbours twice, and any link as 23.
_X_MOST, _X_LINK = 280, 23
_SMS_MOST = 459  # three messages, which telephones join
_URL_MOST = 1800  # longer addresses are refused by some mail programs

_WHATSAPP = "https://wa.me/?"
_FACEBOOK = "https://www.facebook.com/sharer/sharer.php?"
_X = "https://x.com/intent/post?"


@dataclass(frozen=True)
class Way:
    """One way to send a link without any script: `href` opens the sender's own app."""

    channel: Channel
    icon: str
    href: str
    is_elsewhere: bool
    is_private: bool = True

    @property
    def label(self) -> str:
        return self.channel.label


@dataclass(frozen=True)
class Share:
    """A member's link and a message: the friend's gain first, nothing hidden.

    `told` is the part of the message that no shortening may lose. What is_private is
    meant for one person, and is not offered to walls.
    """

    url: str
    code: str
    text: str
    subject: str
    told: str = ""
    is_private: bool = False

    @property
    def copy_url(self) -> str:
        return marked(self.url, Channel.COPY)

    @property
    def sheet_url(self) -> str:
        return marked(self.url, Channel.SHEET)

    @property
    def qr_url(self) -> str:
        return marked(self.url, Channel.QR)

    @property
    def ways(self) -> list[Way]:
        found = ways(self.url, self.text, self.subject, self.told)
        return [way for way in found if way.is_private or not self.is_private]


def invitation_of(
    user: User, terms: Terms, words: str = "", *, code: str | None = None
) -> Share | None:
    """The member's own invitation, if there is one; a first look makes the link.

    `words` stand for the message where the member wrote their own, `code` is known to
    whoever asked for `links.own_code`.
    """
    try:
        return _of_code(code or links.default_link(user).shown, terms, words)
    except links.NoOffer:
        return None


def of_link(link: ReferralLink, terms: Terms, words: str = "") -> Share:
    """How to pass on one link; `link` comes from `links`, which knows its code."""
    return _of_code(link.shown, terms, words)


def _of_code(code, terms, words):
    shop = settings.SHOP_NAME
    told = disclosure(terms)
    return Share(
        url=links.address(code),
        code=code,
        text=with_disclosure(words[:MOST_WORDS], told) if words else _message(terms),
        told=told,
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
    told = disclosure(rules)
    return Share(
        url=settings.SITE_URL + reverse("home"),
        code="",
        text=", ".join(filter(None, [waiting, told])) + ":",
        subject=waiting,
        told=told,
        is_private=True,
    )


def ways(url: str, text: str, subject: str, told: str = "") -> list[Way]:
    """Plain links to where people talk. The message is encoded once, and fits there."""

    def said(channel):
        link = marked(url, channel)
        return f"{_fitted(channel, text, link, told)} {link}"

    # No `+` for a space: mail programs show it as it is.
    mail = _query(subject=subject, body=said(Channel.EMAIL))
    whatsapp = _WHATSAPP + _query(text=said(Channel.WHATSAPP))
    # Both iOS and Android read the body after `?&`; neither does without one.
    sms = _query(body=said(Channel.SMS))
    facebook = _FACEBOOK + urlencode({"u": marked(url, Channel.FACEBOOK)})
    x = _X + _query(text=said(Channel.X))
    return [
        Way(Channel.EMAIL, "mail", f"mailto:?{mail}", False),
        Way(Channel.WHATSAPP, "chat", whatsapp, True),
        Way(Channel.SMS, "phone", f"sms:?&{sms}", False),
        Way(Channel.FACEBOOK, "", facebook, True, False),
        Way(Channel.X, "", x, True, False),
    ]


def disclosure(terms: Terms) -> str:
    """That the sender is rewarded, in the sender's own voice; empty if they are not."""
    reward = terms.inviter_words
    return f"I get {reward} when you buy" if reward else ""


def with_disclosure(words: str, told: str) -> str:
    """A member's own words, which never leave without saying that the sender gains."""
    words = " ".join(words.split())
    return words if not told or told.lower() in words.lower() else f"{words} ({told}.)"


def _fitted(channel, text, link, told):
    """The message as that channel takes it; shortened, it still tells what it must."""
    words, fitted = text.split(), text
    while words and not _fits(channel, fitted, link):
        words.pop()
        fitted = with_disclosure(" ".join(words) + "…", told)
    return fitted


def _fits(channel, text, link):
    if channel == Channel.X:
        return _weight(text) + 1 + _X_LINK <= _X_MOST
    if channel == Channel.SMS and len(text) + 1 + len(link) > _SMS_MOST:
        return False
    return len(quote(text)) <= _URL_MOST


def _weight(text):
    light = ((0, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))
    return sum(
        1 if any(low <= ord(letter) <= high for low, high in light) else 2
        for letter in text
    )


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
