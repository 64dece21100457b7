"""An invitation on its way through the shop where no cookie holds it.

The page that was opened with one has it in each of its links and forms, so that it is
there on the next page and at the door to an account, without a script and with nothing
kept in the browser. It ends with the sitting. The one thing that leaves our addresses
is a login by a provider, who would not bring it back: there it waits in the session
that the login needs anyway.
"""

import logging
import re
from html import escape
from urllib.parse import urlencode

from django.conf import settings
from django.db import DatabaseError
from django.utils.cache import patch_cache_control

from referrals import (
    candidates,
    clicks,
    consent,
    destinations,
    handoff,
    plugins,
    terms,
    visits,
)

logger = logging.getLogger("tandem.referrals")

_LINK = re.compile(r'(<a\b[^>]*?\shref=")([^"]*)')
_FORM = re.compile(r"<form\b[^>]*>")
_ACTION = re.compile(r'(\saction=")([^"]*)')
_POSTS = re.compile(r'\smethod="post"', re.IGNORECASE)
_ENTRANCE = "/accounts/"


def middleware(get_response):
    """Pass on what a request brings along. Nothing is asked where it brings nothing."""

    def carry(request):
        token = _token_of(request)
        if token and not _is_member(request):
            request._referral_carried = token
            _remember(request, token)
        return _passed_on(request, get_response(request))

    return carry


def onto(location: str, token: str) -> str:
    """The address of a page here with an invitation in it, if there is one to carry."""
    if not handoff.read(token) or f"{handoff.PARAMETER}=" in location:
        return location
    address, mark, fragment = location.partition("#")
    query = urlencode({handoff.PARAMETER: token})
    return f"{address}{'&' if '?' in address else '?'}{query}{mark}{fragment}"


def _token_of(request):
    token = request.GET.get(handoff.PARAMETER, "")
    if not token and _is_entrance(request) and _has_session(request):
        token = request.session.get(handoff.PARAMETER, "")
    return token if handoff.read(token) else ""


def _remember(request, token):
    """Another browser than the one that clicked gets the cookie, too, where it may."""
    if (
        request.method != "GET"
        or settings.REFERRAL_COOKIE in request.COOKIES
        # Our own page led here, and what it planted did not come back.
        or request.headers.get("Sec-Fetch-Site") == "same-origin"
        or "HX-Request" in request.headers
        or not clicks.is_navigation(request)
        or clicks.is_speculation(request)
        or not consent.may_remember(request)
        or plugins.ask("REFERRAL_BOT_DETECTOR", clicks.is_machine, request)
    ):
        return
    touch = candidates.carried(token)
    if touch is None:
        return
    try:
        planted = visits.log(request, touch.link, at=touch.touched_at, is_landing=True)
    except DatabaseError:
        logger.exception("a touch that was carried here was not written down")
        return
    request._referral_token = planted, terms.visit_days()
    # For the page it is as if the browser had brought the cookie it is given.
    request.COOKIES[settings.REFERRAL_COOKIE] = planted
    vars(request).pop("_referral_visitor", None)


def _passed_on(request, response):
    token = handoff.of(request)
    if (
        not handoff.read(token)
        or _has_cookie(request, response)
        or request.user.is_authenticated
    ):
        return response
    if "Location" in response:
        if destinations.own_path(response["Location"]) is not None:
            response["Location"] = onto(response["Location"], token)
        elif _is_entrance(request) and request.session.keys():
            request.session[handoff.PARAMETER] = token
    elif _is_page(response):
        patch_cache_control(response, private=True)
        text = _with_token(response.content.decode(response.charset), token)
        response.content = text.encode(response.charset)
        if "Content-Length" in response:
            response["Content-Length"] = len(response.content)
    return response


def _with_token(text, token):
    def lead(found):
        before, address = found.groups()
        inside = address.startswith(("/", "?")) and not address.startswith("//")
        is_page = inside and not address.startswith(destinations.NO_PAGES)
        return before + (_onto_escaped(address, token) if is_page else address)

    def post(found):
        tag = found[0]
        if _POSTS.search(tag):
            return _ACTION.sub(lead, tag)
        # The query of such a form replaces that of its address.
        name, value = handoff.PARAMETER, escape(token)
        return f'{tag}<input type="hidden" name="{name}" value="{value}">'

    return _FORM.sub(post, _LINK.sub(lead, text))


def _onto_escaped(address, token):
    # What stands in the page is escaped; all that is added needs it for is the "&".
    whole = onto(address, token)
    return whole.replace(f"&{handoff.PARAMETER}=", f"&amp;{handoff.PARAMETER}=")


def _has_cookie(request, response):
    name = settings.REFERRAL_COOKIE
    given = response.cookies.get(name)
    return bool((given and given.value) or request.COOKIES.get(name))


def _is_page(response):
    is_html = response.headers.get("Content-Type", "").startswith("text/html")
    return is_html and not response.streaming


def _is_entrance(request):
    return request.path.startswith(_ENTRANCE)


def _has_session(request):
    return settings.SESSION_COOKIE_NAME in request.COOKIES


def _is_member(request):
    # Without a session nobody is signed in, and asking would cost a query.
    return _has_session(request) and request.user.is_authenticated
