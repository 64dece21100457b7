"""The decision about one order, from facts alone: no query, no clock.

What an order earns is one rule's to say, named by `settings.REFERRAL_RULE`; ours is
`standard`. Whatever it says, nothing is paid for money that did not come or went back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.module_loading import import_string

from referrals.facts import Facts, review_waits
from referrals.models import Attribution, ReviewCase, Reward, Settlement, Terms
from shop.kit import money
from shop.kit.currencies import step

State = Reward.State

# What was paid is taken back for these alone: the order itself came undone, or the
# friend turned out to be nobody new.
TAKES_BACK = {
    "cancelled",
    "dispute_lost",
    "refunded",
    "partly_refunded",
    "attribution_void",
}


class RuleFailed(Exception):
    """The rule named by settings broke, or its answer makes no sense; the order waits
    for a person."""


@dataclass(frozen=True)
class Grant:
    """The order earns `amount`; `amount_cut` of it is lost by what went back since."""

    amount: int
    amount_cut: int = 0


@dataclass(frozen=True)
class Refusal:
    """The order earns nothing; `reason` is a code such as `below_minimum`."""

    reason: str


Rule = Callable[[Facts], Grant | Refusal]


@dataclass(frozen=True)
class Desired:
    """What ought to be: a reward in some state, or none (`void`) and why not.

    A pending one may have a reason, too: why it waits longer than the hold. With
    `is_frozen` what is unspent of a paid reward can not be spent.
    """

    state: State
    reason: str = ""
    available_at: datetime | None = None
    is_frozen: bool = False
    amount: int = 0
    amount_cut: int = 0


def desired(facts: Facts, rule: Rule | None = None) -> Desired:
    """The decision. Raises RuleFailed."""
    said = _said(facts, rule or the_rule())
    amount, cut = (said.amount, said.amount_cut) if isinstance(said, Grant) else (0, 0)
    against = said.reason if isinstance(said, Refusal) else ""
    if against not in TAKES_BACK:
        against = _standing(facts) or against
    if against:
        return Desired(
            State.VOID,
            against,
            is_frozen=facts.is_disputed,
            amount=amount,
            amount_cut=cut,
        )
    begins_at = max(facts.confirmed_at, facts.delivered_at or facts.confirmed_at)
    available_at = begins_at + timedelta(days=facts.terms.hold_days)
    reason = _waits_for(facts)
    waits = reason or facts.is_held or facts.is_disputed or facts.now < available_at
    return Desired(
        State.PENDING if waits else State.AVAILABLE,
        reason,
        available_at,
        is_frozen=facts.is_disputed,
        amount=amount,
        amount_cut=cut,
    )


def the_rule() -> Rule:
    """The rule that settings name."""
    return import_string(settings.REFERRAL_RULE)


def standard(facts: Facts) -> Grant | Refusal:
    """The rule of the shop: an amount or a percentage, by the terms of the friend."""
    terms = facts.terms
    if terms is None:
        return Refusal("other_currency")
    most = terms.orders_count
    reasons = [
        (facts.is_friend_staff, "staff_order"),
        (facts.placed_at >= terms.order_ends(facts.joined_at), "too_late"),
        (most and facts.place >= most, "not_first_order"),
        (facts.amount_basis < terms.minimum_amount, "below_minimum"),
        (facts.amount_remaining < terms.minimum_amount, "partly_refunded"),
        (most and facts.rewarded_elsewhere >= most, "already_rewarded"),
    ]
    reason = next((reason for holds, reason in reasons if holds), "")
    if reason:
        return Refusal(reason)
    amount = _earned(facts.amount_basis, terms)
    left = _earned(facts.amount_remaining, terms)
    if not amount:
        return Refusal("no_reward_promised")
    return Grant(amount, amount - left) if left else Refusal("partly_refunded")


def _earned(basis: int, terms: Terms) -> int:
    """A fixed amount, or a share of what counts in whole steps of the currency."""
    if not terms.inviter_basis_points:
        return terms.inviter_amount
    amount = money.share(
        max(0, basis), terms.inviter_basis_points, step=step(terms.currency)
    )
    if terms.inviter_most_amount is None:
        return amount
    return min(amount, money.floor(terms.inviter_most_amount, terms.currency))


def _said(facts, rule):
    against = _money(facts)
    if against:
        return Refusal(against)
    is_free = facts.amount_due <= 0 or facts.amount_goods_paid <= facts.amount_balance
    if facts.is_waived and facts.terms:
        return Refusal("nothing_paid") if is_free else _by_word(facts)
    if facts.out_of_room:
        return Refusal(facts.out_of_room)
    name = f"{rule.__module__}.{rule.__qualname__}"
    try:
        said = rule(facts)
    except Exception as error:
        raise RuleFailed(name) from error
    if not _makes_sense(said, facts):
        raise RuleFailed(f"{name} said {said!r}")
    if isinstance(said, Refusal):
        return said
    if is_free or facts.amount_basis <= 0:
        return Refusal("nothing_paid")
    return Refusal("paused") if facts.is_paused else said


def _by_word(facts):
    """What staff granted stands; of a percentage, what is left of the order earns."""
    promised = facts.amount_promised
    if not facts.terms.inviter_basis_points:
        return Grant(promised)
    left = min(promised, _earned(facts.amount_remaining, facts.terms))
    return Grant(promised, promised - left) if left else Refusal("partly_refunded")


def _makes_sense(said, facts):
    """Whether the answer can be written down and paid."""
    if isinstance(said, Refusal):
        longest = Settlement._meta.get_field("reason").max_length
        return isinstance(said.reason, str) and 0 < len(said.reason) <= longest
    if not isinstance(said, Grant) or facts.terms is None:
        return False
    smallest = step(facts.terms.currency)
    amounts = (said.amount, said.amount_cut)
    return (
        all(type(each) is int and not each % smallest for each in amounts)
        and 0 <= said.amount_cut < said.amount
    )


def _money(facts):
    """What no rule and no member of staff can grant over: there is no such money."""
    reasons = [
        (facts.is_cancelled, "cancelled"),
        (not facts.is_confirmed, "not_confirmed"),
        (facts.is_lost, "dispute_lost"),
        (_is_returned(facts), "refunded"),
        (facts.amount_received < facts.amount_due, "not_paid"),
    ]
    return next((reason for holds, reason in reasons if holds), "")


def _standing(facts):
    """What is the matter with the two people."""
    not_verified = (Attribution.Status.PROVISIONAL, Attribution.Status.LAPSED)
    reasons = [
        (facts.attribution_status == Attribution.Status.VOID, "attribution_void"),
        (facts.attribution_status in not_verified, "not_verified"),
        (not facts.has_inviter, "no_inviter"),
        (not facts.is_inviter_active, "inviter_gone"),
        (not facts.is_friend_active, "friend_gone"),
        (facts.review == ReviewCase.State.REJECTED, "rejected"),
        # What was promised before only waits, for a block may be lifted.
        (facts.is_blocked and not facts.amount_promised, "blocked"),
    ]
    return next((reason for holds, reason in reasons if holds), "")


def _waits_for(facts):
    if review_waits(facts.review):
        return "in_review"
    if facts.is_blocked:
        return "blocked"
    wanted = facts.terms.minimum_friends
    if wanted and not facts.was_inviter_paid and facts.friends_paying < wanted:
        return "too_few_friends"
    if facts.terms.hold_from == Terms.Hold.DELIVERY and facts.delivered_at is None:
        return "not_delivered"
    return ""


def _is_returned(facts):
    return 0 < facts.amount_goods_paid <= facts.amount_refunded_goods
