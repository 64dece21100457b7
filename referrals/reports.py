"""What a member sees of the friends they brought.

Never who, unless the friend agreed; never what was bought.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, Min, Prefetch, Q, Sum
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from referrals import sharing, terms
from referrals.models import Attribution, Reward, Settlement, Visit
from referrals.sharing import Share
from shop.kit.money import format_money

State = Reward.State
Status = Attribution.Status

_MOST_FRIENDS = 200

# Plain words for why there is no credit; what is not here is told as "did not qualify".
_REASONS = {
    "below_minimum": "The first order was below the {minimum} that counts.",
    "too_late": "The order came more than {order_days} days after they joined.",
    "not_first_order": "Only a first order counts, and this was not the first.",
    "already_rewarded": "You already have the credit for this friend.",
    "other_currency": "The order was in another currency.",
    "refunded": "The order was returned.",
    "partly_refunded": "What was kept of the order is below the {minimum} that counts.",
    "cancelled": "The order was cancelled.",
    "dispute_lost": "The payment was taken back by the bank.",
    "no_reward_promised": "The offer they joined under had no credit for you.",
}


@dataclass(frozen=True)
class Step:
    """One step of a timeline: done, now, todo or stopped, with a date or a note."""

    label: str
    state: str
    at: datetime | None = None
    note: str = ""


@dataclass(frozen=True)
class Friend:
    """One friend's way from the link to the credit, in words for the inviter."""

    name: str
    badge: str
    badge_kind: str
    steps: list[Step]
    reason: str
    has_bought: bool


@dataclass(frozen=True)
class Numbers:
    """Counts of friends and sums of credit, in minor units."""

    opened: int
    joined: int
    bought: int
    earned: int
    on_the_way: int
    next_at: datetime | None


@dataclass(frozen=True)
class Summary:
    """The referral corner of the account page; without an offer nothing to share."""

    share: Share | None
    earned: int
    on_the_way: int
    next_at: datetime | None
    currency: str


def friends(user: User) -> list[Friend]:
    """Everybody who joined by this member's links, newest first. Two queries."""
    settlements = Settlement.objects.select_related("order", "reward").order_by("order")
    joined = (
        Attribution.objects.filter(inviter=user)
        .select_related("invitee", "terms")
        .prefetch_related(Prefetch("settlements", settlements))
        .order_by("-created_at")[:_MOST_FRIENDS]
    )
    return [_friend(attribution) for attribution in joined]


def numbers(user: User, friends: list[Friend]) -> Numbers:
    """The figures above and beside the list. Two queries.

    Opened counts people, not machines: browsers that came back with our cookie.
    """
    came = Visit.objects.filter(link__owner=user, visitor__landed_at__isnull=False)
    only_opened = came.filter(visitor__user=None).aggregate(
        browsers=Count("visitor", distinct=True)
    )["browsers"]
    return Numbers(
        opened=only_opened + len(friends),
        joined=len(friends),
        bought=sum(friend.has_bought for friend in friends),
        **_credit(user),
    )


def summary(user: User) -> Summary:
    """Link and credit for the account page. At most three queries."""
    offered = terms.current(settings.SHOP_CURRENCY)
    return Summary(
        share=sharing.invitation_of(user, offered) if offered else None,
        currency=settings.SHOP_CURRENCY,
        **_credit(user),
    )


def _credit(user):
    pending = Q(state=State.PENDING)
    rewards = Reward.objects.filter(recipient=user, currency=settings.SHOP_CURRENCY)
    sums = rewards.order_by().aggregate(
        earned=Sum("amount", filter=Q(state=State.AVAILABLE)),
        on_the_way=Sum("amount", filter=pending),
        next_at=Min("available_at", filter=pending),
    )
    return {
        "earned": sums["earned"] or 0,
        "on_the_way": sums["on_the_way"] or 0,
        "next_at": sums["next_at"],
    }


def _friend(attribution):
    settlement = _telling(attribution)
    ending = _ending(attribution, settlement)
    # The last step reached is the current one, unless a later one is.
    waits = ending.steps[0].state == "todo"
    joined = Step("Joined", "now" if waits else "done", attribution.invitee_joined_at)
    return Friend(
        name=attribution.invitee.public_name or "A friend",
        badge=ending.badge,
        badge_kind=ending.kind,
        steps=[Step("Opened", "done", attribution.touched_at), joined, *ending.steps],
        reason=ending.reason,
        has_bought=settlement is not None,
    )


