"""What an inviter receives by mail, and whom they had the shop write to."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import User
from referrals import name_reports, names
from referrals.channels import Channel, marked
from referrals.models import (
    Attribution,
    Invitation,
    MilestoneReward,
    ReviewCase,
    Reward,
    Terms,
)
from shop.kit import mail

# Who comes by these may have bought before.
_AFTER_ORDERS = (Attribution.Method.GUEST_ORDER, Attribution.Method.STAFF)


def friend_joined(attribution: Attribution) -> None:
    """A friend has joined, and may buy until a day. One mail per friend."""
    mail.write(
        "friend_joined",
        f"attribution:{attribution.pk}",
        attribution.inviter.email,
        "friend_joined",
        {
            "terms": attribution.terms,
            "friend": names.short(attribution.invitee),
            # The window ends at midnight; people are told its last day.
            "last_day": attribution.order_ends_at - timedelta(seconds=1),
            "has_bought": attribution.method in _AFTER_ORDERS
            and attribution.invitee.orders.filter(confirmed_at__isnull=False).exists(),
            **_links(),
        },
    )


def reward_pending(reward: Reward, hold: str = "") -> None:
    """A friend bought, and the credit comes on a day, or by the words of its hold.

    One mail per reward, also if it waits anew.
    """
    mail.write(
        "reward_pending",
        f"reward:{reward.pk}",
        reward.recipient.email,
        "reward_pending",
        {
            "reward": reward,
            "friend": names.short(reward.attribution.invitee),
            "hold": hold,
            **_links(),
        },
    )


def reward_available(reward: Reward) -> None:
    """The credit is in the balance.

    One mail each time it comes, for a reward may go back and come again.
    """
    mail.write(
        "reward_available",
        f"reward:{reward.pk}:{reward.sequence}",
        reward.recipient.email,
        "reward_available",
        {
            "reward": reward,
            "friend": names.short(reward.attribution.invitee),
            **_links(),
        },
    )


def reward_reversed(reward: Reward, amount: int, taken: int, why: str) -> None:
    """Credit went back, or a part of it: `taken` from the balance, the rest is owed.

    One mail each time that happens, for a reward may come back and go again.
    """
    mail.write(
        "reward_reversed",
        f"reward:{reward.pk}:{reward.sequence}",
        reward.recipient.email,
        "reward_reversed",
        {
            "reward": reward,
            "friend": names.short(reward.attribution.invitee),
            "amount": amount,
            "taken": taken,
            "why": why,
            "owed": amount - taken,
            "balance_url": settings.SITE_URL + reverse("accounts:balance"),
            **_links(),
        },
    )


def reward_void(reward: Reward, event_id: int, why: str, appeal_email: str) -> None:
    """What was on the way does not come. One mail each time, for it may wait again."""
    friend = reverse("referrals:friend", args=[reward.attribution_id])
    mail.write(
        "reward_void",
        f"reward:{reward.pk}:{event_id}",
        reward.recipient.email,
        "reward_void",
        {
            "reward": reward,
            "friend": names.short(reward.attribution.invitee),
            "why": why,
            "appeal_email": appeal_email,
            "friend_url": settings.SITE_URL + friend,
            **_links(),
        },
    )


def invitation(
    invitation: Invitation, terms: Terms, invite_url: str, stop_url: str
) -> None:
    """The shop writes to somebody it does not know, for a member. Once for ever.

    It says who wanted it, who sends it and from where, and how to get none again.
    """
    mail.write(
        "invitation",
        f"invitation:{invitation.pk}",
        invitation.address,
        "invitation",
        {
            "sender": names.of_sender(invitation.sender),
            "report_url": _report_url(invitation),
            "note": invitation.note,
            "terms": terms,
            "invite_url": marked(invite_url, Channel.EMAIL),
            "stop_url": stop_url,
            "postal_address": settings.SHOP_POSTAL_ADDRESS,
        },
        unsubscribe_url=stop_url,
    )


def review_question(case: ReviewCase, friend: User, question: str) -> None:
    """A member of staff asks a friend something. One mail per question."""
    asked = case.decisions.filter(verdict="ask").count()
    mail.write(
        "review_question",
        f"review:{case.pk}:{asked}",
        friend.email,
        "review_question",
        _about_question(question),
    )


@dataclass(frozen=True)
class Letter:
    """The mail that asks a friend something, without the question itself."""

    subject: str
    before: str
    after: str


def around_question() -> Letter:
    """What a friend reads before and after what staff ask: the very mail."""
    place = "\n\N{OBJECT REPLACEMENT CHARACTER}\n"
    context = _about_question(place) | {
        "shop_name": settings.SHOP_NAME,
        "site_url": settings.SITE_URL,
    }
    subject = render_to_string("emails/review_question.subject.txt", context)
    text = render_to_string("emails/review_question.txt", context)
    before, _, after = text.partition(place)
    return Letter(subject.strip(), before.strip(), after.strip())


def _about_question(question):
    return {"question": question, "support_email": settings.SUPPORT_EMAIL}


def milestone_reached(reward: MilestoneReward, amount: int) -> None:
    """So many friends bought that there is credit on top.

    One mail each time, for it may go back and come again.
    """
    mail.write(
        "milestone_reached",
        f"milestone:{reward.pk}:{reward.sequence}",
        reward.recipient.email,
        "milestone_reached",
        {"reward": reward, "amount": amount, **_links()},
    )


def _links():
    return {
        "invite_url": settings.SITE_URL + reverse("referrals:invite"),
        "choices_url": f"{settings.SITE_URL}{reverse('referrals:news')}#choices",
    }


def _report_url(invitation):
    return settings.SITE_URL + name_reports.url_of_inviter(invitation.link)
