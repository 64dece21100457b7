"""Why somebody counts, or why not, for staff: every touch, every rule and its result.

What the inviter reads of the same facts is `progress`.
"""

from dataclasses import dataclass

from accounts.models import User
from referrals import eligibility
from referrals.attributions import LAPSES_AFTER, first_touched_at
from referrals.models import Attribution, Claim, Reward, Settlement, Visit

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
    reached_at = first_touched_at(attribution)
    person = eligibility.of_person(attribution.invitee, inviter, reached_at)
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
