"""What pages may say about invitations; nothing is asked until a template prints it."""

from django.conf import settings
from django.utils.functional import SimpleLazyObject

from referrals import (
    candidates,
    claims,
    consent,
    discounts,
    handoff,
    promises,
    reports,
    terms,
    visits,
)
from referrals.promises import Invitation


def invitation(request):
    """Six answers, each asked for when a template first prints it.

    `invitation` is the promise to this visitor, or nothing; `offer` the terms for
    anybody new; `invite` what a member's own link has earned, for account pages;
    `code_until` the last day for a member whom nobody brought to enter a code;
    `is_remembered` whether this browser has our cookie, to offer that it be forgotten;
    `cookie_days` how long it lives.
    """
    return {
        "invitation": SimpleLazyObject(lambda: for_visitor(request)),
        "offer": SimpleLazyObject(lambda: terms.current(settings.SHOP_CURRENCY)),
        "invite": SimpleLazyObject(lambda: reports.summary(request.user)),
        "code_until": SimpleLazyObject(lambda: _code_until(request.user)),
        "is_remembered": settings.REFERRAL_COOKIE in request.COOKIES,
        "cookie_days": terms.visit_days,
    }


def for_visitor(request) -> Invitation | None:
    """The invitation that the referral cookie stands for, or the page's own address.

    Without either no query. A machine that looks at a link reads what a person would.
    """
    shown = getattr(request, "_referral_shown", None)
    if shown:
        offered = terms.of(shown.campaign, settings.SHOP_CURRENCY)
        return promises.of_link(shown, offered, is_preview=True)
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
    if touch is None:
        return None
    return promises.of_link(
        touch.link, touch.terms, touch.touched_at, keep_token=keep_token
    )


def _code_until(user):
    return claims.last_day(user) if user.is_authenticated else None
