"""When a second person has to say the same: by sums of a day, not by single presses.

What one person of the staff lets pass today counts together, approved or granted, and
so does what one member gets by such words, whoever says them. Whoever decides holds the
rows of the people concerned, so that two presses at one moment see each other.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from referrals.models import ReviewCase, ReviewDecision, Reward

_GONE = (Reward.State.VOID, Reward.State.REVERSED)


@dataclass
class Today:
    """What passed by staff's word since midnight, as rewards by their pk.

    `approved` and `granted` by one person, `to_members` by anybody.
    """

    approved: dict[int, Reward] = field(default_factory=dict)
    granted: dict[int, Reward] = field(default_factory=dict)
    to_members: dict[int, Reward] = field(default_factory=dict)

    def are_needed(self, more: Iterable[Reward]) -> bool:
        """Whether these rewards on top are too much for one person's word."""
        more = {reward.pk: reward for reward in more}
        if is_much((self.approved | self.granted | more).values()):
            return bool(more)
        members = {reward.recipient_id for reward in more.values()}
        got = (self.to_members | more).values()
        return any(
            is_much(each for each in got if each.recipient_id == member)
            for member in members
        )


def is_much(rewards: Iterable[Reward]) -> bool:
    """Whether their sum, in any one currency, is above the limit of one person."""
    sums: Counter[str] = Counter()
    for reward in rewards:
        sums[reward.currency] += reward.amount_at_stake
    return any(total > settings.REFERRAL_TWO_PEOPLE_FROM for total in sums.values())


def lock(actor: User | None, members: Iterable[int | None]) -> None:
    """Hold the rows of the people whose sums are about to be read."""
    concerned = {*members, actor and actor.pk} - {None}
    people = User.objects.select_for_update(no_key=True).filter(pk__in=concerned)
    list(people.order_by("pk").values("pk"))


def read(actor: User, members: Iterable[int | None]) -> Today:
    """What this person let pass today, and what these members got. Three queries."""
    midnight = _midnight()
    passing = Reward.objects.exclude(state__in=_GONE)
    approved = Q(
        attribution__review__state=ReviewCase.State.APPROVED,
        attribution__review__decisions__verdict=ReviewDecision.Verdict.APPROVE,
        attribution__review__decisions__created_at__gte=midnight,
    )
    granted = Q(waived_at__isnull=False, words__created_at__gte=midnight)
    by_actor = Q(attribution__review__decisions__decided_by=actor)
    gave = passing.filter(approved & by_actor)
    given = passing.filter(granted, words__said_by=actor)
    got = passing.filter(approved | granted, recipient__in={*members} - {None})
    return Today(*(_by_pk(rows) for rows in (gave, given, got)))


def _by_pk(rows):
    return {reward.pk: reward for reward in rows}


def _midnight():
    now = timezone.localtime(timezone.now(), timezone.get_default_timezone())
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
