"""What other terms would have made of orders that are there: nothing is written.

The rule is pure, so that it can be asked again with changed terms and the facts that
settling reads. It is asked twice by the same hand, as the terms are and as they would
be, caps included; where both answers agree the order stays as it is in truth, so that a
difference is the change's own. What no fact tells is left out: whether people would
have bought, whether a budget would have lasted, and which order would have been "the
first that qualifies" where terms ask for that.
"""

from collections import Counter
from copy import copy
from dataclasses import dataclass, replace

from django.db.models import Count, Q
from django.utils import timezone

from orders.models import Order
from referrals import cases, quotas, rules, settlement
from referrals.facts import Facts
from referrals.models import Attribution, Campaign, InviterQuota, Reward, Terms
from referrals.periods import Period

State = Reward.State
Cap = InviterQuota.Period

MOST = 5000
_PIECE = 500
CAPS = ("cap_per_day", "cap_per_month", "cap_per_year", "cap_for_life")
CHANGES = (
    "inviter_amount",
    "inviter_basis_points",
    "inviter_most_amount",
    "minimum_amount",
    "order_days",
    "hold_days",
    *CAPS,
)


@dataclass(frozen=True)
class Outcome:
    """What becomes of one order's reward; `amount` in minor units, zero when void."""

    state: State
    reason: str
    amount: int

    def __str__(self):
        why = self.reason.replace("_", " ")
        return f"{self.state.label}: {why}" if why else self.state.label


@dataclass(frozen=True)
class Case:
    """One order under both terms; `is_flagged` where somebody had to look."""

    order: Order
    attribution: Attribution
    is_flagged: bool
    before: Outcome
    after: Outcome

    @property
    def has_changed(self) -> bool:
        return self.before != self.after

    @property
    def difference(self) -> int:
        return self.after.amount - self.before.amount


@dataclass(frozen=True)
class Side:
    """One side's sums: rewards, what they cost, and what of it still waits."""

    rewards: int
    cost: int
    pending: int

    @property
    def available(self) -> int:
        return self.cost - self.pending


@dataclass(frozen=True)
class Result:
    """`is_whole` unless there were more orders than are played."""

    cases: list[Case]
    currency: str
    is_whole: bool

    @property
    def before(self) -> Side:
        return _side([case.before for case in self.cases])

    @property
    def after(self) -> Side:
        return _side([case.after for case in self.cases])

    @property
    def changed(self) -> list[Case]:
        return [case for case in self.cases if case.has_changed]

    @property
    def difference(self) -> int:
        return sum(case.difference for case in self.cases)

    @property
    def flagged_difference(self) -> int:
        """What of the difference lies with friends whom somebody had to look at."""
        return sum(case.difference for case in self.cases if case.is_flagged)


def simulate(
    campaign: Campaign, currency: str, period: Period, changes: dict
) -> Result:
    """The newest orders of a campaign's friends in a period, under both terms.

    `changes` are columns of Terms, those of `CHANGES`. Each friend keeps the version
    they joined under, with the changes put on top.
    """
    orders = Order.objects.filter(
        user__attribution__terms__campaign=campaign,
        currency=currency,
        **period.within("confirmed_at"),
    ).order_by("-confirmed_at", "-pk")
    newest = list(orders[: MOST + 1])
    played = newest[:MOST][::-1]
    found = _read(played)
    taken = _taken(campaign, played)
    same, other = _played(found, {}, taken), _played(found, changes, taken)
    lines = [
        Case(
            case.order,
            case.attribution,
            bool(facts.review),
            before=_as_it_is(case),
            after=would if _differs(would, was) else _as_it_is(case),
        )
        for (case, facts), was, would in zip(found, same, other, strict=True)
    ]
    return Result(lines[::-1], currency, len(newest) <= MOST)


def with_changes(terms: Terms, changes: dict) -> Terms:
    """A version that nobody publishes. An amount stands instead of a percentage, and
    the other way round."""
    made = copy(terms)
    for name, value in changes.items():
        setattr(made, name, value)
    if changes.get("inviter_basis_points"):
        made.inviter_amount = 0
    elif changes.get("inviter_amount"):
        made.inviter_basis_points = 0
    return made


def _read(orders):
    """The cases with their facts, in pieces: the number of queries is one for many."""
    return [
        (case, cases.facts_of(case))
        for first in range(0, len(orders), _PIECE)
        for case in cases.of_many(orders[first : first + _PIECE])
    ]


def _as_it_is(case) -> Outcome:
    """What became of the order in truth, whatever the rule would say of it today."""
    reward = case.reward
    if reward is None:
        return Outcome(State.VOID, case.last.reason if case.last else "", 0)
    is_live = reward.state in Reward.LIVE
    return Outcome(
        State(reward.state), reward.reason, reward.amount_kept if is_live else 0
    )


def _differs(would: Outcome, was: Outcome) -> bool:
    # A rule that broke gives the same answer twice, and it is none.
    return would != was or would.reason == settlement.RULE_FAILED


def _taken(campaign, orders) -> Counter:
    """The places under each cap that were taken before the first of these orders."""
    if not orders:
        return Counter()
    zone = timezone.get_default_timezone()
    first = timezone.localtime(orders[0].confirmed_at, zone)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {
        Cap.DAY: midnight,
        Cap.MONTH: midnight.replace(day=1),
        Cap.YEAR: midnight.replace(month=1, day=1),
    }
    rows = Reward.objects.filter(
        attribution__terms__campaign=campaign,
        order__confirmed_at__lt=orders[0].confirmed_at,
        waived_at=None,
    ).exclude(state__in=[State.VOID, State.REVERSED])
    counts = {
        cap: Count("pk", filter=Q(order__confirmed_at__gte=start))
        for cap, start in starts.items()
    }
    taken: Counter = Counter()
    found = rows.order_by().values("recipient").annotate(**counts, life=Count("pk"))
    for row in found:
        inviter = row["recipient"]
        taken[inviter, Cap.LIFE, quotas.BEGINNING] = row["life"]
        for cap, start in starts.items():
            taken[inviter, cap, start.date()] = row[cap]
    return taken


def _played(found, changes, taken):
    """The outcome of each order, the oldest first, for caps fill in that order."""
    used = taken.copy()
    return [
        _outcome(case.order, case.attribution, facts, changes, used)
        for case, facts in found
    ]


def _outcome(order, attribution, facts: Facts, changes, used):
    terms = facts.terms and with_changes(facts.terms, changes)
    # A cap that was full in truth says nothing of one that is played.
    facts = replace(facts, terms=terms, out_of_room="")
    try:
        wanted = rules.desired(facts)
    except rules.RuleFailed:
        return Outcome(State.VOID, settlement.RULE_FAILED, 0)
    if wanted.state == State.VOID:
        return Outcome(State.VOID, wanted.reason, 0)
    if not facts.is_waived:
        places = [
            ((attribution.inviter_id, period, starts_on), most)
            for period, starts_on, most in quotas.periods_of(terms, order)
        ]
        if any(used[place] >= most for place, most in places):
            return Outcome(State.VOID, "over_cap", 0)
        used.update(place for place, _ in places)
    return Outcome(wanted.state, wanted.reason, wanted.amount - wanted.amount_cut)


def _side(outcomes):
    due = [each for each in outcomes if each.state in Reward.LIVE]
    return Side(
        rewards=len(due),
        cost=sum(each.amount for each in due),
        pending=sum(each.amount for each in due if each.state == State.PENDING),
    )
