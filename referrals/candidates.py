"""Everything that may have brought somebody here, the strongest first.

What was said outright counts more than what a browser remembers: a typed code, then an
invitation by mail, then the links that were opened. Among those the offer says whether
the first or the last one counts.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts import mailboxes
from accounts.models import User
from referrals import cards, handoff, terms
from referrals.models import (
    Attribution,
    Invitation,
    OrderTouch,
    ReferralLink,
    Terms,
    Visit,
    Visitor,
)

Method = Attribution.Method
Touch = Terms.Touch

_MOST_TOUCHES = 50
_RANKS = {Method.TYPED: 0, Method.INVITATION: 1}


@dataclass(frozen=True)
class Candidate:
    """One link that reached a person, and the terms it would bring them under.

    `against` is what speaks against the link itself, empty when nothing does.
    """

    method: Method
    link: ReferralLink
    touched_at: datetime
    terms: Terms | None
    against: str
    visit: Visit | None = None

    @property
    def rank(self) -> int:
        return _RANKS.get(self.method, 2)


def standing(visitor: Visitor) -> Candidate | None:
    """The touch that would win if this browser signed up now. One query."""
    touches = in_order(of_browser(visitor))
    return next((touch for touch in touches if not touch.against), None)


def touch_that_counts() -> Terms.Touch:
    """Which of several touches the shop's offer goes by, in a pause as well.

    Touches of several campaigns compete, so the default one speaks for all.
    """
    offer = terms.of_default(settings.SHOP_CURRENCY)
    return Touch(offer.touch) if offer else Touch.FIRST


def in_order(found: list[Candidate]) -> list[Candidate]:
    """The strongest first; of touches the first or the last, as the offer says."""
    sign = -1 if touch_that_counts() == Touch.LAST else 1

    def place(candidate):
        pk = candidate.visit.pk if candidate.visit else 0
        return candidate.rank, sign * candidate.touched_at.timestamp(), sign * pk

    return sorted(found, key=place)


def of_browser(visitor: Visitor) -> list[Candidate]:
    """Every link this browser has opened, each once. One query."""
    is_last = touch_that_counts() == Touch.LAST
    moment = "last_at" if is_last else "first_at"
    order = ["-last_at", "-pk"] if is_last else ["first_at", "pk"]
    found = (
        Visit.objects.filter(visitor=visitor)
        .select_related("link__owner", "link__campaign")
        .order_by(*order)[:_MOST_TOUCHES]
    )
    best: dict[int, Candidate] = {}
    for visit in found:
        known = best.get(visit.link_id)
        # A link opened again after its first touch grew too old is a new touch.
        if known is None or known.against == "too_long_ago":
            best[visit.link_id] = judged(
                _method_of(visit.link), visit.link, getattr(visit, moment), visit
            )
    return list(best.values())


def of_code(link: ReferralLink | None, at: datetime) -> list[Candidate]:
    """The link of a code that was typed at this moment."""
    return [judged(Method.TYPED, link, at)] if link else []


def of_hand_off(token: str) -> list[Candidate]:
    """The touch that a sign-up link brought where no cookie could. At most a query."""
    carried = handoff.read(token)
    if carried is None:
        return []
    links = ReferralLink.objects.select_related("owner", "campaign")
    link = links.filter(pk=carried.link_id).first()
    return [judged(_method_of(link), link, carried.touched_at)] if link else []


def carried(token: str) -> Candidate | None:
    """The same, if it stands: the touch that would win by this token."""
    return next((each for each in of_hand_off(token) if not each.against), None)


def of_invitations(email: str) -> list[Candidate]:
    """The mails that invited this address, on whichever device they were read."""
    invited = Invitation.objects.filter(
        address_hash=mailboxes.hash_of(email), sent_at__isnull=False
    ).select_related("link__owner", "link__campaign")
    return [judged(Method.INVITATION, each.link, each.sent_at) for each in invited]


def of_guest_orders(user: User) -> list[Candidate]:
    """The links behind what this very address bought before it had an account."""
    is_theirs = Q(order__user=user) | Q(
        order__user=None, order__email__iexact=user.email
    )
    touches = (
        OrderTouch.objects.filter(is_theirs, touched_at__lte=user.date_joined)
        .select_related("link__owner", "link__campaign")
        .order_by("touched_at", "pk")[:_MOST_TOUCHES]
    )
    return [
        judged(Method.GUEST_ORDER, touch.link, touch.touched_at) for touch in touches
    ]


def judged(
    method: Method,
    link: ReferralLink,
    touched_at: datetime,
    visit: Visit | None = None,
) -> Candidate:
    """A candidate, with what speaks against its link now."""
    rules = terms.of(link.campaign, settings.SHOP_CURRENCY)
    against = _against(link, rules, touched_at)
    return Candidate(method, link, touched_at, rules, against, visit)


def _against(link, rules, touched_at):
    now = timezone.now()
    reasons = [
        (rules is None, "no_terms"),
        (rules is not None and now >= rules.visit_ends(touched_at), "too_long_ago"),
        (not link.is_active(now), "link_disabled"),
        (cards.is_used_up(link), "card_used"),
        (link.owner is not None and not link.owner.is_active, "inviter_gone"),
        (not link.campaign.is_running(now), "campaign_over"),
        (link.campaign.paused_at is not None, "campaign_paused"),
    ]
    return next((reason for holds, reason in reasons if holds), "")


def _method_of(link):
    is_mailed = link.kind == ReferralLink.Kind.EMAIL
    return Method.INVITATION if is_mailed else Method.COOKIE
