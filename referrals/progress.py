"""How far a friend has come, in words for the inviter: one source for every page.

A function of the rows at hand, without a query or a clock, so that the list and the
trail of one friend cannot contradict each other. What is harmless is told; for the rest
stands one sentence that accuses nobody, with a way to object.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone
from django.utils.formats import date_format

from referrals import review
from referrals.models import Attribution, Reward, Terms
from referrals.review import PublicReason
from shop.kit.money import format_money

State = Reward.State
Status = Attribution.Status
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

# Why there is no credit.
_NO_CREDIT = {
    "below_minimum": "The first order was below the {minimum} that counts.",
    "nothing_paid": "Nothing was paid in money for goods that count.",
    "too_late": "The order came more than {order_days} days after they joined.",
    "not_first_order": "Only a first order counts, and this was not the first.",
    "already_rewarded": "You already have the credit for this friend.",
    "other_currency": "The order was in another currency.",
    "refunded": "The order was returned.",
    "partly_refunded": "What was kept of the order is below the {minimum} that counts.",
    "cancelled": "The order was cancelled.",
    "dispute_lost": "The payment was taken back by the bank.",
    "no_reward_promised": "The offer they joined under had no credit for you.",
    "over_cap": "This was one friend more than is rewarded: the most is {caps}.",
    "budget_exhausted": "The money set aside for invitations was used up by then.",
    "staff_order": "Orders of people who work for us do not count.",
    "friend_gone": "Their account was closed before the credit came.",
    "attribution_void": "This did not count as a new friend.",
}
# Why there is none yet: a badge and a sentence.
_NOT_YET = {
    "paused": (
        "Paused",
        "The programme was paused when they bought. Once it goes on, the order counts.",
    ),
    "not_paid": ("Not yet", "The order is not paid in full yet."),
    "not_verified": (
        "Joined, not confirmed",
        "They have not confirmed their email address yet.",
    ),
}
# Why a promise waits, beside the time in which things can be sent back.
_WAITS = {
    "too_few_friends": "{amount} comes once {friends} of your friends have bought.",
    "releases_paused": "{amount} is on the way. All payouts wait for a look of ours.",
}
# A person looks, or has looked: nobody learns at what.
_CHECKED = {"in_review", "rule_failed"}
_REFUSED = {"rejected", "blocked", "no_inviter", "inviter_gone", "not_confirmed"}

# Why what was paid went back.
_WENT_BACK = {
    "refunded": "The order was returned",
    "partly_refunded": "Too little of the order was kept",
    "cancelled": "The order was cancelled",
    "dispute_lost": "The payment was taken back by the bank",
    "attribution_void": "This did not count as a new friend",
}

KNOWN = frozenset({*_NO_CREDIT, *_NOT_YET, *_WAITS, *_CHECKED, *_REFUSED})


@dataclass(frozen=True)
class Step:
    """One step of a timeline: done, now, todo or stopped, with a date or a note."""

    label: str
    state: str
    at: datetime | None = None
    note: str = ""


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


class _Ending(NamedTuple):
    """How far it came after joining: the badge, the steps ahead, and the words.

    `bought` stands for the step of buying while there is no order.
    """

    badge: str
    credit: Step
    reason: str = ""
    kind: str = ""
    appeal: str = ""
    bought: Step | None = None
    may_buy: bool = False


def of(attribution: Attribution, now: datetime) -> Progress:
    """The words for one friend; invitee, terms, review and settlements are at hand."""
    orders = _orders_that_tell(attribution)
    first = orders[0] if orders else None
    ending = _ending(attribution, first, orders, now)
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
    came = _money(reward, reward.amount_kept) if reward.amount_kept else "The credit"
    return [Line(reward.released_at, f"{came} came into your balance")]


def _ending(attribution, first, orders, now):
    reward = first and first.reward
    state = reward.state if reward else ""
    if state == State.EXPIRED:
        return _ran_out(reward)
    if state == State.AVAILABLE:
        return _paid(reward, orders)
    if state == State.REVERSED:
        return _taken_back(first)
    if attribution.status == Status.VOID:
        words = why_not("attribution_void", attribution.terms)
        return _none(attribution, reward, words)
    public = review.public_reason(attribution)
    if public and public.appeal_email:
        return _none(attribution, reward, public)
    if public:
        return _checked(attribution, reward, public)
    if state == State.PENDING:
        return _promised(attribution, first, now)
    if first:
        return _not_rewarded(attribution, first)
    return _not_bought(attribution, now)


def _paid(reward, orders):
    rewards = [each.reward for each in orders]
    if reward.frozen_at and reward.amount_frozen:
        return _on_hold(reward, reward.amount_frozen, reward.amount_kept)
    paid = sum(each.amount_kept for each in rewards if each.state in Reward.PAID)
    coming = sum(each.amount_kept for each in rewards if each.state == State.PENDING)
    sentences = []
    if reward.amount_reversed:
        lost, whole = (
            _money(reward, amount) for amount in (reward.amount_reversed, reward.amount)
        )
        sentences.append(
            f"A part of the order was returned, so {lost} of the {whole} went with it."
        )
    if coming:
        sentences.append(f"{_money(reward, coming)} more is on the way.")
    amount = _money(reward, paid)
    return _Ending(
        f"{amount} in your balance",
        Step(amount, "done", reward.released_at),
        " ".join(sentences),
        kind="good",
    )


def _ran_out(reward):
    amount = _money(reward, reward.amount_kept)
    return _Ending(
        "Ran out",
        Step(amount, "stopped", reward.released_at, note="ran out"),
        f"The {amount} came into your balance and ran out before it was spent.",
        kind="bad",
    )


def _taken_back(settlement):
    reward = settlement.reward
    amount = _money(reward, reward.amount)
    why = _WENT_BACK.get(reward.reason) or _WENT_BACK.get(
        settlement.reason, "The order does not count any more"
    )
    is_about_them = reward.reason == "attribution_void"
    return _Ending(
        "Taken back",
        Step(amount, "stopped", note="taken back"),
        f"{why}, so the {amount} went back too.",
        kind="bad",
        appeal=review.appeal_email() if is_about_them else "",
    )


def _on_hold(reward, frozen, kept):
    """Neutral words: a bank asks, and nobody has done anything wrong by that."""
    amount = _money(reward, kept)
    what = f"{_money(reward, frozen)} of it" if frozen < kept else f"The {amount}"
    return _Ending(
        "On hold",
        Step(amount, "now", note="on hold"),
        f"{what} is on hold while a payment is being checked.",
    )


def _none(attribution, reward, words: PublicReason):
    return _Ending(
        "No credit",
        Step(_credit(attribution.terms, reward), "stopped", note="not this time"),
        words.text,
        appeal=words.appeal_email,
        bought=Step("Bought", "stopped"),
    )


def _checked(attribution, reward, words: PublicReason):
    is_promised = reward is not None
    return _Ending(
        "Being checked",
        Step(
            _credit(attribution.terms, reward),
            "now" if is_promised else "todo",
            note="being checked",
        ),
        words.text,
        appeal=review.appeal_email(),
        bought=_still_to_buy(attribution),
        may_buy=True,
    )


def _promised(attribution, settlement, now):
    reward, terms = settlement.reward, attribution.terms
    amount = _money(reward, reward.amount_kept)
    if reward.frozen_at:
        return _on_hold(reward, reward.amount_kept, reward.amount_kept)
    if settlement.reason in {"blocked", *_CHECKED}:
        return _checked(attribution, reward, review.CHECKING)
    words = _WAITS.get(settlement.reason, "")
    if settlement.order.held_at:
        words = "{amount} waits while the order is being checked."
    if words:
        said = words.format(amount=amount, friends=terms.minimum_friends)
        waits = Step(amount, "now", note="waits")
        return _Ending(f"{amount} waits", waits, said, kind="accent")
    if reward.available_at <= now:
        return _Ending(
            f"{amount} on the way",
            Step(amount, "now", note="any moment"),
            f"{amount} comes into your balance any moment.",
            kind="accent",
        )
    until = timezone.localtime(reward.available_at)
    last = date_format(until, "j F")
    return _Ending(
        f"{amount} on {date_format(until, 'j M')}",
        Step(amount, "now", reward.available_at),
        f"{amount} on hold until {last}, because returns are open.",
        kind="accent",
    )


def why_not(reason: str, terms: Terms) -> PublicReason:
    """Why there is no credit, in the words of every page and mail."""
    words = _NO_CREDIT.get(reason)
    if words is None:
        return review.refused()
    said = words.format(
        minimum=format_money(terms.minimum_amount, terms.currency, short=True),
        order_days=terms.order_days,
        caps=terms.caps_words,
    )
    is_about_them = reason == "attribution_void"
    return PublicReason(said, review.appeal_email() if is_about_them else "")


def _not_rewarded(attribution, settlement):
    reward, terms, reason = settlement.reward, attribution.terms, settlement.reason
    if attribution.status == Status.LAPSED:
        return _none(attribution, reward, _NEVER_CONFIRMED)
    if reason in _CHECKED:
        return _checked(attribution, reward, review.CHECKING)
    if reason in _NOT_YET:
        badge, said = _NOT_YET[reason]
        return _Ending(badge, Step(_credit(terms, reward), "todo"), said)
    return _none(attribution, reward, why_not(reason, terms))


_NEVER_CONFIRMED = PublicReason("They never confirmed their email address.")


def _not_bought(attribution, now):
    terms, friend = attribution.terms, attribution.invitee
    if friend.is_closed:
        gone = PublicReason("They closed their account before they bought anything.")
        return _none(attribution, None, gone)
    if not friend.is_active:
        return _none(attribution, None, review.refused())
    if attribution.status == Status.LAPSED:
        return _none(attribution, None, _NEVER_CONFIRMED)
    credit = _credit(terms)
    if now >= attribution.order_ends_at:
        return _Ending(
            "No credit",
            Step(credit, "stopped"),
            f"They did not buy within {terms.order_days} days of joining.",
            bought=Step("Bought", "stopped", note="time is up"),
        )
    if attribution.status == Status.PROVISIONAL:
        return _Ending(
            "Joined, not confirmed",
            Step(credit, "todo"),
            _NOT_YET["not_verified"][1],
            bought=Step("Bought", "todo"),
            may_buy=True,
        )
    words = "Nothing bought yet."
    if terms.inviter_words:
        day = date_format(_last_day(attribution), "j F")
        words += f" {terms.inviter_words_in_full} is kept for you until {day}."
    return _Ending(
        "Joined",
        Step(credit, "todo"),
        words,
        bought=_still_to_buy(attribution),
        may_buy=True,
    )


def _still_to_buy(attribution):
    by = date_format(_last_day(attribution), "j M")
    return Step("Bought", "todo", note=f"by {by}")


def _last_day(attribution):
    """The window ends at midnight; people are told its last day."""
    return timezone.localtime(attribution.order_ends_at - timedelta(seconds=1))


def _credit(terms: Terms, reward: Reward | None = None) -> str:
    """What it is about: the sum, or what was promised while there is none."""
    return _money(reward, reward.amount) if reward else terms.inviter_short or "Credit"


def _money(reward, amount):
    return format_money(amount, reward.currency, short=True)
