"""What an inviter receives by mail."""

from django.conf import settings
from django.urls import reverse

from referrals.models import Reward
from shop.kit import mail


def reward_available(reward: Reward) -> None:
    """The credit is in the balance.

    One mail per reward, however often this is called.
    """
    mail.write(
        "reward_available",
        f"reward:{reward.pk}",
        reward.recipient.email,
        "reward_available",
        {
            "reward": reward,
            "friend": reward.attribution.invitee.public_name,
            "invite_url": settings.SITE_URL + reverse("referrals:invite"),
        },
    )


def reward_reversed(reward: Reward, taken: int) -> None:
    """The credit went back: `taken` of it from the balance, the rest is owed.

    One mail each time that happens, for a reward may come back and go again.
    """
    mail.write(
        "reward_reversed",
        f"reward:{reward.pk}:{reward.sequence}",
        reward.recipient.email,
        "reward_reversed",
        {
            "reward": reward,
            "friend": reward.attribution.invitee.public_name,
            "taken": taken,
            "owed": reward.amount - taken,
            "balance_url": settings.SITE_URL + reverse("accounts:balance"),
        },
    )
