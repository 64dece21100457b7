"""What settling would want of an order's reward, to look at before it is done.

`settle --dry-run` prints it, and staff read it before they give money back. Nothing
here writes or locks a row.
"""

from dataclasses import dataclass, replace

from orders.models import Order
from referrals import cases, quotas, rewards, rules
from referrals.models import Budget, Reward
from referrals.rules import TAKES_BACK, Desired
from referrals.settlement import RULE_FAILED

State = Reward.State


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
        if reward:
            kept = reward.amount - rewards.cut_of(reward, wanted, self.ran_out)
        else:
            kept = wanted.amount - wanted.amount_cut
        is_paid = now in Reward.PAID
        if is_paid or now == wanted.state:
            is_same = kept == reward.amount_kept
            return "" if is_same else f"reward is {now}, should keep {kept}"
        return f"reward is {now}, should be {wanted.state.value}: {kept}"


def preview(order: Order) -> Preview | None:
    """What settling would want; None if nobody brought the customer.

    A cap or a budget is as free as it is now.
    """
    case = cases.of(order)
    if case is None:
        return None
    try:
        wanted = rules.desired(cases.facts_of(case))
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

    None without a reward.
    """
    case = cases.of(order)
    if case is None or case.reward is None:
        return None
    after = cases.facts_of(case, more=goods)
    after = replace(after, is_cancelled=after.is_cancelled or cancels)
    return rules.desired(after), case.reward


def _lacks_room(case, wanted):
    is_waived = case.reward and case.reward.waived_at
    if not is_waived and not quotas.is_free(
        case.terms, case.attribution.inviter, case.order
    ):
        return "over_cap"
    budget = Budget.objects.filter(
        campaign=case.terms.campaign_id, currency=case.terms.currency
    ).first()
    asked = rewards.promised_by(wanted, case.reward)
    if budget and budget.amount_committed + asked > budget.amount_limit:
        return "budget_exhausted"
    return ""
