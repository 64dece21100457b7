"""Staff's word against a refusal: a reward comes about all the same.

A word is written down and counts beside the caps; where it is much, two people say it.
"""

import logging

from django.db import transaction

from accounts import adjustments, colleagues
from accounts.models import User
from referrals import cases, four_eyes, rewards
from referrals.models import GrantWord, Reward
from referrals.settlement import settle
from shop.kit import money

logger = logging.getLogger("tandem.referrals")

State = Reward.State

# What a word of staff can bring about, or bring about again.
GRANTABLE = (State.VOID, State.REVERSED)


class NotVoid(Exception):
    """The reward came about: there is nothing to grant. The message says by whom."""


class SaidAlready(Exception):
    """This person has said so: another one has to."""


class OverLimit(Exception):
    """More than this person may give in a day."""


class OwnAffair(Exception):
    """Somebody else has to decide about your own reward, or your own inviter's."""


class StillVoid(Exception):
    """Staff's word does not help against this reason, which is the argument."""


def grant_anyway(reward_id: int, actor: User, reason: str) -> Reward:
    """Staff's word: a reward that is void or was taken back comes about, the same row,
    whatever refused it.

    It counts beside the caps and within the budget. Where it is much, it stays void
    until another person says the same. Raises OwnAffair, NotVoid, SaidAlready,
    OverLimit, or StillVoid where the money or the people are not there; then nothing
    has changed.
    """
    with transaction.atomic():
        order_id, recipient = Reward.objects.values_list("order", "recipient").get(
            pk=reward_id
        )
        four_eyes.lock(actor, [recipient])
        case = cases.locked(order_id)
        reward = case.reward
        if actor in (reward.recipient, case.attribution.invitee):
            logger.warning("%s tried to grant their own reward %s", actor, reward_id)
            raise OwnAffair(reward)
        if reward.state not in GRANTABLE:
            raise NotVoid(_granted_by(reward))
        said_before = set(reward.words.values_list("said_by", flat=True))
        today = four_eyes.read(actor, [recipient])
        _within_limit(actor, today, reward)
        needs_two = today.are_needed([reward]) and not said_before - {actor.pk}
        if needs_two and actor.pk in said_before:
            raise SaidAlready(reward)
        GrantWord.objects.create(reward=reward, because=reason, said_by=actor)
        if needs_two:
            return reward
        rewards.waive(reward, actor, reason)
        settlement = settle(order_id)
        reward.refresh_from_db()
        if reward.state in GRANTABLE:
            raise StillVoid(settlement.reason)
    return reward


def _granted_by(reward):
    if reward.waived_at is None:
        return "It has come about by itself."
    return colleagues.already("granted", reward.waived_by, reward.waived_at)


def _within_limit(actor, today, reward):
    """A role's limit of a day holds for adjustments and grants together."""
    limit = adjustments.limit_of(actor)
    if limit is None:
        return
    currency = reward.currency
    given = (today.granted | {reward.pk: reward}).values()
    total = sum(each.amount_at_stake for each in given if each.currency == currency)
    if total + adjustments.moved_today(actor, currency) > limit:
        shown = money.format_money(limit, currency)
        raise OverLimit(f"That is more than the {shown} you may give in a day.")
