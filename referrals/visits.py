"""Clicks on referral links, and the opaque cookie that remembers them.

A browser that opens a link gets a random token; only its hash is stored, and it is good
for nothing else. Machines, previews and speculative requests leave no trace but a
count.
"""

import hashlib
import logging
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F, OuterRef, Subquery
from django.http import HttpResponse
from django.utils import timezone
from django.utils.cache import (
    add_never_cache_headers,
    patch_cache_control,
    patch_vary_headers,
)

from accounts.models import User
from referrals import destinations, links
from referrals.models import LinkDay, ReferralLink, Visit, Visitor

logger = logging.getLogger("tandem.referrals")

SAME_VISIT = timedelta(minutes=30)
INACTIVE = "This invitation is not active."

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
_TOKEN = re.compile(r"[\w-]{22}", re.ASCII)
# Crawlers and unfurlers call themselves so (a Cubot is a telephone). Apps that open
# pages for people, such as Instagram's or LinkedIn's, are people.
_MACHINE = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|facebookexternalhit|facebookcatalog|meta-external"
    r"|whatsapp/|skypeuripreview|slack-imgproxy|embedly|iframely|vkshare|preview"
    r"|google-inspectiontool|google-read-aloud|mediapartners|feedfetcher",
    re.IGNORECASE,
)


class Outcome(Enum):
    COUNTED = auto()
    OWN = auto()
    MACHINE = auto()
    INACTIVE = auto()
    IGNORED = auto()


@dataclass(frozen=True)
class Click:
    """What one request for a link amounts to; `token` is for the browser's cookie."""

    outcome: Outcome
    link: ReferralLink | None = None
    token: str = ""


# The two doors


def is_speculation(request) -> bool:
    """Whether the browser asks before anybody has clicked (prefetch, prerender)."""
    purposes = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
    said = " ".join(request.headers.get(name, "") for name in purposes).lower()
    return "prefetch" in said or "prerender" in said or "preview" in said


def refuse_speculation() -> HttpResponse:
    """Refused, the browser asks again when a person comes, and only that counts."""
    response = HttpResponse(status=503)
    add_never_cache_headers(response)
    return response


def click(request, texts: list[str]) -> Click:
    """Judge a request for a link by the codes it carries, and write down what it is.

    At most three queries. A person's click becomes a Visit, a machine's or the owner's
    a count of the day, everything else nothing.
    """
    if request.method != "GET" or not _is_navigation(request):
        return Click(Outcome.IGNORED)
    link = next((link for link in links.resolve_all(texts) if _is_active(link)), None)
    if link is None:
        return Click(Outcome.INACTIVE)
    if _MACHINE.search(request.headers.get("User-Agent", "")):
        return _counted(link, "previews", Click(Outcome.MACHINE, link))
    # Without a session nobody is signed in, and asking would cost what a click may not.
    if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user == link.owner:
        return _counted(link, "own_clicks", Click(Outcome.OWN, link))
    try:
        return Click(Outcome.COUNTED, link, _log(request, link))
    except DatabaseError:
        logger.exception("a click on link %s was not written down", link.pk)
        return Click(Outcome.IGNORED)


def send_on(request, click: Click, location: str) -> HttpResponse:
    """Redirect within this site, with the cookie or the message that belongs to it."""
    response = HttpResponse(status=302)
    # Not HttpResponseRedirect: it would re-encode what must stay byte for byte.
    response["Location"] = location
    add_never_cache_headers(response)
    if click.outcome is Outcome.INACTIVE:
        messages.info(request, INACTIVE)  # travels in a cookie: no session row
    elif click.outcome is Outcome.OWN:
        messages.info(
            request, "This is your own link. It counts when somebody else opens it."
        )
    elif click.token:
        _plant(response, click.token)
    return response


# The middleware


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
        visitor = visitor_of(request) if came_back else None
        response = get_response(request)
        if hasattr(request, "_referral_token"):
            _plant(response, request._referral_token)
        elif came_back:
            _see_again(request, response, visitor)
        return response

    return remember


def visitor_of(request) -> Visitor | None:
    """The browser that the request's cookie names; nobody, if it names none we know."""
    if not hasattr(request, "_referral_visitor"):
        token = request.COOKIES.get(settings.REFERRAL_COOKIE, "")
        known = _TOKEN.fullmatch(token)
        request._referral_visitor = (
            Visitor.objects.filter(token_hash=_hash(token)).first() if known else None
        )
    return request._referral_visitor


