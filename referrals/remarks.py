"""What somebody is told about an invitation that brings them nothing.

At once, and in plain words: at the till it would be too late.
"""

from django.contrib import messages

from accounts.models import User
from referrals import baskets, candidates, discounts, handoff, visits
from referrals.models import ReferralLink

INACTIVE = "This invitation is not active."
USED_UP = "This card has been used already."
OWN = "This is your own link. It counts when somebody else opens it."
STAFF = "You are signed in as staff, so this visit is not counted."
MEMBER = (
    "You are already with us, and this invitation is for somebody new. "
    "Share your own link instead."
)
NOT_COUNTED = "This invitation does not count for your account: it is for somebody new."


def to_member(request, link: ReferralLink) -> None:
    """Tell a member who opens a link whom it is for.

    A cart that somebody put together is for whom they sent it to.
    """
    if not baskets.is_one(link):
        messages.info(request, MEMBER)


def at_sign_in(request, user: User) -> None:
    """The same for somebody who opened it before they signed in."""
    touch = _promised_here(request)
    if (
        touch
        and touch.touched_at > user.date_joined
        and touch.link.owner != user
        and not user.is_staff
        and not discounts.promised(user)
    ):
        to_member(request, touch.link)


def after_void(request) -> None:
    """Tell a friend whose address turns out to be known that nothing comes of it."""
    messages.info(request, NOT_COUNTED)


def _promised_here(request):
    visitor = visits.visitor_of(request)
    if visitor is None:
        return candidates.carried(handoff.of(request))
    return None if visitor.dismissed_at else candidates.standing(visitor)
