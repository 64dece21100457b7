"""Who brought this person: the touches of a browser, and the one row they lead to.

The row is written the moment an account comes into being, whichever way somebody signed
up, so that nothing has to survive until the email is verified. Until then it is
provisional.
"""

import logging
import unicodedata
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from referrals import discounts, terms, visits
from referrals.models import Attribution, Claim, Terms, Visit, Visitor

logger = logging.getLogger("tandem.referrals")

Status = Attribution.Status

_MOST_TOUCHES = 50


@dataclass(frozen=True)
class Touch:
    """The first use of a link by a browser, and the terms it would fall under.

    `against` is what speaks against it, empty when nothing does.
    """

    visit: Visit
    terms: Terms | None
    against: str


def touches(visitor: Visitor) -> list[Touch]:
    """Every link this browser has opened, first touch first. One query."""
    found = (
        Visit.objects.filter(visitor=visitor)
        .select_related("link__owner", "link__campaign")
        .order_by("first_at", "pk")[:_MOST_TOUCHES]
    )
    best: dict[int, Touch] = {}
    for visit in found:
        known = best.get(visit.link_id)
        # A link opened again after its first touch grew too old is a new touch.
        if known is None or known.against == "too_long_ago":
            best[visit.link_id] = _judged(visit)
    return sorted(
        best.values(), key=lambda touch: (touch.visit.first_at, touch.visit.pk)
    )


def standing(visitor: Visitor) -> Touch | None:
    """The touch that would win if this browser signed up now."""
    return next((touch for touch in touches(visitor) if not touch.against), None)


def attribute(user: User, visitor: Visitor) -> Attribution | None:
    """Write who brought a new account, and every touch that won or lost.

    First touch wins. Safe to repeat and to race: one person has one inviter for ever.
    """
    winner, claims = None, []
    for touch in touches(visitor):
        against = touch.against or _against_the_pair(touch, user)
        if not against and winner is None:
            winner = touch
        else:
            claims.append((touch, against or "later_touch"))
    with transaction.atomic():
        attribution = _insert(user, winner) if winner else None
        if winner:
            claims.insert(
                0, (winner, "first_touch" if attribution else "already_invited")
            )
        Claim.objects.bulk_create(
            Claim(
                invitee=user,
                link=touch.visit.link,
                won=touch is winner and attribution is not None,
                reason=reason,
                touched_at=touch.visit.first_at,
            )
            for touch, reason in claims
        )
        now = timezone.now()
        # Whoever fills in a form is a person; and the browser is theirs from now on.
        Visitor.objects.filter(pk=visitor.pk, user=None).update(user=user)
        Visitor.objects.filter(pk=visitor.pk, confirmed_at=None).update(
            confirmed_at=now
        )
    return attribution


def activate(user: User) -> None:
    """The email is proven: the attribution counts, or turns out to be oneself.

    Safe to repeat.
    """
    with transaction.atomic():
        attribution = (
            Attribution.objects.select_for_update(of=("self",), no_key=True)
            .select_related("inviter")
            .filter(invitee=user, status=Status.PROVISIONAL)
            .first()
        )
        if not attribution:
            return
        attribution.status = Status.ACTIVE
        inviter = attribution.inviter
        if inviter and _addresses(user) & _addresses(inviter):
            attribution.status, attribution.void_reason = Status.VOID, "same_email"
        attribution.save(update_fields=["status", "void_reason"])


def canonical(email: str) -> str:
    """One form for all spellings of a mailbox, to compare by, never to write to."""
    name, _, domain = (
        unicodedata.normalize("NFKC", email).strip().casefold().rpartition("@")
    )
    name = name.partition("+")[0]
    if domain in ("gmail.com", "googlemail.com"):
        name, domain = name.replace(".", ""), "gmail.com"
    return f"{name}@{domain}"


# Receivers. allauth sends its signals outside any transaction: what fails here is
# written to the log and must never cost somebody their account.


def on_signed_up(sender, request, user, **kwargs):
    visitor = _quietly(visits.visitor_of, request)
    if visitor:
        _quietly(attribute, user, visitor)


def on_email_confirmed(sender, request, email_address, **kwargs):
    _quietly(activate, email_address.user)


def on_logged_in(sender, request, user, **kwargs):
    # The address may have been verified elsewhere: on another device, or by a provider.
    _quietly(_activate_if_verified, user)
    if _quietly(discounts.promised, user):
        _quietly(visits.follow, request, user)


def _quietly(verb, *args):
    try:
        with transaction.atomic():
            return verb(*args)
    except Exception:
        logger.exception("%s failed", verb.__name__)
        return None


def _activate_if_verified(user):
    waiting = Attribution.objects.filter(invitee=user, status=Status.PROVISIONAL)
    verified = EmailAddress.objects.filter(user=user, verified=True)
    if waiting.exists() and verified.exists():
        activate(user)


def _judged(visit):
    now = timezone.now()
    link = visit.link
    rules = terms.of(link.campaign, settings.SHOP_CURRENCY)
    if rules is None:
        against = "no_terms"
    elif now >= rules.visit_ends(visit.first_at):
        against = "too_long_ago"
    elif not link.is_active(now):
        against = "link_disabled"
    elif link.owner and not link.owner.is_active:
        against = "inviter_gone"
    elif not link.campaign.is_running(now):
        against = "campaign_over"
    elif link.campaign.paused_at:
        against = "campaign_paused"
    else:
        against = ""
    return Touch(visit, rules, against)


def _against_the_pair(touch, user):
    inviter = touch.visit.link.owner
    if inviter and inviter.pk == user.pk:
        return "own_link"
    if inviter and inviter.date_joined >= user.date_joined:
        return "joined_before_inviter"
    if touch.visit.first_at > user.date_joined:
        return "touched_after_joining"
    return ""


def _insert(user, touch):
    link = touch.visit.link
    try:
        with transaction.atomic():
            return Attribution.objects.create(
                invitee=user,
                inviter=link.owner,
                link=link,
                visit=touch.visit,
                # Not from the cache: this version is what both were promised, for good.
                terms=terms.newest(link.campaign, settings.SHOP_CURRENCY),
                touched_at=touch.visit.first_at,
                inviter_joined_at=link.owner and link.owner.date_joined,
                invitee_joined_at=user.date_joined,
            )
    except IntegrityError:
        if Attribution.objects.filter(invitee=user).exists():
            return None
        raise


def _addresses(user):
    known = EmailAddress.objects.filter(Q(verified=True) | Q(primary=True), user=user)
    emails = known.values_list("email", flat=True)
    return {canonical(email) for email in (user.email, *emails)}
