"""What pages may say about invitations; nothing is asked until a template prints it."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.functional import SimpleLazyObject

from referrals import (
    candidates,
    claims,
    consent,
    discounts,
    handoff,
    name_reports,
    names,
    reports,
    terms,
    visits,
)
from referrals.models import Terms
from shop.kit.money import format_money


@dataclass(frozen=True)
class Invitation:
    """The promise to one visitor.

    `inviter` is a first name, or empty when it is not to be told; the visitor
    `has_joined` who has an account already and only needs to buy. For others
    `claim_url` is the way to one, with a query that carries the invitation along,
    `keep_token` what "Keep my gift" sends where nothing is remembered yet, and
    `report_url` where somebody who minds the name says so.
    """

    terms: Terms
    inviter: str
    has_joined: bool
    claim_url: str = ""
    keep_token: str = ""
    report_url: str = ""

    @property
    def sentence(self) -> str:
        if self.has_joined:
            return f"You have {self._gift}. It comes off by itself."
        return f"{self.inviter or 'A friend'} gives you {self._gift}."

    @property
    def waiting_sentence(self) -> str:
        whose = (
            f"{self.inviter}’s {self._amount}"
            if self.inviter
            else f"Your {self._amount}"
        )
        return f"{whose} is waiting for you."

    @property
    def condition(self) -> str:
        """What to know before a first order uses the gift up without getting it."""
        least = format_money(self.terms.minimum_amount, self.terms.currency, short=True)
        return (
            f"Your {self._amount} comes off a first order with {least} of goods or "
            "more, not counting what balance pays. A smaller first order uses it up."
        )

    @property
    def _amount(self):
        return format_money(self.terms.friend_amount, self.terms.currency, short=True)

    @property
    def _gift(self):
        least = self.terms.minimum_amount
        over = (
            f" over {format_money(least, self.terms.currency, short=True)}"
            if least
            else ""
        )
        return f"{self._amount} off your first order{over}"


def invitation(request):
    """Five answers, each asked for when a template first prints it.

    `invitation` is the promise to this visitor, or nothing; `offer` the terms for
    anybody new; `invite` what a member's own link has earned, for account pages;
    `code_until` the last day for a member whom nobody brought to enter a code;
    `is_remembered` whether this browser has our cookie, to offer that it be forgotten.
    """
    return {
        "invitation": SimpleLazyObject(lambda: for_visitor(request)),
        "offer": SimpleLazyObject(lambda: terms.current(settings.SHOP_CURRENCY)),
        "invite": SimpleLazyObject(lambda: reports.summary(request.user)),
        "code_until": SimpleLazyObject(lambda: _code_until(request.user)),
        "is_remembered": settings.REFERRAL_COOKIE in request.COOKIES,
    }


def for_visitor(request) -> Invitation | None:
    """The invitation that the referral cookie stands for, or the page's own address.

    Without either no query.
    """
    remembered = settings.REFERRAL_COOKIE in request.COOKIES
    visitor = visits.visitor_of(request) if remembered else None
    if visitor is None:
        return _carried(request)
    if visitor.dismissed_at:
        return None
    if request.user.is_authenticated:
        gift = discounts.promised(request.user)
        return gift and Invitation(gift.terms, "", has_joined=True)
    return None if visitor.has_bought else _promise(candidates.standing(visitor))


def _carried(request):
    # In the address, or of the very click that opened this page.
    token = handoff.of(request)
    carried = handoff.read(token)
    if carried is None or carried.is_quiet or request.user.is_authenticated:
        return None
    may_ask = consent.may_ask(request)
    return _promise(candidates.carried(token), keep_token=token if may_ask else "")


def _promise(touch, keep_token=""):
    if touch is None or not touch.terms.friend_amount:
        return None
    owner = touch.link.owner
    inviter = names.first(owner) if owner else ""
    return Invitation(
        touch.terms,
        inviter,
        has_joined=False,
        claim_url=handoff.sign_up_url(touch.link, touch.touched_at),
        keep_token=keep_token,
        report_url=name_reports.url_of_inviter(touch.link) if inviter else "",
    )


def _code_until(user):
    return claims.last_day(user) if user.is_authenticated else None
