"""What a member sees of the friends they brought.

Never who, unless the friend agreed; never what was bought.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, F, Min, OuterRef, Prefetch, Subquery, Sum
from django.utils import timezone
from django.utils.formats import date_format

from accounts import ledger
from accounts.models import CreditLot, LedgerAccount, User
from referrals import links as invitations
from referrals import sharing, terms
from referrals.models import (
    Attribution,
    Code,
    Notice,
    ReferralLink,
    Reward,
    Settlement,
    Terms,
    Visit,
)
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
    """One friend's way from the link to the credit, in words for the inviter.

    `pk` is the attribution's; `may_buy` tells whether a reminder makes sense.
    """

    pk: int
    name: str
    badge: str
    badge_kind: str
    steps: list[Step]
    reason: str
    has_bought: bool
    may_buy: bool


@dataclass(frozen=True)
class Numbers:
    """Counts of friends and sums of credit, in minor units."""

    opened: int
    joined: int
    bought: int
    earned: int
    on_the_way: int
    next_at: datetime | None
    brought: int
    unread: int


@dataclass(frozen=True)
class Shared:
    """One of a member's links and what came by it; `earned` in minor units.

    `waiting` is a code that staff have to allow first.
    """

    link: ReferralLink
    url: str
    opened: int
    joined: int
    earned: int
    waiting: str


@dataclass(frozen=True)
class Purse:
    """A member's accounts, in minor units, and when some of the balance ends."""

    balance: int = 0
    owed: int = 0
    on_hold: int = 0
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Goal:
    """The next milestone: `brought` of `friends_count` friends, for `amount` on top."""

    friends_count: int
    amount: int
    brought: int

    @property
    def left(self) -> int:
        return self.friends_count - self.brought


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
    joined = _attributions(user).order_by("-created_at")[:_MOST_FRIENDS]
    return [_friend(attribution) for attribution in joined]


def friend(user: User, pk: int) -> tuple[Friend, Attribution] | None:
    """One of them, with the row behind it; None for somebody else's. Two queries."""
    attribution = _attributions(user).filter(pk=pk).first()
    return (_friend(attribution), attribution) if attribution else None


def numbers(user: User, friends: list[Friend]) -> Numbers:
    """The figures above and beside the list. One query.

    Opened counts people, not machines: browsers that came back with our cookie.
    """
    came = Visit.objects.filter(
        link__owner=OuterRef("pk"), visitor__landed_at__isnull=False, visitor__user=None
    )
    unread = Notice.objects.filter(user=OuterRef("pk"), read_at=None)
    found = (
        User.objects.filter(pk=user.pk)
        .values(
            only_opened=_one(came, "link__owner", Count("visitor", distinct=True)),
            unread=_one(unread, "user", Count("pk")),
            **_credit_of(OuterRef("pk")),
        )
        .get()
    )
    return Numbers(
        opened=(found["only_opened"] or 0) + len(friends),
        joined=len(friends),
        bought=sum(friend.has_bought for friend in friends),
        unread=found["unread"] or 0,
        **_credit(found),
    )


def links(user: User) -> list[Shared]:
    """A member's links with what came by each: people, friends, credit. One query."""
    visits = Visit.objects.filter(
        link=OuterRef("pk"), visitor__landed_at__isnull=False, visitor__user=None
    )
    joined = Attribution.objects.filter(link=OuterRef("pk"))
    rewards = Reward.objects.filter(
        attribution__link=OuterRef("pk"),
        state=State.AVAILABLE,
        currency=settings.SHOP_CURRENCY,
    )
    kept = Sum(F("amount") - F("amount_reversed"))
    waiting = Code.objects.filter(
        link=OuterRef("pk"), retired_at=None, waits_since__isnull=False
    )
    found = invitations.shared_by(user).annotate(
        opened=_one(visits, "link", Count("visitor", distinct=True)),
        joined=_one(joined, "link", Count("pk")),
        earned=_one(rewards, "attribution__link", kept),
        waiting=Subquery(waiting.order_by("-pk").values("display")[:1]),
    )
    return [
        Shared(
            link=link,
            url=invitations.url_of(link),
            opened=(link.opened or 0) + (link.joined or 0),
            joined=link.joined or 0,
            earned=link.earned or 0,
            waiting=link.waiting or "",
        )
        for link in found
    ]


