"""The two ways in, `/r/CODE/` and `?r=CODE` on any page, and the way on from them."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.utils.cache import (
    add_never_cache_headers,
    patch_cache_control,
    patch_vary_headers,
)

from referrals import clicks, destinations, handoff, visits
from referrals.clicks import Click, Outcome

INACTIVE = "This invitation is not active."
_SAID = {
    Outcome.INACTIVE: INACTIVE,
    Outcome.OWN: "This is your own link. It counts when somebody else opens it.",
    Outcome.STAFF: "You are signed in as staff, so this visit is not counted.",
}

# No pages of the shop: no code is read from their address, no view of them counted.
_NO_PAGES = (
    *destinations.ENTRIES,
    f"/{settings.ADMIN_PATH}",
    settings.STATIC_URL,
    settings.MEDIA_URL,
    "/api/",
    "/webhooks/",
    "/sandbox/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/robots.txt",
    "/sitemap.xml",
    "/favicon.ico",
)


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
    response["Location"] = carrying(location, click.carried)
    add_never_cache_headers(response)
    if click.outcome in _SAID:
        # In a cookie: no session row.
        messages.info(request, _SAID[click.outcome])
    if click.token:
        visits.plant(response, click.token)
    return response


def carrying(location: str, token: str) -> str:
    """The address of a page here with an invitation in it, if there is one to carry."""
    if not handoff.read(token):
        return location
    query = urlencode({handoff.PARAMETER: token})
    return f"{location}{'&' if '?' in location else '?'}{query}"


def middleware(get_response):
    """Read `?r=CODE` off any page, and see who comes back with our cookie.

    A page with neither costs no query.
    """

    def remember(request):
        is_page = request.method == "GET" and _is_page(request)
        moved = _capture(request) if is_page else None
        if moved:
            return moved
        came_back = is_page and settings.REFERRAL_COOKIE in request.COOKIES
        visitor = visits.visitor_of(request) if came_back else None
        response = get_response(request)
        if hasattr(request, "_referral_token"):
            visits.plant(response, request._referral_token)
        elif came_back:
            _see_again(request, response, visitor)
        return response

    return remember


def _capture(request):
    codes, location = destinations.without_codes(request)
    if location is None:
        return None
    if clicks.is_speculation(request):
        return refuse_speculation()
    if not any(codes):
        return send_on(request, Click(Outcome.IGNORED), location)
    made = clicks.click(request, codes)
    # A machine reads the page it asked for, at the address it asked for.
    machine = made.outcome is Outcome.MACHINE
    return None if machine else send_on(request, made, location)


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
        not request.path.startswith(_NO_PAGES)
        and "HX-Request" not in request.headers
        and ("text/html" in accept or "*/*" in accept)
        and clicks.is_navigation(request)
    )
