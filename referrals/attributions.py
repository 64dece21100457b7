"""Who brought this person: the one row, and the arrows between its states.

The row is written the moment an account comes into being, whichever way somebody signed
up, so that nothing has to survive until the email is verified. Until then it is
provisional. Every move is a claim beside it, with its reason.
"""

import logging
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Min
from django.utils import timezone

from accounts import proofs
from accounts.models import User
from orders.models import Order
from referrals import (
    candidates,
    cards,
    codebox,
    discounts,
    eligibility,
    handoff,
    notices,
    remarks,
    signup,
    terms,
    visits,
)
from referrals.candidates import Candidate, Method
from referrals.models import Attribution, Claim, RiskSignal, Terms, Visitor
from referrals.signals import tell_of_attribution, tell_of_claim

logger = logging.getLogger("tandem.referrals")

Status = Attribution.Status
Touch = Terms.Touch

LAPSES_AFTER = timedelta(days=30)

# Reasons by how somebody came; for touches, by which one counts.
_WON = {
    Method.TYPED: "typed_code",
    Method.INVITATION: "invitation",
    Touch.FIRST: "first_touch",
    Touch.LAST: "last_touch",
}
_LOST = {
    Method.TYPED: "typed_code_counts",
    Method.INVITATION: "invitation_counts",
    Touch.FIRST: "later_touch",
    Touch.LAST: "earlier_touch",
}


def attribute(
    user: User, visitor: Visitor | None = None, *, code: str = "", token: str = ""
) -> Attribution | None:
    """Write who brought a new account, and everything that won or lost.

    Safe to repeat and to race: one person has one inviter for ever.
    """
    found = candidates.in_order(
        [
            *candidates.of_code(codebox.link_of(code), user.date_joined),
            *candidates.of_invitations(user.email),
            *(candidates.of_browser(visitor) if visitor else []),
            *candidates.of_hand_off(token),
            *candidates.of_guest_orders(user),
        ]
    )
    judged = [(each, each.against or eligibility.of_link(each, user)) for each in found]
    winner = next((each for each, against in judged if not against), None)
    with transaction.atomic():
        attribution = insert(user, winner) if winner else None
        for candidate, against in judged:
            won = candidate is winner and attribution is not None
            reason = against or _outcome(candidate, winner, attribution)
            note(user, candidate, won=won, reason=reason)
        if visitor:
            _bind(visitor, user, attribution)
    return attribution


def insert(
    user: User, candidate: Candidate, *, status: str = Status.PROVISIONAL
) -> Attribution | None:
    """The row itself; None if somebody has brought this person already."""
    link, visit = candidate.link, candidate.visit
    is_later = candidate.method in (Method.LATE_CLAIM, Method.STAFF)
    touched_at = candidate.touched_at
    try:
        with transaction.atomic():
            if not cards.redeem(link):
                return None
            attribution = Attribution.objects.create(
                invitee=user,
                inviter=link.owner,
                link=link,
                visit=visit,
                # Not from the cache: this version is what both were promised, for good.
                terms=terms.newest(link.campaign, settings.SHOP_CURRENCY),
                method=candidate.method,
                status=status,
                channel=visit.channel if visit else "",
                touched_at=touched_at
                if is_later
                else min(touched_at, user.date_joined),
                inviter_joined_at=link.owner and link.owner.date_joined,
                invitee_joined_at=user.date_joined,
            )
            tell_of_attribution(attribution)
            if status == Status.ACTIVE:
                notices.friend_joined(attribution)
            return attribution
    except IntegrityError:
        if Attribution.objects.filter(invitee=user).exists():
            return None
        raise


def activate(user: User) -> Attribution | None:
    """The email is proven: the attribution counts, or turns out not to.

    Safe to repeat.
    """
    with transaction.atomic():
        attribution = _locked(invitee=user, status=Status.PROVISIONAL)
        if attribution is None:
            return None
        against = eligibility.of_person(
            user, attribution.inviter, first_touched_at(attribution)
        )
        if against:
            _move(attribution, Status.VOID, against)
        else:
            _move(attribution, Status.ACTIVE, "verified")
            tell_of_orders(user)
    return attribution


def void(user: User, reason: str) -> None:
    """A provisional attribution does not come about. Safe to repeat."""
    with transaction.atomic():
        attribution = _locked(invitee=user, status=Status.PROVISIONAL)
        if attribution:
            _move(attribution, Status.VOID, reason)


def judge_payment(order_id: int) -> None:
    """Void a friend who turns out to be somebody else, now that their card is known.

    To be called before the order is settled. What a person of the staff decided stays
    decided. Safe to repeat.
    """
    with transaction.atomic():
        order = Order.objects.get(pk=order_id)
        attribution = _locked(invitee=order.user_id, status=Status.ACTIVE)
        if attribution is None or _has_word_of_staff(attribution):
            return
        against = eligibility.of_payment(order, attribution)
        if against:
            _move(attribution, Status.VOID, against)
            # What an earlier order earned goes as well.
            tell_of_orders(attribution.invitee)


def lapse_forgotten() -> int:
    """Close attributions whose email was never verified in time; how many."""
    old = Attribution.objects.filter(
        status=Status.PROVISIONAL, created_at__lte=timezone.now() - LAPSES_AFTER
    )
    return sum(_lapsed(pk) for pk in list(old.values_list("pk", flat=True)))


