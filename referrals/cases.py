"""The rows of an order that deciding about its reward works on, and the facts in them.

One case is read under locks to be settled, or without them to look; many are read at
once, in a number of queries that does not grow with them.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from django.db.models import Exists, OuterRef, prefetch_related_objects

from accounts.models import User
from orders.models import Order
from referrals import basis, blocks, budgets, facts, quotas, rewards, rules, terms
from referrals.facts import Facts
from referrals.models import (
    Attribution,
    Block,
    Budget,
    Exclusion,
    Milestone,
    Reward,
    Settlement,
    Terms,
)


@dataclass
class Case:
    """An order of an invited person with all that speaks for its reward and against it.

    `rewards` are all of this friend's, `reward` the order's own, `others` the friend's
    further orders. `sums` are of `facts.sums_of` for orders that were asked before,
    `ran_out` is what of the reward ended unspent.
    """

    order: Order
    attribution: Attribution
    terms: Terms | None
    exclusions: list[Exclusion]
    rewards: list[Reward]
    reward: Reward | None
    others: list[Order]
    last: Settlement | None
    is_blocked: bool
    budget: Budget | None = None
    ran_out: int = 0
    sums: dict[int, dict[str, int]] = field(default_factory=dict)


def locked(order_id: int) -> Case | None:
    """The inviter, the order, its attribution, the campaign, the inviter's counter, the
    budget: what was read before these locks is gossip. None if nobody brought the
    customer."""
    # People first, as everywhere: whoever closes an account or decides holds its row.
    bringing = Attribution.objects.filter(invitee__orders=order_id).values("inviter")
    people = User.objects.select_for_update(no_key=True)
    list(people.filter(pk__in=bringing).values("pk"))
    order = Order.objects.select_for_update(no_key=True).get(pk=order_id)
    # Only now: a row that is joined to one we wait for is read as it was before.
    rows = Attribution.objects.select_for_update(no_key=True)
    list(rows.filter(invitee=order.user_id).values("pk"))
    budgets.keep_first_away(order.user_id)
    attribution = _attribution_of(order)
    if attribution and attribution.inviter:
        quotas.lock(attribution.inviter, attribution.terms.campaign)
    case = _case(order, attribution)
    if case and case.terms and attribution.has_budget:
        case.budget = budgets.lock(case.terms.campaign_id, case.terms.currency)
    return case


def of(order: Order) -> Case | None:
    """The same to look at: nothing is locked."""
    return _case(order, _attribution_of(order))


def of_many(orders: list[Order]) -> list[Case]:
    """The cases of these orders that somebody brought, in their order, to look at.

    Four queries, two for blocks if any stands, two for goods if any do not count; and
    one for each version of terms that leaves goods out, one for each friend who paid in
    another currency than their own.
    """
    people = {order.user_id for order in orders}
    attributions = {
        each.invitee_id: each for each in _attributions().filter(invitee__in=people)
    }
    brought = [order for order in orders if order.user_id in attributions]
    beside = _by("user_id", facts.orders_beside(brought))
    rewards = _by(
        "attribution_id",
        Reward.objects.filter(attribution__in=attributions.values()).order_by("pk"),
    )
    blocked = set()
    if any(each.has_blocks for each in attributions.values()):
        blocked = blocks.among(attributions.values())
    sums = facts.sums_of([each for found in beside.values() for each in found])
    known: dict[int, list[Exclusion]] = {}
    cases = []
    for order in brought:
        attribution = attributions[order.user_id]
        case = _with(
            order,
            attribution,
            rewards=rewards[attribution.pk],
            beside=beside[order.user_id],
            is_blocked=attribution.pk in blocked,
            known=known,
        )
        case.sums = sums
        cases.append(case)
    if known:
        prefetch_related_objects([case.order for case in cases], basis.LINES)
    return cases


def facts_of(case: Case, *, more: int = 0) -> Facts:
    """What the decision rests on; `more` is what else may go back of the goods."""
    return facts.read(
        case.order,
        case.attribution,
        case.terms,
        exclusions=case.exclusions,
        rewards=case.rewards,
        place=_place(case),
        is_blocked=case.is_blocked,
        sums=case.sums.get(case.order.pk),
        more=more,
    )


def _attributions():
    campaign = OuterRef("terms__campaign")
    return Attribution.objects.select_related(
        "terms__campaign",
        "inviter__referral_choices",
        "invitee",
        "review",
        "visit",
    ).annotate(
        # Most offers have none of these: one question less for each.
        has_exclusions=Exists(Exclusion.objects.filter(terms=OuterRef("terms"))),
        has_milestones=Exists(Milestone.objects.filter(terms__campaign=campaign)),
        has_budget=Exists(Budget.objects.filter(campaign=campaign)),
        has_blocks=Exists(Block.objects.filter(lifted_at=None)),
    )


def _attribution_of(order):
    if order.user_id is None:
        return None
    return _attributions().filter(invitee=order.user_id).first()


def _case(order, attribution):
    if attribution is None:
        return None
    case = _with(
        order,
        attribution,
        rewards=Reward.objects.filter(attribution=attribution).order_by("pk"),
        beside=facts.orders_beside([order]),
        is_blocked=attribution.has_blocks
        and blocks.stands_for(attribution) is not None,
        known={},
    )
    if case.reward and case.terms and case.terms.credit_days is not None:
        case.ran_out = rewards.ran_out(case.reward)
    return case


def _with(order, attribution, *, rewards, beside, is_blocked, known):
    """The case from rows that were read. `known` are exclusions by version of terms."""
    found = list(rewards)
    reward = next((each for each in found if each.order_id == order.pk), None)
    if reward:
        # It knows the rows that are read already, so that no verb reads them again.
        reward.order, reward.attribution = order, attribution
        reward.recipient = attribution.inviter
    held = terms.for_currency(attribution, order.currency)
    asks = held and (held != attribution.terms or attribution.has_exclusions)
    if asks and held.pk not in known:
        known[held.pk] = facts.exclusions(held)
    (itself,) = [each for each in beside if each.pk == order.pk]
    return Case(
        order=order,
        attribution=attribution,
        terms=held,
        exclusions=known[held.pk] if asks else [],
        rewards=found,
        reward=reward,
        others=[each for each in beside if each.pk != order.pk],
        last=getattr(itself, "referral_settlement", None),
        is_blocked=is_blocked,
    )


def _place(case):
    """How many of the friend's orders came before this one, as the terms count them."""
    if case.terms is None or not case.terms.orders_count:
        return 0
    earlier = [each for each in case.others if facts.came_before(each, case.order)]
    if case.terms.first_means == Terms.First.ANY:
        return len(earlier)
    return sum(_would_qualify(order, case) for order in earlier)


def _would_qualify(order, case):
    """By itself, whatever became of its reward: a cap that was full spends the turn."""
    held = terms.for_currency(case.attribution, order.currency)
    without = facts.exclusions(held) if held else []
    found = facts.read(
        order,
        case.attribution,
        held,
        exclusions=without,
        rewards=[],
        sums=case.sums.get(order.pk),
    )
    return rules.desired(replace(found, is_paused=False)).state != Reward.State.VOID


def _by(name: str, rows: Iterable) -> dict[int, list]:
    found = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found