def _telling(attribution):
    """The order that decides: the rewarded one, else the first that was confirmed."""
    bought = [each for each in attribution.settlements.all() if each.order.confirmed_at]
    bought.sort(key=lambda each: each.order.confirmed_at)
    rewarded = [
        each for each in bought if each.reward and each.reward.state != State.VOID
    ]
    return next(iter(rewarded or bought), None)


class _Ending(NamedTuple):
    """How far it came after joining, and the words for it."""

    badge: str
    kind: str
    steps: list[Step]
    reason: str = ""


def _ending(attribution, settlement):
    terms = attribution.terms
    amount = _money(terms.inviter_amount, terms)
    if attribution.status == Status.VOID:
        steps = [
            Step("Bought", "stopped"),
            Step(amount, "stopped", note="not this time"),
        ]
        return _Ending("No credit", "", steps, "This did not count as a new friend.")
    if settlement is None:
        return _not_bought(attribution, amount)
    bought = Step("Bought", "done", settlement.order.confirmed_at)
    if settlement.reward is None or settlement.reward.state == State.VOID:
        last = Step(amount, "stopped", note="not this time")
        return _Ending(
            "No credit", "", [bought, last], _why_not(settlement.reason, terms)
        )
    return _rewarded(settlement.reward, terms, amount, bought)


def _not_bought(attribution, amount):
    terms, ends_at = attribution.terms, attribution.order_ends_at
    if attribution.status == Status.PROVISIONAL:
        steps = [Step("Bought", "todo"), Step(amount, "todo")]
        reason = "They have not confirmed their email address yet."
        return _Ending("Joined, not confirmed", "", steps, reason)
    if timezone.now() >= ends_at:
        steps = [Step("Bought", "stopped", note="time is up"), Step(amount, "stopped")]
        reason = f"They did not buy within {terms.order_days} days of joining."
        return _Ending("No credit", "", steps, reason)
    # The window ends at midnight; people are told its last day.
    last_day = timezone.localtime(ends_at - timedelta(seconds=1))
    by = f"by {date_format(last_day, 'j M')}"
    steps = [Step("Bought", "todo", note=by), Step(amount, "todo")]
    kept = f" The {amount} is kept for you until {date_format(last_day, 'j F')}."
    return _Ending(
        "Joined",
        "",
        steps,
        "Nothing bought yet." + (kept if terms.inviter_amount else ""),
    )


def _rewarded(reward, terms, amount, bought):
    if reward.frozen_at and (reward.amount_frozen or reward.state == State.PENDING):
        return _Ending("On hold", "", *_on_hold(reward, terms, amount, bought))
    if reward.state == State.AVAILABLE:
        steps = [bought, Step(amount, "done", reward.released_at)]
        return _Ending(f"{amount} in your balance", "good", steps)
    if reward.state == State.REVERSED:
        steps = [bought, Step(amount, "stopped", note="taken back")]
        reason = f"The order was returned, so the {amount} went back too."
        return _Ending("Taken back", "bad", steps, reason)
    if reward.available_at <= timezone.now():
        steps = [bought, Step(amount, "now", note="any moment")]
        return _Ending(f"{amount} on the way", "accent", steps)
    day = date_format(timezone.localtime(reward.available_at), "j M")
    steps = [bought, Step(amount, "now", reward.available_at)]
    reason = f"Paid {_days(terms.hold_days)} after they bought."
    return _Ending(f"{amount} on {day}", "accent", steps, reason)


def _on_hold(reward, terms, amount, bought):
    """Neutral words: a bank asks, and nobody has done anything wrong by that."""
    steps = [bought, Step(amount, "now", note="on hold")]
    what = f"The {amount} is"
    if 0 < reward.amount_frozen < reward.amount:
        what = f"{_money(reward.amount_frozen, terms)} of it is"
    return steps, f"{what} on hold while a payment is being checked."


def _why_not(reason, terms):
    return _REASONS.get(reason, "This order did not qualify.").format(
        minimum=_money(terms.minimum_amount, terms), order_days=terms.order_days
    )


def _days(count):
    return f"{count} day" if count == 1 else f"{count} days"


def _money(amount, terms):
    return format_money(amount, terms.currency, short=True)