def follow(request, user: User) -> None:
    """Let this browser show a gift that its owner earned on another device.

    Pages ask nothing without the cookie, so somebody who signs in without one gets one.
    """
    if settings.REFERRAL_COOKIE in request.COOKIES:
        return
    token = secrets.token_urlsafe(16)
    Visitor.objects.create(token_hash=_hash(token), user=user)
    request._referral_token = token


def half_hour_of(moment: datetime) -> datetime:
    """Its start: a browser has one visit per link in it, however often it clicks."""
    return moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)


def dismiss(visitor: Visitor) -> None:
    """Close the banner for this browser. What it promised stays true."""
    Visitor.objects.filter(pk=visitor.pk).update(dismissed_at=timezone.now())


def _capture(request):
    codes, location = destinations.without_codes(request)
    if location is None:
        return None
    if is_speculation(request):
        return refuse_speculation()
    if not any(codes):
        return send_on(request, Click(Outcome.IGNORED), location)
    made = click(request, codes)
    # A machine reads the page it asked for, at the address it asked for.
    machine = made.outcome is Outcome.MACHINE
    return None if machine else send_on(request, made, location)


def _see_again(request, response, visitor):
    # What this browser sees is nobody else's: no shared cache may keep it.
    patch_cache_control(response, private=True)
    patch_vary_headers(response, ["Cookie"])
    if visitor is None:
        response.delete_cookie(settings.REFERRAL_COOKIE, samesite="Lax")
    elif response.status_code == 200 and not is_speculation(request):
        _note_view(visitor)


def _is_page(request):
    accept = request.headers.get("Accept", "*/*")
    return (
        not request.path.startswith(_NO_PAGES)
        and "HX-Request" not in request.headers
        and ("text/html" in accept or "*/*" in accept)
        and _is_navigation(request)
    )


def _is_navigation(request):
    """Whether a page is being opened, as far as the browser tells."""
    return (
        request.headers.get("Sec-Fetch-Dest", "document") == "document"
        and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    )


def _is_active(link):
    now = timezone.now()
    return (
        link.is_active(now)
        and (link.owner is None or link.owner.is_active)
        and link.campaign.is_running(now)
    )


def _hash(token):
    return hashlib.sha256(token.encode()).hexdigest()


def _plant(response, token):
    response.set_cookie(
        settings.REFERRAL_COOKIE,
        token,
        max_age=timedelta(days=settings.REFERRAL_COOKIE_DAYS),
        httponly=True,
        secure=settings.HTTPS,
        samesite="Lax",
    )


# What is written down


def _log(request, link):
    """One person's click: the browser, known or new, and its visit.

    Returns the token to plant.
    """
    now = timezone.now()
    token = request.COOKIES.get(settings.REFERRAL_COOKIE, "")
    visitor = None
    if _TOKEN.fullmatch(token):
        lately = Visit.objects.filter(
            visitor=OuterRef("pk"), link=link, last_at__gt=now - SAME_VISIT
        )
        visitor = (
            Visitor.objects.filter(token_hash=_hash(token))
            .annotate(visit=Subquery(lately.order_by("-last_at").values("pk")[:1]))
            .first()
        )
    with transaction.atomic():
        if visitor is None:
            token = secrets.token_urlsafe(16)
            visitor = Visitor.objects.create(token_hash=_hash(token))
        elif visitor.visit:
            Visit.objects.filter(pk=visitor.visit).update(
                clicks=F("clicks") + 1, last_at=now
            )
            return token
        visit = Visit(
            visitor=visitor,
            link=link,
            bucket=half_hour_of(now),
            first_at=now,
            last_at=now,
            referrer_host=_referrer_host(request)[:100],
            landing_path=request.path[:300],
        )
        # Two clicks at the same moment are one visit.
        Visit.objects.bulk_create([visit], ignore_conflicts=True)
    return token


def _note_view(visitor):
    """The first page that the cookie comes back to is a landing, the next a person."""
    if visitor.confirmed_at:
        return
    field = "confirmed_at" if visitor.landed_at else "landed_at"
    Visitor.objects.filter(pk=visitor.pk, **{field: None}).update(
        **{field: timezone.now()}
    )


def _counted(link, field, click):
    day = timezone.localdate()
    rows = LinkDay.objects.filter(link=link, day=day)
    if not rows.update(**{field: F(field) + 1}):
        try:
            with transaction.atomic():
                LinkDay.objects.create(link=link, day=day, **{field: 1})
        except IntegrityError:  # the day's first two came together
            rows.update(**{field: F(field) + 1})
    return click


def _referrer_host(request):
    try:
        return urlsplit(request.headers.get("Referer", "")).hostname or ""
    except ValueError:
        return ""
