"""What a member passes on: the link, the words to send with it, the picture to show."""

from dataclasses import dataclass

from django.conf import settings

from accounts.models import User
from referrals import links
from referrals.models import Terms
from shop.kit.money import format_money


@dataclass(frozen=True)
class Share:
    """A member's link and a message: the friend's gain first, nothing hidden."""

    url: str
    code: str
    text: str
    subject: str


def invitation_of(user: User, terms: Terms) -> Share:
    """The member's own invitation; the first look at it makes the link."""
    link = links.default_link(user)
    shop = settings.SHOP_NAME
    friend, mine = (
        format_money(amount, terms.currency, short=True)
        for amount in (terms.friend_amount, terms.inviter_amount)
    )
    gift = (
        f"You get {friend} off your first order at {shop}"
        if terms.friend_amount
        else ""
    )
    reward = f"I get {mine} when you buy"
    # The sender is rewarded, and says so.
    sentences = [
        gift or f"Have a look at {shop}",
        *([reward] if terms.inviter_amount else []),
    ]
    return Share(
        url=links.url_of(link),
        code=link.code,
        text=", ".join(sentences) + ":",
        subject=f"{friend} off at {shop}" if terms.friend_amount else shop,
    )
