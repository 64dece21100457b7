"""The friends whom the demo's customer brought: one bought, one joined, one looked."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from referrals import attributions, links, terms, visits
from referrals.models import Attribution, Campaign, ReferralLink, Visit, Visitor
from shop.demo.people import Person, buy, join

_BUYER = Person("Friend who bought", "ben@tandem.example", "Ben Karlsen")
_QUIET = Person("Friend who joined", "noor@tandem.example", "Noor Haddad", False)


def load(inviter: User) -> None:
    """Let them come by the inviter's link. Safe to repeat; the shop must be open."""
    _pay_at_once()
    link = links.default_link(inviter)
    friend = _come(_BUYER, link, days_ago=9)
    _come(_QUIET, link, days_ago=3)
    _open(link, timezone.now() - timedelta(days=1))
    buy(friend, {"TG-DUN-CLAY": 2})


def _pay_at_once():
    """No hold in the demo: the story is visible the moment it happens."""
    campaign = Campaign.objects.get(is_default=True)
    if terms.newest(campaign, settings.SHOP_CURRENCY).hold_days:
        terms.publish(campaign, hold_days=0)


def _come(person: Person, link: ReferralLink, *, days_ago: int) -> User:
    user = join(person, days_ago=days_ago)
    if not Attribution.objects.filter(invitee=user).exists():
        clicked_at = user.date_joined - timedelta(days=1)
        with transaction.atomic():
            attributions.attribute(user, _open(link, clicked_at))
            attributions.activate(user)
    return user


def _open(link: ReferralLink, moment: datetime) -> Visitor:
    """A browser that opened the link at some moment."""
    visitor, is_new = Visitor.objects.get_or_create(
        token_hash=f"demo-{link.pk}-{moment:%Y-%m-%d}",
        defaults={"created_at": moment, "confirmed_at": moment},
    )
    if is_new:
        Visit.objects.create(
            visitor=visitor,
            link=link,
            bucket=visits.half_hour_of(moment),
            first_at=moment,
            last_at=moment,
        )
    return visitor
