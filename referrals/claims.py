"""A friend's own word after sign-up: "my friend forgot the link".

For some days after joining, and before the first order, somebody whom nobody brought
may still enter a code. It fills an empty slot and never replaces anybody.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import User
from referrals import attributions, candidates, codebox, eligibility, guesses, terms
from referrals.candidates import Method
from referrals.models import Attribution

TAKEN = "You came by an invitation already, and it stays."
TOO_LATE = "A code counts before the first order and soon after joining only."
KNOWN = "You are with us already. Share your own link instead."

Status = Attribution.Status

_INVITED = ("already_invited", TAKEN)


class Refused(Exception):
    """The code was not taken; the message is for the person who typed it."""


def ends_at(user: User) -> datetime | None:
    """Until when this person may enter a code; None if they may not (any more).

    Nobody who joined long ago costs a query; anybody else costs one.
    """
    offer = terms.current(settings.SHOP_CURRENCY)
    if offer is None:
        return None
    end = offer.claim_ends(user.date_joined)
    if timezone.now() >= end or not _has_empty_slot(user):
        return None
    return end


def last_day(user: User) -> datetime | None:
    """The same for people, who are told a day: its last second."""
    end = ends_at(user)
    return end and end - timedelta(seconds=1)


def claim(user: User, text: str, *, asker: str) -> Attribution:
    """Take a typed code as the answer to who brought this person. Raises Refused.

    `asker` is the address of the browser: tries are counted for it and for the person.
    Every code that exists leaves a claim, taken or not.
    """
    if not codebox.may_try(asker, f"user:{user.pk}"):
        raise Refused(codebox.TOO_MANY)
    link = codebox.link_of(text)
    if link is None:
        guesses.look_at(asker, [text])
        raise Refused(codebox.NOT_ACTIVE)
    candidate = candidates.judged(Method.LATE_CLAIM, link, timezone.now())
    reason, sentence = _against(user, candidate)
    with transaction.atomic():
        taken = None
        if not reason:
            taken = attributions.insert(user, candidate, status=Status.ACTIVE)
            # Another tab was first.
            reason, sentence = ("late_claim", "") if taken else _INVITED
        attributions.note(user, candidate, won=bool(taken), reason=reason)
    if taken is None:
        raise Refused(sentence)
    return taken


def _against(user, candidate):
    """A reason code and its sentence; two empty ones if nothing speaks against it."""
    inviter = candidate.link.owner
    if inviter == user:
        return "own_link", codebox.OWN
    if Attribution.objects.filter(invitee=user).exists():
        return _INVITED
    if eligibility.bought().filter(user=user).exists():
        return "has_bought", TOO_LATE
    if candidate.against:
        return candidate.against, codebox.NOT_ACTIVE
    if timezone.now() >= candidate.terms.claim_ends(user.date_joined):
        return "claimed_too_late", TOO_LATE
    against = eligibility.of_link(candidate, user)
    if against:
        return against, codebox.NOT_ACTIVE
    against = eligibility.of_person(user, inviter, candidate.touched_at)
    return against, KNOWN if against else ""


def _has_empty_slot(user):
    return (
        User.objects.filter(pk=user.pk, attribution=None)
        .exclude(Exists(eligibility.bought().filter(user=OuterRef("pk"))))
        .exists()
    )
