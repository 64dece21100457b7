"""What a number of friends earns on top: once per milestone, for ever.

Friends whose reward is available are counted. Fewer again, and it is taken back, but
for what ran out before and was nobody's gain; as many again, and what was taken comes
back by the same row.
"""

from django.utils import timezone

from accounts import ledger
from orders import timeline
from orders.models import Order
from referrals import budgets, notices
from referrals.models import Attribution, Budget, Milestone, MilestoneReward, Reward

Kind = ledger.Kind
State = MilestoneReward.State


def settle(order: Order, attribution: Attribution, budget: Budget | None) -> None:
    """Make an inviter's milestones what their friends say. Safe to repeat.

    The caller holds the inviter's and the budget's row. A milestone that the budget has
    no room for is paid when a later order of a friend finds some.
    """
    inviter, terms = attribution.inviter, attribution.terms
    if inviter is None:
        return
    offered = list(
        Milestone.objects.filter(
            terms__campaign=terms.campaign_id, terms__currency=terms.currency
        ).select_related("terms")
    )
    if not offered:
        return
    friends = _friends(inviter, terms)
    rewards = {
        each.friends_count: each
        for each in MilestoneReward.objects.filter(
            recipient=inviter, campaign=terms.campaign_id
        )
    }
    for reward in rewards.values():
        is_reached = len(friends) >= reward.friends_count
        if is_reached and reward.state == State.REVERSED and inviter.is_active:
            _pay_again(order, reward, terms, budget)
        elif not is_reached and reward.state == State.AVAILABLE:
            _reverse(order, reward, budget)
    # Friends may have joined under several versions: the newest of them is the promise.
    newest = max((number for number, _ in friends), default=0)
    for milestone in offered:
        is_reached = len(friends) >= milestone.friends_count
        is_new = milestone.friends_count not in rewards
        is_promised = milestone.terms.number == newest
        if is_reached and is_new and is_promised and inviter.is_active:
            _grant(order, attribution, milestone, budget)


def _friends(inviter, terms):
    """The friends that count, as (number of their terms, attribution)."""
    available = Reward.objects.filter(
        recipient=inviter,
        state__in=Reward.PAID,
        currency=terms.currency,
        attribution__terms__campaign=terms.campaign_id,
    )
    rows = available.values_list("attribution__terms__number", "attribution")
    return set(rows.order_by())


def _grant(order, attribution, milestone, budget):
    try:
        budgets.take(budget, milestone.amount)
    except budgets.Exhausted:
        return
    reward = MilestoneReward.objects.create(
        recipient=attribution.inviter,
        campaign=attribution.terms.campaign,
        friends_count=milestone.friends_count,
        amount=milestone.amount,
        currency=attribution.terms.currency,
    )
    _pay(order, reward, attribution.terms, reward.amount)


def _pay_again(order, reward, terms, budget):
    try:
        budgets.take(budget, reward.amount)
    except budgets.Exhausted:
        return
    _pay(order, reward, terms, reward.amount_reversed)


def _pay(order, reward, terms, amount):
    reward.sequence += 1
    if amount:
        ledger.post(
            key=f"milestone:{reward.pk}:{reward.sequence}",
            debit=(None, Kind.PROGRAMME_COST),
            credit=(reward.recipient, Kind.WALLET),
            amount=amount,
            currency=reward.currency,
            kind="reward",
            reason=f"{reward.friends_count} friends bought",
            expires_at=terms.credit_ends(timezone.now()),
        )
    reward.state, reward.amount_reversed = State.AVAILABLE, 0
    reward.save(update_fields=["state", "sequence", "amount_reversed"])
    _note(order, reward, "milestone_reached", "Inviter reached a milestone")
    if amount:
        notices.milestone_reached(reward, amount)


def _reverse(order, reward, budget):
    reward.sequence += 1
    amount = reward.amount - ledger.ran_out(f"milestone:{reward.pk}:")
    ledger.take_back(
        key=f"milestone:{reward.pk}:{reward.sequence}",
        user=reward.recipient,
        amount=amount,
        currency=reward.currency,
        reason=f"Fewer than {reward.friends_count} friends count now",
    )
    reward.state, reward.amount_reversed = State.REVERSED, amount
    reward.save(update_fields=["state", "sequence", "amount_reversed"])
    budgets.give_back(budget, reward.amount)
    _note(order, reward, "milestone_lost", "Inviter's milestone was taken back")
    if amount:
        notices.milestone_lost(reward, amount)


def _note(order, reward, kind, text):
    data = {"milestone": reward.pk, "amount": reward.amount, "state": reward.state}
    timeline.note(order, kind, f"{text}: {reward.friends_count} friends", data=data)
