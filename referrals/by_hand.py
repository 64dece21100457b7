"""Staff say who brought somebody: with a reason, an order that shows it, and a trace.

"Force" sets the rules aside, never the promise that a person is brought once, nor that
whoever brings was here first: the database keeps both, whoever asks.
"""

from dataclasses import dataclass

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from referrals import attributions, candidates, eligibility
from referrals.candidates import Method
from referrals.models import Attribution, ReferralLink

LEAST_REASON = 10

_REFUSALS = {
    "own_link": "Nobody invites themselves.",
    "joined_before_inviter": "The inviter joined after the friend.",
    "same_email": "Inviter and friend have the same mailbox.",
    "existing_customer": "The friend was a customer before.",
}


class Refused(Exception):
    """It was not done; the message says why, to the person of the staff."""


@dataclass(frozen=True)
class Word:
    """What one person of the staff says, and about which order."""

    actor: User
    reason: str
    order: Order
    force: bool = False


def attribute(invitee: User, link: ReferralLink, word: Word) -> Attribution:
    """Write who brought this person, on somebody's word. Raises Refused.

    Nothing is written if it is refused. Rewards follow by the usual way.
    """
    _must_be_sound(word.actor, word.reason, invitee, link.owner)
    if word.order.user_id != invitee.pk:
        raise Refused("That order is not the friend’s.")
    candidate = candidates.judged(Method.STAFF, link, timezone.now())
    against = eligibility.of_link(candidate, invitee)
    if against in ("own_link", "joined_before_inviter"):
        raise Refused(_REFUSALS[against])
    if not word.force:
        # The order that shows it is the friend's first by this link, not a past life.
        against = candidate.against or eligibility.of_person(
            invitee, link.owner, word.order.placed_at
        )
        if against:
            raise Refused(_REFUSALS.get(against, "The link is not active."))
    if candidate.terms is None:
        raise Refused("The link’s campaign has no terms.")
    words = f"{word.reason} (order {word.order.code})"
    with transaction.atomic():
        made = attributions.insert(
            invitee, candidate, status=attributions.Status.ACTIVE
        )
        if made is None:
            raise Refused("Somebody has brought this person already.")
        reason = "forced_by_staff" if word.force else "entered_by_staff"
        attributions.note(
            invitee, candidate, won=True, reason=reason, actor=word.actor, words=words
        )
        attributions.tell_of_orders(invitee)
        _log(word.actor, made, f"Entered by hand: {words}")
    return made


def reopen(attribution: Attribution, *, actor: User, reason: str) -> Attribution:
    """Let a lapsed, void or waiting attribution count after all. Raises Refused."""
    _must_be_sound(actor, reason, attribution.invitee, attribution.inviter)
    with transaction.atomic():
        opened = attributions.reopen(attribution, actor=actor, words=reason)
        _log(actor, opened, f"Opened again: {reason}")
    return opened


def _must_be_sound(actor, reason, *people):
    if len(reason.strip()) < LEAST_REASON:
        raise Refused(f"Give a reason of {LEAST_REASON} characters or more.")
    if actor in people:
        raise Refused("Somebody else has to decide about your own account.")


def _log(actor, attribution, message):
    LogEntry.objects.create(
        user=actor,
        content_type=ContentType.objects.get_for_model(Attribution),
        object_id=attribution.pk,
        object_repr=str(attribution)[:200],
        action_flag=CHANGE,
        change_message=message,
    )
