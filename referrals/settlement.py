"""`settle(order)`: read every fact, compute what is due, write the difference.

Webhooks, the sweep and the release of due rewards all come here, any number of times
and in any order. Duplicated, late or concurrent calls cannot matter: `cases` locks and
reads, `rules` decides, `rewards` moves.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts import adjustments, colleagues
from accounts.models import LotUse, User
from orders.models import Order
from referrals import (
    attributions,
    breaker,
    budgets,
    cases,
    four_eyes,
    milestones,
    quotas,
    rewards,
    risk,
    rules,
)
from referrals.facts import OUT_OF_ROOM
from referrals.models import (
    Budget,
    GrantWord,
    ReviewCase,
    Reward,
    Settlement,
    Unsettled,
)
from referrals.rules import TAKES_BACK, Desired
from shop.kit import money

logger = logging.getLogger("tandem.referrals")

State = Reward.State

# What a rule that broke leaves behind, and what it stands for in a preview.
RULE_FAILED = "rule_failed"

# What a word of staff can bring about, or bring about again.
GRANTABLE = (State.VOID, State.REVERSED)

# Why nothing is paid while the breaker holds.
PAUSED = "releases_paused"


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


@dataclass(frozen=True)
class Preview:
    """What `settle` would want of an order's reward, beside what there is."""

    wanted: Desired
    reward: Reward | None
    ran_out: int = 0

    @property
    def change(self) -> str:
        """The difference in a few words; empty when there is none."""
        wanted, reward = self.wanted, self.reward
        now = reward.state if reward else "none"
        is_gone = wanted.state == State.VOID
        if is_gone and now in ("none", State.VOID, State.REVERSED):
            return ""
        if is_gone and now in Reward.PAID and wanted.reason not in TAKES_BACK:
            return ""
        if is_gone:
            return f"reward is {now}, should be void ({wanted.reason})"
        cut = _cut(reward, wanted, self.ran_out) if reward else wanted.amount_cut
        kept = (reward.amount if reward else wanted.amount) - cut
        is_paid = now in Reward.PAID
        if is_paid or now == wanted.state:
            is_same = kept == reward.amount_kept
            return "" if is_same else f"reward is {now}, should keep {kept}"
        return f"reward is {now}, should be {wanted.state.value}: {kept}"


def preview(order: Order) -> Preview | None:
    """What settling would want; None if nobody brought the customer.

    Writes and locks nothing, so a cap or a budget is as free as it is now.
    """
    case = cases.of(order)
    if case is None:
        return None
    try:
        wanted = _wanted(case)
    except rules.RuleFailed:
        return Preview(Desired(State.VOID, RULE_FAILED), case.reward)
    is_new = case.reward is None or case.reward.state not in Reward.LIVE
    if wanted.state != State.VOID and is_new:
        lacks = _lacks_room(case, wanted)
        if lacks:
            wanted = replace(wanted, state=State.VOID, reason=lacks)
    return Preview(wanted, case.reward, case.ran_out)


def foresee(
    order: Order, *, goods: int, cancels: bool
) -> tuple[Desired, Reward] | None:
    """What `settle` would want of the reward if so much more of the goods went back.

    None without a reward. Writes and locks nothing.
    """
    case = cases.of(order)
    if case is None or case.reward is None:
        return None
    after = cases.facts_of(case, more=goods)
    after = replace(after, is_cancelled=after.is_cancelled or cancels)
    return rules.desired(after), case.reward


def outdated() -> QuerySet[Order]:
    """Orders of invited people that were never settled, or not since the last news.

    A pause that ended and a rule that broke are news, too. Read from what the database
    marks, by index: they are few, however many orders there are.
    """
    again = Settlement.objects.filter(
        Q(reason=RULE_FAILED)
        | Q(reason="paused", attribution__terms__campaign__paused_at=None),
        # As the index says it.
        reason__in=["paused", RULE_FAILED],
    )
    marked = Unsettled.objects.values("order").union(again.values("order"))
    return Order.objects.filter(pk__in=marked).order_by("confirmed_at", "pk")


def waiting() -> QuerySet[Order]:
    """Orders whose reward was taken back, is due again and has no room, or waits for
    releases to go on: each look may find that it has."""
    rows = Order.objects.filter(
        referral_settlement__reward__state=State.REVERSED,
        referral_settlement__reason__in=[*OUT_OF_ROOM, PAUSED],
    )
    return rows.order_by("confirmed_at", "pk")


