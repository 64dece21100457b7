"""Printed cards: ten codes on a sheet, each for one new friend.

Every card is a link of its own, so that whoever joins by it is known by it. It is used
up the moment somebody has joined, not when it is opened: a code is read twice easily.
"""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from referrals import codes, links
from referrals.channels import Channel, marked
from referrals.models import Code, ReferralLink

ON_A_SHEET = 10
MOST = 100  # cards that one member may ever have printed

Kind = ReferralLink.Kind


class TooMany(Exception):
    """This member has printed as many cards as anybody may."""


@dataclass(frozen=True)
class Card:
    """One printed card: its code, where it leads, whether somebody joined by it."""

    code: str
    url: str
    is_used: bool

    @property
    def drawn(self) -> dict:
        return links.drawn(marked(self.url, Channel.PAPER))


def make_sheet(user: User) -> None:
    """Ten new cards of a member. Raises TooMany, or NoOffer of `links`."""
    default = links.default_link(user)
    with transaction.atomic():
        # The lock: two tabs must not both print the last sheet.
        ReferralLink.objects.select_for_update(no_key=True).get(pk=default.pk)
        if _codes(user).count() + ON_A_SHEET > MOST:
            raise TooMany
        for _ in range(ON_A_SHEET):
            link = ReferralLink.objects.create(
                owner=user, campaign_id=default.campaign_id, kind=Kind.PAPER
            )
            codes.draw(link, kind=Code.Kind.CARD)


def of_member(user: User) -> list[Card]:
    """A member's cards, in the order they were made; used ones last. One query."""
    found = [
        Card(code.display, links.address(code.display), code.redeemed_at is not None)
        for code in _codes(user).order_by("pk")
    ]
    return sorted(found, key=lambda card: card.is_used)


def is_used_up(link: ReferralLink) -> bool:
    """Whether somebody has joined by this card. Other links cost no query."""
    if link.kind != Kind.PAPER:
        return False
    unused = Code.objects.filter(link=link, kind=Code.Kind.CARD, redeemed_at=None)
    return not unused.exists()


def redeem(link: ReferralLink) -> bool:
    """Somebody joins by this link: use the card up. False if somebody was faster.

    A link that is no card is never used up.
    """
    if link.kind != Kind.PAPER:
        return True
    unused = Code.objects.filter(link=link, kind=Code.Kind.CARD, redeemed_at=None)
    return bool(unused.update(redeemed_at=timezone.now()))


def _codes(user):
    return Code.objects.filter(
        link__owner=user, link__kind=Kind.PAPER, kind=Code.Kind.CARD, retired_at=None
    )
