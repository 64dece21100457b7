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
from referrals import name_reports, names, words
from referrals.models import MemberChoices, NameCase, Reward
from shop.kit.lines import isolated

SHORTEST, LONGEST, MOST = 3, 30, 20

_WORDS = re.compile(r"[^\W_]+")
_NAME = re.compile(r"[^\W_]+([ '’.-][^\W_]+)*")


class NotAvailable(Exception):
    """This name cannot stand on the board; the message is for a person."""


@dataclass(frozen=True)
class Place:
    """One line of the board. Who brought as many shares a place.

    A name that is not shown at present reads as "A member"; at `report_url` a reader
    who minds it says so.
    """

    rank: int
    name: str
    brought: int
    is_you: bool
    report_url: str = ""


def places(user: User) -> list[Place]:
    """The first of the board, the most friends first. One query."""
    members = _members().order_by("-brought", "leaderboard_name")[:MOST]
    board: list[Place] = []
    for number, each in enumerate(members, start=1):
        ties = bool(board) and board[-1].brought == each.brought
        rank = board[-1].rank if ties else number
        board.append(_place(rank, each, is_you=each.user_id == user.pk))
    return board


def place_of(user: User, shown: list[Place]) -> Place | None:
    """Where a member stands who is on the board, and beyond what is `shown`.

    None for whoever is shown, or not on it. Two queries at most.
    """
    if any(place.is_you for place in shown):
        return None
    members = _members()
    own = members.filter(user=user).first()
    if own is None:
        return None
    ahead = members.filter(brought__gt=own.brought).count()
    return _place(ahead + 1, own, is_you=True)


def join(user: User, name: str) -> None:
    """Stand on the board under a name that is not one's own. Raises NotAvailable."""
    name = " ".join(name.split())
    if _is_own(user, name):
        raise NotAvailable("That is your own name. Choose another one for the board.")
    fits = SHORTEST <= len(name) <= LONGEST and _NAME.fullmatch(name)
    if not fits or not words.may_be_had(name.upper().replace(" ", "-")):
        raise NotAvailable("This name is not available. Try another one.")
    if user.is_staff:
        raise NotAvailable("The board is for members; the staff do not stand on it.")
    if MemberChoices.objects.filter(leaderboard_name__iexact=name).exclude(user=user):
        raise NotAvailable("This name is not available. Try another one.")
    try:
        _take(user, name)
    except IntegrityError as error:
        raise NotAvailable("This name is not available. Try another one.") from error


def leave(user: User) -> None:
    """Not on the board any more, at once. Safe to repeat."""
    mine = MemberChoices.objects.filter(user=user)
    mine.update(leaderboard_name="", leaderboard_hidden_at=None)


def _members():
    """Whoever is on the board and has brought somebody, with how many."""
    brought = (
        Reward.objects.filter(
            recipient=OuterRef("user"),
            state__in=Reward.PAID,
            currency=settings.SHOP_CURRENCY,
        )
        .order_by()
        .values("recipient")
        .annotate(friends=Count("attribution", distinct=True))
        .values("friends")
    )
    return (
        MemberChoices.objects.exclude(leaderboard_name="")
        .filter(user__is_staff=False, user__is_active=True)
        .annotate(brought=Subquery(brought))
        .filter(brought__gt=0)
    )


def _is_own(user, name):
    """Whether a word of it is one of theirs; of two letters everybody has some."""
    own = {words.folded(word) for word in user.name.split() if len(word) > 2}
    return bool(own & {words.folded(word) for word in _WORDS.findall(name)})


def _place(rank, choices, *, is_you):
    is_read = choices.leaderboard_hidden_at is None
    return Place(
        rank=rank,
        name=isolated(choices.leaderboard_name) if is_read else "A member",
        brought=choices.brought,
        is_you=is_you,
        report_url=name_reports.url_of_board(choices) if is_read and not is_you else "",
    )


def _take(user, name):
    with transaction.atomic():
        # The lock of reports: what is said about a name meets the name it is about.
        user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if names.is_refused(user, name):
            raise NotAvailable("This name is not available. Try another one.")
        hidden_at = names.hidden_since(user, NameCase.Kind.BOARD, name)
        MemberChoices.objects.update_or_create(
            user=user,
            defaults={"leaderboard_name": name, "leaderboard_hidden_at": hidden_at},
        )