def ended() -> QuerySet[Order]:
    """Orders whose reward has credit that ran out lately and does not say so."""
    uses = LotUse.objects.filter(
        transfer__kind="expiry",
        transfer__created_at__gte=timezone.now() - timedelta(days=1),
        lot__transfer__key__startswith="reward:",
    )
    keys = uses.values_list("lot__transfer__key", flat=True)
    found = {int(key.split(":")[1]) for key in keys}
    told = Reward.objects.filter(pk__in=found, state=State.AVAILABLE)
    return Order.objects.filter(pk__in=told.values("order")).order_by("pk")


def release_due(now: datetime | None = None) -> int:
    """Settle the orders whose rewards waited long enough; how many were released."""
    if breaker.standing():
        return 0
    due = Reward.objects.due(now or timezone.now()).order_by("available_at", "pk")
    # Bound before the loop: what is held for a look stays due, and would come again.
    return sum(
        _released(order_id) for order_id in list(due.values_list("order", flat=True))
    )


def settle_all(orders: QuerySet[Order]) -> int:
    """Settle many orders, one transaction each; how many succeeded.

    A failure stops no other.
    """
    return sum(
        _settled(order_id) for order_id in list(orders.values_list("pk", flat=True))
    )


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


def _settle_others(case):
    """Another order may be the first that counts now: the worker looks at each."""
    from referrals import jobs  # they call us

    for order in case.others:
        jobs.settle.enqueue(order.pk)


def _settled(order_id):
    try:
        judge_and_settle(order_id)
    except Exception:
        logger.exception("order %s could not be settled", order_id)
        return False
    return True


def _released(order_id):
    if not _settled(order_id):
        return False
    return Reward.objects.filter(order=order_id, state=State.AVAILABLE).exists()


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
        rewards.restore(reward, case.terms, _cut(reward, wanted, case.ran_out))
    _follow(case, wanted)
    if wanted.state == State.AVAILABLE and reward.state == State.PENDING:
        if not breaker.lets_pass(reward):
            return PAUSED
        rewards.release(reward, case.terms)
    return wanted.reason


def _begin(case, wanted):
    if case.reward:
        rewards.reopen(case.reward, wanted, _cut(case.reward, wanted))
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
    """A part of the goods went back, or came again: the reward keeps its share."""
    reward = case.reward
    if reward.state not in Reward.LIVE or not wanted.amount:
        return
    cut = _cut(reward, wanted, case.ran_out)
    more = cut - reward.amount_reversed
    if not more:
        return
    if more < 0:
        try:
            budgets.take(case.budget, -more)
        except budgets.Exhausted:
            return
    rewards.adjust(reward, case.terms, cut)
    if more > 0:
        budgets.give_back(case.budget, more)


def _cut(reward, wanted, gone=0):
    """What is lost of a promise as it was written, should the rule say another now.

    Nothing can be taken of what is gone.
    """
    left = wanted.amount - wanted.amount_cut
    smallest = money.step(reward.currency)
    lost = money.split(reward.amount, [wanted.amount_cut, left], step=smallest)[0]
    return min(lost, reward.amount - gone)


def _take_room(case, wanted):
    """A place under the caps and the money; why not, if there is none."""
    try:
        with transaction.atomic():
            if not (case.reward and case.reward.waived_at):
                quotas.take(case.terms, case.attribution.inviter, case.order)
            budgets.take(case.budget, _asked(case, wanted))
    except quotas.OverCap:
        return "over_cap"
    except budgets.Exhausted:
        return "budget_exhausted"
    return ""


def _lacks_room(case, wanted):
    is_waived = case.reward and case.reward.waived_at
    if not is_waived and not quotas.is_free(
        case.terms, case.attribution.inviter, case.order
    ):
        return "over_cap"
    budget = Budget.objects.filter(
        campaign=case.terms.campaign_id, currency=case.terms.currency
    ).first()
    if budget and budget.amount_committed + _asked(case, wanted) > budget.amount_limit:
        return "budget_exhausted"
    return ""


def _asked(case, wanted):
    if case.reward:
        return case.reward.amount - _cut(case.reward, wanted)
    return wanted.amount - wanted.amount_cut


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