def note(
    user: User,
    candidate: Candidate,
    *,
    won: bool,
    reason: str,
    actor: User | None = None,
    words: str = "",
) -> Claim:
    """One line of the audit: what was claimed, by which way, and what came of it."""
    claim = Claim.objects.create(
        invitee=user,
        link=candidate.link,
        won=won,
        method=candidate.method,
        reason=reason,
        note=words,
        actor=actor,
        touched_at=candidate.touched_at,
    )
    tell_of_claim(claim)
    return claim


def reopen(attribution: Attribution, *, actor: User, words: str) -> Attribution:
    """Staff let a closed or waiting attribution count after all, with a reason.

    Safe to repeat. The rules do not close it again.
    """
    with transaction.atomic():
        attribution = _locked(pk=attribution.pk)
        if attribution.status != Status.ACTIVE:
            _move(attribution, Status.ACTIVE, "opened_by_staff", actor, words)
            tell_of_orders(attribution.invitee)
    return attribution


# Receivers. allauth sends its signals outside any transaction: what fails here is
# written to the log and must never cost somebody their account.


def on_signed_up(sender, request, user, **kwargs):
    visitor = _quietly(visits.visitor_of, request)
    answers = signup.answers(request)
    _quietly(attribute, user, visitor, **answers)
    # A provider may have proven the address before there was an account.
    if EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists():
        _quietly(activate, user)


def on_email_confirmed(sender, request, email_address, **kwargs):
    if proofs.is_by_own_code(request):
        attribution = _quietly(activate, email_address.user)
        if attribution and attribution.status == Status.VOID:
            remarks.after_void(request)
    else:
        # Whoever resets the password of an account that was never verified may not be
        # the one who opened it in their name, by a link of somebody else's choice.
        _quietly(void, email_address.user, "proven_by_another")


def on_logged_in(sender, request, user, **kwargs):
    if _quietly(discounts.promised, user):
        _quietly(visits.follow, request, user)
    _quietly(remarks.at_sign_in, request, user)
    request.session.pop(handoff.PARAMETER, None)


def _quietly(verb, *args, **options):
    try:
        with transaction.atomic():
            return verb(*args, **options)
    except Exception:
        logger.exception("%s failed", verb.__name__)
        return None


def _outcome(candidate, winner, attribution):
    order = candidates.touch_that_counts()
    if candidate is not winner:
        return _LOST.get(winner.method, _LOST[order])
    if attribution is None:
        return "already_invited"
    return _WON.get(candidate.method, _WON[order])


def first_touched_at(attribution):
    """When the inviter first reached them, whichever way won in the end.

    A guest whom somebody sent is no old customer for typing the code as well later.
    """
    reached = Claim.objects.filter(
        invitee=attribution.invitee_id,
        link__owner=attribution.inviter_id,
        reason__in=[*_WON.values(), *_LOST.values()],
    )
    if attribution.inviter_id is None:
        reached = reached.filter(link=attribution.link_id)
    first = reached.aggregate(first=Min("touched_at"))["first"]
    return min(first or attribution.touched_at, attribution.touched_at)


def _bind(visitor, user, attribution):
    """Whoever fills in a form is a person; and the browser is theirs from now on."""
    mine = Visitor.objects.filter(pk=visitor.pk)
    mine.filter(user=None).update(user=user)
    # It brought somebody else before: a household, or a token that was copied.
    if attribution and mine.exclude(user=user).exists():
        RiskSignal.objects.get_or_create(
            attribution=attribution,
            code="shared_device",
            evidence=f"visitor {visitor.pk}",
            defaults={"weight": 30},
        )
    mine.filter(confirmed_at=None).update(confirmed_at=timezone.now())


def _move(attribution, status, reason, actor=None, words=""):
    attribution.status = status
    attribution.void_reason = reason if status == Status.VOID else ""
    attribution.save(update_fields=["status", "void_reason"])
    claim = Claim.objects.create(
        invitee=attribution.invitee,
        link=attribution.link,
        won=status == Status.ACTIVE,
        method=Method.STAFF if actor else attribution.method,
        reason=reason,
        note=words,
        actor=actor,
        touched_at=attribution.touched_at,
    )
    tell_of_claim(claim)
    if status == Status.ACTIVE:
        notices.friend_joined(attribution)


def _lapsed(pk):
    with transaction.atomic():
        attribution = _locked(pk=pk, status=Status.PROVISIONAL)
        if attribution:
            _move(attribution, Status.LAPSED, "never_verified")
    return attribution is not None


def _locked(**which):
    return (
        Attribution.objects.select_for_update(of=("self",), no_key=True)
        .select_related("inviter", "invitee", "link")
        .filter(**which)
        .first()
    )


def tell_of_orders(user):
    """What they bought is settled by the worker: the answer is another one now."""
    from referrals import jobs  # they call us

    for pk in Order.objects.confirmed().filter(user=user).values_list("pk", flat=True):
        jobs.settle.enqueue(pk)


def _has_word_of_staff(attribution):
    return Claim.objects.filter(
        invitee=attribution.invitee_id, method=Method.STAFF, won=True
    ).exists()
