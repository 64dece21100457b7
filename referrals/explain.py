"""Why somebody counts, or why not: the same facts, for staff and for the inviter.

Staff read every touch, every rule and its result by reason code. The inviter reads a
trail of dates in plain words, and never which rule spoke against a friend.
"""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from referrals import eligibility
from referrals.attributions import LAPSES_AFTER
from referrals.models import Attribution, Claim, Reward, Settlement, Visit
from shop.kit.money import format_money

Status = Attribution.Status
State = Reward.State


@dataclass(frozen=True)
class Check:
    """One rule and how it ended: `code` is the reason it would give."""

    code: str
    question: str
    is_fine: bool
    detail: str = ""


@dataclass(frozen=True)
class Case:
    """Everything there is about one person, for the page of the staff."""

    person: User
    attribution: Attribution | None
    visits: list[Visit]
    claims: list[Claim]
    checks: list[Check]
    settlements: list[Settlement]


@dataclass(frozen=True)
class Step:
    """One line of an inviter's trail; `at` is None for what has not come about."""

    at: datetime | None
    sentence: str


def case_of(person: User) -> Case:
    """What is known of how this person came, attributed or not."""
    attribution = (
        Attribution.objects.filter(invitee=person)
        .select_related("inviter", "invitee", "link__campaign", "terms")
        .first()
    )
    settled = Settlement.objects.filter(attribution=attribution) if attribution else []
    return Case(
        person=person,
        attribution=attribution,
        visits=list(
            Visit.objects.filter(visitor__user=person)
            .select_related("link__owner")
            .order_by("first_at")[:100]
        ),
        claims=list(
            Claim.objects.filter(invitee=person)
            .select_related("link__owner", "actor")
            .order_by("pk")
        ),
        checks=checks(attribution) if attribution else [],
        settlements=list(settled and settled.select_related("order", "reward")),
    )


def checks(attribution: Attribution) -> list[Check]:
    """Every rule about the person as it stands today, in the order it is asked."""
    terms, inviter = attribution.terms, attribution.inviter
    person = eligibility.of_person(attribution.invitee, inviter, attribution.touched_at)
    return [
        Check(
            "too_long_ago",
            "Joined within the window of the link?",
            attribution.invitee_joined_at < terms.visit_ends(attribution.touched_at),
            f"{terms.visit_days} days from {attribution.touched_at:%d %b %Y %H:%M}",
        ),
        Check(
            "never_verified",
            "Email verified in time, by who signed up?",
            attribution.status != Status.LAPSED
            and attribution.void_reason != "proven_by_another",
            f"{LAPSES_AFTER.days} days",
        ),
        Check(
            "same_email", "Another mailbox than the inviter’s?", person != "same_email"
        ),
        Check(
            "existing_customer",
            "New here when the link was opened?",
            person != "existing_customer",
        ),
        Check(
            "same_card",
            "Paid with a card that nobody else paid with?",
            not any(
                eligibility.of_payment(order, attribution)
                for order in eligibility.bought().filter(user=attribution.invitee)
            ),
        ),
        Check(
            "inviter_gone",
            "Is the inviter still a member?",
            inviter is None or inviter.is_active,
        ),
        Check(
            "too_late",
            "Every order in time?",
            not attribution.settlements.filter(reason="too_late").exists(),
            f"until {attribution.order_ends_at:%d %b %Y %H:%M}",
        ),
    ]


def trail(attribution: Attribution) -> list[Step]:
    """The way of one friend in words that the inviter may read.

    Three queries at most; neither what was bought nor which rule spoke against it.
    """
    steps = [
        Step(attribution.touched_at, "Opened your link"),
        Step(attribution.invitee_joined_at, "Joined"),
    ]
    if attribution.status == Status.PROVISIONAL:
        return [*steps, Step(None, "Has not confirmed the email address yet")]
    if attribution.status == Status.LAPSED:
        return [*steps, Step(None, "Joined, and it was never confirmed")]
    for settlement in attribution.settlements.select_related("order", "reward"):
        if settlement.order.confirmed_at:
            steps.append(Step(settlement.order.confirmed_at, "Bought something"))
            steps += _of_reward(settlement)
    if attribution.status == Status.VOID:
        steps.append(Step(None, "Did not count as a new friend"))
    return steps


def _of_reward(settlement):
    reward = settlement.reward
    if reward is None:
        return [Step(None, "This order earned no credit")]
    amount = format_money(reward.amount, reward.currency)
    if reward.state == State.PENDING:
        return [Step(reward.available_at, f"{amount} on hold: returns are open")]
    if reward.state == State.AVAILABLE:
        return [Step(reward.released_at, f"{amount} in your balance")]
    if reward.state == State.REVERSED:
        return [Step(None, f"{amount} taken back, as the order was")]
    return [Step(None, "This order earned no credit")]
