"""What a test wants to find in the running shop; each function runs inside of it."""

from datetime import timedelta

from django.utils import timezone

from accounts import adjustments
from accounts.models import User
from referrals import settlement
from referrals.models import ReviewCase
from referrals.tests.factories import make_attribution, make_member, make_order
from shop.demo import people

COLLEAGUE = "kim@tandem.example"
FRIENDS = 4


def friends_to_look_at() -> None:
    """Four friends of one inviter who bought; two of them at one device.

    Safe to repeat: several tests want them.
    """
    if User.objects.filter(email="inviter@tandem.example").exists():
        return
    inviter = make_member("inviter@tandem.example")
    for number in range(FRIENDS):
        friend = make_member(f"guest-{number}@tandem.example", days_ago=1)
        attribution = make_attribution(inviter, friend)
        evidence = "device 0123456789ab" if number < 2 else f"device {number:012}"
        attribution.signals.create(code="same_device", weight=60, evidence=evidence)
        # Before those of the demo: the queue begins with them.
        ReviewCase.objects.create(
            attribution=attribution,
            score=60,
            opened_at=timezone.now() - timedelta(days=300),
        )
        settlement.settle(make_order(friend))


def adjustment_to_confirm() -> None:
    """A colleague wants to give a member so much that it takes a second person."""
    colleague = make_member(COLLEAGUE, is_staff=True, is_superuser=True)
    adjustments.ask(
        owner=User.objects.get(email=people.MEMBER.email),
        amount=6000,
        is_credit=True,
        currency="USD",
        reason="A lamp that burned",
        words="Sorry for the trouble",
        token="scene",
        actor=colleague,
    )
