"""How far a friend came after joining: waiting, paid, refused, and in which words.

Without a query or a clock, as `progress`, which puts the whole way together.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone
from django.utils.formats import date_format

from referrals import reasons, review
from referrals.models import Attribution, Reward, Settlement, Terms
from referrals.review import PublicReason
from shop.kit.money import format_money

State = Reward.State
Status = Attribution.Status


@dataclass(frozen=True)
class Step:
    """One step of a timeline: done, now, todo or stopped, with a date or a note."""

    label: str
    state: str
    at: datetime | None = None
    note: str = ""


class Ending(NamedTuple):
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


def of(
    attribution: Attribution,
    first: Settlement | None,
    orders: list[Settlement],
    now: datetime,
) -> Ending:
    """How it stands by `first`, the order that decides; `orders` are all that tell."""
    reward = first and first.reward
    state = reward.state if reward else ""
    if state == State.EXPIRED:
        return _ran_out(reward)
    if state == State.AVAILABLE:
        return _paid(reward, orders)
    if state == State.REVERSED:
        return _taken_back(attribution, first)
    if attribution.status == Status.VOID:
        words = reasons.why_not("attribution_void", attribution.terms)
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
            money_of(reward, amount)
            for amount in (reward.amount_reversed, reward.amount)
        )
        sentences.append(
            f"A part of the order was returned, so {lost} of the {whole} went with it."
        )
    if coming:
        sentences.append(f"{money_of(reward, coming)} more is on the way.")
    amount = money_of(reward, paid)
    return Ending(
        f"{amount} in your balance",
        Step(amount, "done", reward.released_at),
        " ".join(sentences),
        kind="good",
    )


def _ran_out(reward):
    amount = money_of(reward, reward.amount_kept)
    return Ending(
        "Ran out",
        Step(amount, "stopped", reward.released_at, note="ran out"),
        f"The {amount} came into your balance and ran out before it was spent.",
        kind="bad",
    )


def _taken_back(attribution, settlement):
    reward = settlement.reward
    if settlement.reason in reasons.DUE_AGAIN:
        return _due_again(reward, settlement.reason, attribution.terms)
    amount = money_of(reward, reward.amount)
    why = reasons.WENT_BACK.get(reward.reason) or reasons.WENT_BACK.get(
        settlement.reason, "The order does not count any more"
    )
    is_about_them = reward.reason == "attribution_void"
    return Ending(
        "Taken back",
        Step(amount, "stopped", note="taken back"),
        f"{why}, so the {amount} went back too.",
        kind="bad",
        appeal=review.appeal_email() if is_about_them else "",
    )


def _due_again(reward, reason, terms):
    amount = money_of(reward, reward.amount_reversed)
    said = reasons.DUE_AGAIN[reason].format(amount=amount, caps=terms.caps_words)
    waits = Step(amount, "now", note="waits")
    return Ending(f"{amount} waits", waits, said, kind="accent")


def _on_hold(reward, frozen, kept):
    """Neutral words: a bank asks, and nobody has done anything wrong by that."""
    amount = money_of(reward, kept)
    what = f"{money_of(reward, frozen)} of it" if frozen < kept else f"The {amount}"
    return Ending(
        "On hold",
        Step(amount, "now", note="on hold"),
        f"{what} is on hold while a payment is being checked.",
    )


def _none(attribution, reward, words: PublicReason):
    return Ending(
        "No credit",
        Step(_credit(attribution.terms, reward), "stopped", note="not this time"),
        words.text,
        appeal=words.appeal_email,
        bought=Step("Bought", "stopped"),
    )


def _checked(attribution, reward, words: PublicReason):
    is_promised = reward is not None
    return Ending(
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
    amount = money_of(reward, reward.amount_kept)
    if reward.frozen_at:
        return _on_hold(reward, reward.amount_kept, reward.amount_kept)
    if settlement.reason in reasons.LOOKED_AT:
        return _checked(attribution, reward, review.CHECKING)
    words = reasons.WAITS.get(settlement.reason, "")
    if settlement.order.held_at:
        words = "{amount} waits while the order is being checked."
    if words:
        said = words.format(
            amount=amount, friends=terms.minimum_friends, hold=terms.hold_words
        )
        waits = Step(amount, "now", note="waits")
        return Ending(f"{amount} waits", waits, said, kind="accent")
    if reward.available_at <= now:
        return Ending(
            f"{amount} on the way",
            Step(amount, "now", note="any moment"),
            f"{amount} comes into your balance any moment.",
            kind="accent",
        )
    until = timezone.localtime(reward.available_at)
    last = date_format(until, "j F")
    return Ending(
        f"{amount} on {date_format(until, 'j M')}",
        Step(amount, "now", reward.available_at),
        f"{amount} on hold until {last}, because returns are open.",
        kind="accent",
    )


def _not_rewarded(attribution, settlement):
    reward, terms, reason = settlement.reward, attribution.terms, settlement.reason
    if attribution.status == Status.LAPSED:
        return _none(attribution, reward, reasons.NEVER_CONFIRMED)
    if reason in reasons.CHECKED:
        return _checked(attribution, reward, review.CHECKING)
    if reason in reasons.NOT_YET:
        badge, said = reasons.NOT_YET[reason]
        return Ending(badge, Step(_credit(terms, reward), "todo"), said)
    return _none(attribution, reward, reasons.why_not(reason, terms))


def _not_bought(attribution, now):
    terms, friend = attribution.terms, attribution.invitee
    if friend.is_closed:
        gone = PublicReason("They closed their account before they bought anything.")
        return _none(attribution, None, gone)
    if not friend.is_active:
        return _none(attribution, None, review.refused())
    if attribution.status == Status.LAPSED:
        return _none(attribution, None, reasons.NEVER_CONFIRMED)
    credit = _credit(terms)
    if now >= attribution.order_ends_at:
        return Ending(
            "No credit",
            Step(credit, "stopped"),
            f"They did not buy within {terms.order_days} days of joining.",
            bought=Step("Bought", "stopped", note="time is up"),
        )
    if attribution.status == Status.PROVISIONAL:
        return Ending(
            "Joined, not confirmed",
            Step(credit, "todo"),
            reasons.NOT_YET["not_verified"][1],
            bought=Step("Bought", "todo"),
            may_buy=True,
        )
    words = "Nothing bought yet."
    if terms.inviter_words:
        day = date_format(_last_day(attribution), "j F")
        words += f" {terms.inviter_words_in_full} is kept for you until {day}."
    return Ending(
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
    return (
        money_of(reward, reward.amount) if reward else terms.inviter_short or "Credit"
    )


def money_of(reward: Reward, amount: int) -> str:
    """An amount of minor units in the reward's currency, as short as it can be said."""
    return format_money(amount, reward.currency, short=True)
