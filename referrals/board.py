"""The board: who brought most friends, among those who want to be on it.

Friends count once their reward is available. Nobody is on it unasked, nobody of the
staff ever, and whoever leaves is gone from the next look on.
"""

import re
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, OuterRef, Subquery

from accounts.models import User
from referrals import words
from referrals.models import MemberChoices, Reward

SHORTEST, LONGEST, MOST = 3, 30, 20

_NAME = re.compile(r"[^\W_]+([ '’.-][^\W_]+)*")


class NotAvailable(Exception):
    """This name cannot stand on the board; the message is for a person."""


@dataclass(frozen=True)
class Place:
    """One line of the board. Who brought as many shares a place."""

    rank: int
    name: str
    brought: int
    is_you: bool


def places(user: User) -> list[Place]:
    """The first of the board, the most friends first. One query."""
    brought = (
        Reward.objects.filter(
            recipient=OuterRef("user"),
            state=Reward.State.AVAILABLE,
            currency=settings.SHOP_CURRENCY,
        )
        .order_by()
        .values("recipient")
        .annotate(friends=Count("attribution", distinct=True))
        .values("friends")
    )
    members = (
        MemberChoices.objects.exclude(leaderboard_name="")
        .filter(user__is_staff=False, user__is_active=True)
        .annotate(brought=Subquery(brought))
        .filter(brought__gt=0)
        .order_by("-brought", "leaderboard_name")[:MOST]
    )
    board: list[Place] = []
    for number, each in enumerate(members, start=1):
        ties = bool(board) and board[-1].brought == each.brought
        rank = board[-1].rank if ties else number
        is_you = each.user_id == user.pk
        board.append(Place(rank, each.leaderboard_name, each.brought, is_you))
    return board


def join(user: User, name: str) -> None:
    """Stand on the board under a name that is not one's own. Raises NotAvailable."""
    name = " ".join(name.split())
    fits = SHORTEST <= len(name) <= LONGEST and _NAME.fullmatch(name)
    if not fits or not words.may_be_had(name.upper().replace(" ", "-")):
        raise NotAvailable("This name is not available. Try another one.")
    if user.is_staff:
        raise NotAvailable("The board is for members; the staff do not stand on it.")
    if MemberChoices.objects.filter(leaderboard_name__iexact=name).exclude(user=user):
        raise NotAvailable("This name is not available. Try another one.")
    try:
        with transaction.atomic():
            MemberChoices.objects.update_or_create(
                user=user, defaults={"leaderboard_name": name}
            )
    except IntegrityError as error:
        raise NotAvailable("This name is not available. Try another one.") from error


def leave(user: User) -> None:
    """Not on the board any more, at once. Safe to repeat."""
    MemberChoices.objects.filter(user=user).update(leaderboard_name="")
