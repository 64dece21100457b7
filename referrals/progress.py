"""How far a friend has come, in words for the inviter: one source for every page.

A function of the rows at hand, without a query or a clock, so that the list and the
trail of one friend cannot contradict each other.
"""

from dataclasses import dataclass
from datetime import datetime

from referrals import endings
from referrals.endings import Step
from referrals.models import Attribution, Reward

State = Reward.State
Method = Attribution.Method

# How the friend came: the step of the timeline, and the line of the trail.
_CAME = {
    Method.COOKIE: ("Opened", "Opened your link"),
    Method.GUEST_ORDER: ("Opened", "Opened your link"),
    Method.INVITATION: ("Invited", "Came by your invitation"),
    Method.TYPED: ("Code", "Typed in your code"),
    Method.LATE_CLAIM: ("Code", "Typed in your code"),
    Method.STAFF: ("Added", "Was counted as your friend by our staff"),
}


@dataclass(frozen=True)
class Line:
    """One line of a trail: what happened, or, without a date, how things stand."""

    at: datetime | None
    sentence: str


@dataclass(frozen=True)
class Progress:
    """One friend's way from the link to the credit.

    `reason` is the last line of the trail, if the dates do not say it all; with an
    `appeal_email` it can be objected to. `may_buy`: whether a reminder makes sense.
    """

    badge: str
    badge_kind: str
    steps: list[Step]
    trail: list[Line]
    reason: str
    appeal_email: str
    has_bought: bool
    may_buy: bool


def of(attribution: Attribution, now: datetime) -> Progress:
    """The words for one friend; invitee, terms, review and settlements are at hand."""
    orders = _orders_that_tell(attribution)
    first = orders[0] if orders else None
    ending = endings.of(attribution, first, orders, now)
    label, came = _CAME[attribution.method]
    waits = first is None and ending.bought.state == "todo"
    steps = [
        Step(label, "done", attribution.touched_at),
        # The last step reached is the current one, unless a later one is.
        Step("Joined", "now" if waits else "done", attribution.invitee_joined_at),
    ]
    trail = [
        Line(attribution.touched_at, came),
        Line(attribution.invitee_joined_at, "Joined"),
    ]
    if first:
        steps.append(Step("Bought", "done", first.order.confirmed_at))
    else:
        steps.append(ending.bought)
    for order in orders:
        trail.append(Line(order.order.confirmed_at, "Bought something"))
        trail += _paid_line(order.reward)
    trail.sort(key=lambda line: line.at)
    # Bought as a guest before joining, or joined before a code: in the order of time.
    steps.sort(key=lambda step: step.at or now)
    if ending.reason:
        trail.append(Line(None, ending.reason))
    return Progress(
        badge=ending.badge,
        badge_kind=ending.kind,
        steps=[*steps, ending.credit],
        trail=trail,
        reason=ending.reason,
        appeal_email=ending.appeal,
        has_bought=first is not None,
        may_buy=first is None and ending.may_buy,
    )


def _orders_that_tell(attribution):
    """The order that decides, and others that earned; what else they buy is theirs.

    The rewarded one decides, else the first that was confirmed.
    """
    bought = [each for each in attribution.settlements.all() if each.order.confirmed_at]
    bought.sort(key=lambda each: each.order.confirmed_at)
    earned = [
        each for each in bought if each.reward and each.reward.state != State.VOID
    ]
    live = [each for each in earned if each.reward.state in Reward.LIVE]
    first = next(iter(live or earned or bought), None)
    return [first, *(each for each in earned if each is not first)] if first else []


def _paid_line(reward):
    if reward is None or reward.released_at is None:
        return []
    return [Line(reward.released_at, _came(reward))]


def _came(reward):
    """What came in, which the balance has as one sum even where a part went back."""
    kept = endings.money_of(reward, reward.amount_kept)
    if not reward.amount_reversed:
        return f"{kept} came into your balance"
    if not reward.amount_kept:
        return "The credit came into your balance"
    return f"The credit came into your balance, {kept} of it for what your friend kept"
