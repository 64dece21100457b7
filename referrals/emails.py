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
