"""Where a movement of a member's balance came from: the friend, or the friends."""

from django.urls import reverse

from accounts.ledger import repaying
from accounts.models import User
from accounts.statements import Cause, Line
from referrals.models import Reward


def of_lines(user: User, lines: list[Line]) -> dict[int, Cause]:
    """By the numbers of the lines. One query, or none; the keys say which reward."""
    rewards = {line.pk: _number(line, "reward") for line in lines}
    wanted = {number for number in rewards.values() if number}
    friends = dict(
        Reward.objects.filter(recipient=user, pk__in=wanted).values_list(
            "pk", "attribution"
        )
        if wanted
        else []
    )
    found = {
        pk: Cause(
            reverse("referrals:friend", args=[friends[number]]), "Your friend’s way"
        )
        for pk, number in rewards.items()
        if number in friends
    }
    all_friends = Cause(f"{reverse('referrals:invite')}#friends", "Your friends")
    return found | {
        line.pk: all_friends for line in lines if _number(line, "milestone")
    }


def _number(line, what):
    """Of `reward:9:3:taken` the 9, if it is a key of that kind; what such credit paid
    of a debt has the same cause."""
    kind, _, rest = repaying(line.key).partition(":")
    number = rest.partition(":")[0]
    return int(number) if kind == what and number.isdecimal() else None
