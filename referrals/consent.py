"""Whether a browser may be asked to remember who invited it.

`REFERRAL_CONSENT` says what holds before anybody has answered: `exempt`, a click is
remembered at once; `on_accept`, only once the visitor taps "Keep my gift"; `required`,
only after a yes to cookies, which holds for later links too. A no holds in every mode.
Until then the invitation travels in the page's address (`handoff`) and ends with it.
"""

from datetime import timedelta

from django.conf import settings

COOKIE = "tandem_consent"
YES, NO = "yes", "no"

_LASTS = timedelta(days=180)


def may_remember(request) -> bool:
    """Whether a click may plant the cookie and write a visit."""
    answer = request.COOKIES.get(COOKIE)
    if answer == NO:
        return False
    if settings.REFERRAL_CONSENT == "on_accept":
        # Whoever kept one gift has the cookie: a second link adds no other.
        return bool(request.COOKIES.get(settings.REFERRAL_COOKIE))
    return settings.REFERRAL_CONSENT == "exempt" or answer == YES


def may_follow(request) -> bool:
    """Whether signing in may plant the cookie, which nobody tapped for."""
    if settings.REFERRAL_CONSENT == "exempt":
        return request.COOKIES.get(COOKIE) != NO
    return request.COOKIES.get(COOKIE) == YES


def may_ask(request) -> bool:
    """Whether the banner offers to keep the gift: nobody is asked again after a no."""
    return settings.REFERRAL_CONSENT != "exempt" and request.COOKIES.get(COOKIE) != NO


def note_yes(response) -> None:
    """Remember the yes where one is required; elsewhere the tap was for this gift."""
    if settings.REFERRAL_CONSENT == "required":
        _note(response, YES)
    else:
        # An earlier no is taken back by the tap itself.
        response.delete_cookie(COOKIE, samesite="Lax")


def note_no(response) -> None:
    """Remember the no: the one thing a cookie may say about it unasked."""
    _note(response, NO)


def _note(response, answer):
    response.set_cookie(
        COOKIE,
        answer,
        max_age=_LASTS,
        httponly=True,
        secure=settings.HTTPS,
        samesite="Lax",
    )
