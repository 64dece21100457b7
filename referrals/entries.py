"""The ways in: `/r/CODE/`, `?r=CODE` on any page, and pages with a code in their path.

The first two redirect; a page of the third kind is shown where it stands:

    path("gifts/<invitation_code>/<slug:slug>/", entry(views.product))

    @referral_entry("share_item")
    def product(request, slug): ...
"""

import logging
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.utils.cache import (
    add_never_cache_headers,
    patch_cache_control,
    patch_vary_headers,
)

from referrals import clicks, destinations, passage, remarks, visits
from referrals.clicks import Click, Outcome
from referrals.models import ReferralLink

logger = logging.getLogger("tandem.referrals")

_CAME_IN = {Outcome.COUNTED, Outcome.HANDED_OVER}
_SAID = {
    Outcome.INACTIVE: remarks.INACTIVE,
    Outcome.USED_UP: remarks.USED_UP,
    Outcome.OWN: remarks.OWN,
    Outcome.STAFF: remarks.STAFF,
}


def entry(view: Callable, kind: str = "", *, takes: str = "invitation_code"):
    """`view` behind an address with a code in it: the touch is kept, the page is shown.

    The view gets its own arguments without the code, which `takes` names, and answers
    whatever it would have answered; no code, and no failure of ours, changes that.
    `kind` limits what counts to links of that kind. Raises ValueError for one that
    there is not.
    """
    if kind and kind not in ReferralLink.Kind.values:
        raise ValueError(f"{kind!r} is no kind of link: {ReferralLink.Kind.values}")

    @wraps(view)
    def forward(request, *args, **kwargs):
        code = kwargs.pop(takes, "")
        if clicks.is_speculation(request):
            return refuse_speculation()
        remains = _touch(request, code, kind)
        response = _then(view(request, *args, **kwargs), remains)
        # It may set our cookie, and who opened it is nobody else's.
        patch_cache_control(response, private=True)
        return response

    return forward


def referral_entry(kind: str = "", *, takes: str = "invitation_code"):
    """Decorator: `entry` for the view below it."""
    return lambda view: entry(view, kind, takes=takes)


class ReferralEntryMixin:
    """`entry` for a class: put it first among the bases."""

    referral_kind = ""

    @classmethod
    def as_view(cls, **initkwargs):
        return entry(super().as_view(**initkwargs), cls.referral_kind)


def refuse_speculation() -> HttpResponse:
    """Refused, the browser asks again when a person comes, and only that counts."""
    response = HttpResponse(status=503)
    add_never_cache_headers(response)
    return response


def send_on(request, click: Click, location: str) -> HttpResponse:
    """Redirect within this site, with what belongs to the click.

    A cookie, a message, or the invitation in the address.
    """
    response = HttpResponse(status=302)
    # Not HttpResponseRedirect: it would re-encode what must stay byte for byte.
    response["Location"] = passage.onto(location, click.carried)
    add_never_cache_headers(response)
    if click.outcome in _SAID:
        # In a cookie: no session row.
        messages.info(request, _SAID[click.outcome])
    elif click.outcome in _CAME_IN and _is_member(request):
        remarks.to_member(request, click.link)
    if click.token:
        visits.plant(response, click.token, click.link.visit_days)
    return _then(response, click.remains)


def middleware(get_response):
    """Read `?r=CODE` off any page, and see who comes back with our cookie.

    A page with neither costs no query.
    """

    def remember(request):
        is_page = request.method == "GET" and _is_page(request)
        moved = _capture(request) if is_page else None
        if moved:
            return moved
        if hasattr(request, "_referral_shown"):
            response = get_response(request)
            add_never_cache_headers(response)
            return response
        came_back = is_page and settings.REFERRAL_COOKIE in request.COOKIES
        visitor = visits.visitor_of(request) if came_back else None
        response = get_response(request)
        planted = getattr(request, "_referral_token", None)
        if planted:
            visits.plant(response, *planted)
        if came_back and (visitor or not planted):
            _see_again(request, response, visitor)
        return response

    return remember


def _touch(request, code, kind):
    try:
        with transaction.atomic():
            made = clicks.click(request, [code], kind=kind, is_landing=True)
    except Exception:
        logger.exception("a touch was not kept, and its page is shown all the same")
        return None
    if made.token:
        # For the page it is as if the browser had brought the cookie it is given.
        request.COOKIES[settings.REFERRAL_COOKIE] = made.token
        request._referral_token = made.token, made.link.visit_days
        vars(request).pop("_referral_visitor", None)
    request._referral_carried = made.carried
    if made.outcome is Outcome.MACHINE:
        request._referral_shown = made.link
    return made.remains


def _then(response, remains):
    """Do what remains when the server has sent the answer and closes it."""
    if remains is None:
        return response
    close = response.close

    def close_after():
        try:
            remains()
        except Exception:
            logger.exception("a click that led nowhere was not counted")
        finally:
            close()

    response.close = close_after
    return response


def _is_member(request):
    # Without a session nobody is signed in, and asking would cost a query.
    has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
    return has_session and request.user.is_authenticated


def _capture(request):
    codes, location = destinations.without_codes(request)
    if location is None:
        return None
    if clicks.is_speculation(request):
        return refuse_speculation()
    if not any(codes):
        return send_on(request, Click(Outcome.IGNORED), location)
    made = clicks.click(request, codes)
    if made.outcome is Outcome.MACHINE:
        # It reads the page it asked for, at that address, as a person would.
        request._referral_shown = made.link
        return None
    return send_on(request, made, location)


def _see_again(request, response, visitor):
    # What this browser sees is nobody else's: no shared cache may keep it.
    patch_cache_control(response, private=True)
    patch_vary_headers(response, ["Cookie"])
    if visitor is None:
        response.delete_cookie(settings.REFERRAL_COOKIE, samesite="Lax")
    elif response.status_code == 200 and not clicks.is_speculation(request):
        visits.note_view(request, visitor)


def _is_page(request):
    accept = request.headers.get("Accept", "*/*")
    return (
        not request.path.startswith(destinations.NO_PAGES)
        and "HX-Request" not in request.headers
        and ("text/html" in accept or "*/*" in accept)
        and clicks.is_navigation(request)
    )
