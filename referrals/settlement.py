"""`settle(order)`: read every fact, compute what is due, write the difference.

Webhooks, the sweep and the release of due rewards all come here, any number of times
and in any order. Duplicated, late or concurrent calls cannot matter: `cases` locks and
reads, `rules` decides, `rewards` moves.
"""

import logging

from django.db import transaction
from django.db.models import Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from orders.models import Order
from referrals import (
    attributions,
    breaker,
    budgets,
    cases,
    milestones,
    quotas,
    rewards,
    risk,
    rules,
)
from referrals.models import ReviewCase, Reward, Settlement
from referrals.rules import TAKES_BACK

logger = logging.getLogger("tandem.referrals")

State = Reward.State

# What a rule that broke leaves behind, and what it stands for in a preview.
RULE_FAILED = "rule_failed"

# Why nothing is paid while the breaker holds.
PAUSED = "releases_paused"


def settle(order: Order | int) -> Settlement | None:
    """Make an order's reward what it ought to be; None if nobody brought the customer.

    Safe to repeat and to race. A rule that breaks changes no reward: a person looks.
    """
    order_id = order if isinstance(order, int) else order.pk
    with transaction.atomic():
        case = cases.locked(order_id)
        if case is None:
            return None
        _look_at(case)
        try:
            wanted = _wanted(case)
        except rules.RuleFailed:
            logger.exception("order %s waits for a person", case.order.code)
            _park(case)
            return _settled_as(case, RULE_FAILED)
        reason = _make_so(case, wanted)
        _freeze_or_thaw(case, wanted)
        _let_run_out(case)
        if case.terms == case.attribution.terms and case.attribution.has_milestones:
            milestones.settle(case.order, case.attribution, case.budget)
        is_news = case.last and case.last.reason != reason
        settlement = _settled_as(case, reason)
        if is_news:
            _settle_others(case)
    return settlement


def judge_and_settle(order_id: int) -> Settlement | None:
    """What real time and every sweep do with an order: see who paid, then settle.

    A signal that was lost must not spare a friend whose card is somebody else's.
    """
    attributions.judge_payment(order_id)
    return settle(order_id)


def _settle_others(case):
    """Another order may be the first that counts now: the worker looks at each."""
    from referrals import jobs  # they call us

    for order in case.others:
        jobs.settle.enqueue(order.pk)


# The decision


def _look_at(case):
    """Before something is promised and before it is paid, write down what speaks
    against the friend; in between nothing is to be gained by it."""
    if not case.order.confirmed_at or case.attribution.inviter is None:
        return
    reward = case.reward
    is_due = reward and reward.state == State.PENDING
    if reward is None or (is_due and reward.available_at <= timezone.now()):
        risk.assess(case.order, case.attribution)


def _wanted(case):
    return rules.desired(cases.facts_of(case))


# The difference


def _make_so(case, wanted):
    """Write the difference between the reward there is and the one wanted.

    Answers with the reason that stands in the end.
    """
    reward = case.reward
    if wanted.state == State.VOID:
        _undo(case, wanted)
        return wanted.reason
    if reward is None or reward.state == State.VOID:
        lacks = _take_room(case, wanted)
        if lacks:
            if reward is None:
                case.reward = rewards.refuse(
                    case.order, case.attribution, case.terms, wanted, lacks
                )
            return lacks
        reward = _begin(case, wanted)
    elif reward.state == State.REVERSED and wanted.state == State.AVAILABLE:
        if not breaker.lets_pass(reward):
            return PAUSED
        lacks = _take_room(case, wanted)
        if lacks:
            return lacks
        cut = rewards.cut_of(reward, wanted, case.ran_out)
        rewards.restore(reward, case.terms, cut)
    elif _is_put_off(reward, wanted):
        rewards.put_off(reward, wanted)
    lacks = _follow(case, wanted)
    if wanted.state == State.AVAILABLE and reward.state == State.PENDING:
        if not breaker.lets_pass(reward):
            return PAUSED
        rewards.release(reward, case.terms)
    return wanted.reason or lacks


def _is_put_off(reward, wanted):
    # Nobody knows the day of what waits for more than its day: a function that fails
    # once must not bring it forward.
    if reward.state != State.PENDING or wanted.reason:
        return False
    return reward.available_at != wanted.available_at


def _begin(case, wanted):
    if case.reward:
        cut = rewards.cut_of(case.reward, wanted)
        rewards.reopen(case.reward, case.terms, wanted, cut)
    else:
        case.reward = rewards.promise(case.order, case.attribution, case.terms, wanted)
    return case.reward


def _undo(case, wanted):
    reward = case.reward
    if reward is None:
        return
    kept = reward.amount_kept
    if reward.state == State.PENDING:
        rewards.void(reward, wanted.reason)
    elif reward.state in Reward.PAID and wanted.reason in TAKES_BACK:
        rewards.reverse(reward, wanted.reason, case.ran_out)
    else:
        _follow(case, wanted)
        return
    quotas.give_back(reward, case.terms)
    budgets.give_back(case.budget, kept)


def _follow(case, wanted):
    """A part of the goods went back, or came again: the reward keeps its share.

    Answers why not, where there is no money to pay a share again.
    """
    reward = case.reward
    if reward.state not in Reward.LIVE or not wanted.amount:
        return ""
    cut = rewards.cut_of(reward, wanted, case.ran_out)
    more = cut - reward.amount_reversed
    if not more:
        return ""
    if more < 0:
        try:
            budgets.take(case.budget, -more)
        except budgets.Exhausted:
            return "budget_exhausted"
    rewards.adjust(reward, case.terms, cut)
    if more > 0:
        budgets.give_back(case.budget, more)
    return ""


def _take_room(case, wanted):
    """A place under the caps and the money; why not, if there is none."""
    try:
        with transaction.atomic():
            if not (case.reward and case.reward.waived_at):
                quotas.take(case.terms, case.attribution.inviter, case.order)
            budgets.take(case.budget, rewards.promised_by(wanted, case.reward))
    except quotas.OverCap:
        return "over_cap"
    except budgets.Exhausted:
        return "budget_exhausted"
    return ""


def _let_run_out(case):
    """A reward whose credit ended says so, once nothing of it is questioned."""
    reward = case.reward
    if reward is None or reward.frozen_at or reward.state not in Reward.PAID:
        return
    is_gone = 0 < reward.amount_kept <= case.ran_out
    if is_gone and reward.state == State.AVAILABLE:
        rewards.run_out(reward)
    elif reward.state == State.EXPIRED and not is_gone:
        rewards.run_on(reward)


def _freeze_or_thaw(case, wanted):
    """While a bank questions the payment, nobody spends what was earned by it."""
    reward = case.reward
    if not reward or reward.state not in (State.PENDING, State.AVAILABLE):
        return
    if wanted.is_frozen and not reward.frozen_at:
        rewards.freeze(reward, case.ran_out)
    elif reward.frozen_at and not wanted.is_frozen:
        rewards.thaw(reward)


def _park(case):
    """A person looks at the friend; a decision that stands already is left alone."""
    ReviewCase.objects.get_or_create(
        attribution=case.attribution, defaults={"score": 0}
    )


def _settled_as(case, reason):
    settlement = case.last or Settlement(order=case.order)
    settlement.attribution, settlement.reward = case.attribution, case.reward
    settlement.reason, settlement.settled_at = reason, timezone.now()
    # Under the order's lock: whoever writes events about it holds the same one.
    newest = case.order.events.order_by("-pk").values("pk")[:1]
    settlement.last_event = Coalesce(Subquery(newest), 0)
    settlement.save()
    return settlement