def purse(user: User) -> Purse:
    """What a member has, owes, and cannot touch for now. One query."""
    currency = settings.SHOP_CURRENCY
    lots = CreditLot.objects.filter(owner=user, currency=currency, remaining__gt=0)
    pots = LedgerAccount.objects.filter(owner=user, currency=currency).values_list(
        "kind",
        "balance",
        Subquery(lots.order_by("expires_at").values("expires_at")[:1]),
    )
    held = {kind: balance for kind, balance, _ in pots}
    return Purse(
        balance=held.get(ledger.Kind.WALLET, 0),
        owed=held.get(ledger.Kind.OWED, 0),
        on_hold=held.get(ledger.Kind.FROZEN, 0),
        ends_at=next((ends_at for *_, ends_at in pots), None),
    )


def goal(offered: Terms, brought: int) -> Goal | None:
    """The next milestone of the offer, if there is one left. No query on a warm cache.

    It goes back with every reward that goes back.
    """
    ahead = (
        Goal(each.friends_count, each.amount, brought)
        for each in terms.milestones(offered)
        if each.friends_count > brought
    )
    return next(ahead, None)


def summary(user: User) -> Summary:
    """Link and credit for the account page. At most three queries."""
    offered = terms.current(settings.SHOP_CURRENCY)
    found = User.objects.filter(pk=user.pk).values(**_credit_of(OuterRef("pk"))).get()
    credit = _credit(found)
    return Summary(
        share=sharing.invitation_of(user, offered) if offered else None,
        currency=settings.SHOP_CURRENCY,
        earned=credit["earned"],
        on_the_way=credit["on_the_way"],
        next_at=credit["next_at"],
    )


def _attributions(user):
    settlements = Settlement.objects.select_related("order", "reward").order_by("order")
    return (
        Attribution.objects.filter(inviter=user)
        .select_related("invitee", "terms")
        .prefetch_related(Prefetch("settlements", settlements))
    )


def _credit_of(user_pk):
    """Subqueries for a member's rewards; what of them was taken back counts for none.

    `brought` counts friends whose reward is available.
    """
    mine = Reward.objects.filter(recipient=user_pk, currency=settings.SHOP_CURRENCY)
    available = mine.filter(state=State.AVAILABLE)
    pending = mine.filter(state=State.PENDING)
    kept = Sum(F("amount") - F("amount_reversed"))
    return {
        "earned": _one(available, "recipient", kept),
        "on_the_way": _one(pending, "recipient", kept),
        "next_at": _one(pending, "recipient", Min("available_at")),
        "brought": _one(available, "recipient", Count("attribution", distinct=True)),
    }


def _credit(found):
    return {
        "earned": found["earned"] or 0,
        "on_the_way": found["on_the_way"] or 0,
        "next_at": found["next_at"],
        "brought": found["brought"] or 0,
    }


def _one(rows, group, aggregate):
    return Subquery(rows.order_by().values(group).annotate(x=aggregate).values("x"))


def _friend(attribution):
    settlement = _telling(attribution)
    ending = _ending(attribution, settlement)
    # The last step reached is the current one, unless a later one is.
    waits = ending.steps[0].state == "todo"
    joined = Step("Joined", "now" if waits else "done", attribution.invitee_joined_at)
    return Friend(
        pk=attribution.pk,
        name=_name(attribution.invitee),
        badge=ending.badge,
        badge_kind=ending.kind,
        steps=[Step("Opened", "done", attribution.touched_at), joined, *ending.steps],
        reason=ending.reason,
        has_bought=settlement is not None,
        may_buy=settlement is None and ending.steps[0].state == "todo",
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


def _name(friend):
    if friend.is_closed:
        return "A former customer"
    return friend.public_name or "A friend"
