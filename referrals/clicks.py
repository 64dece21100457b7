"""What a request for a referral link amounts to: a person, a machine, or a guess.

Machines, owners, late comers and speculative requests leave no trace but a count.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from referrals import cards, consent, guesses, handoff, links, plugins, visits
from referrals.models import LinkDay, ReferralLink

logger = logging.getLogger("tandem.referrals")

# Crawlers and unfurlers call themselves so (a Cubot is a telephone). Apps that open
# pages for people, such as Instagram's or LinkedIn's, are people.
_MACHINE = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|facebookexternalhit|facebookcatalog|meta-external"
    r"|whatsapp/|skypeuripreview|slack-imgproxy|embedly|iframely|vkshare|preview"
    r"|google-inspectiontool|google-read-aloud|mediapartners|feedfetcher",
    re.IGNORECASE,
)
_LONGEST_AGENT = 1000


class Outcome(Enum):
    COUNTED = auto()
    HANDED_OVER = auto()
    OWN = auto()
    STAFF = auto()
    MACHINE = auto()
    INACTIVE = auto()
    USED_UP = auto()
    TOO_MANY = auto()
    IGNORED = auto()


@dataclass(frozen=True)
class Click:
    """What one request for a link amounts to.

    `token` is for the browser's cookie, `carried` for the address of the next page.
    `remains` is what is written down once the answer has left.
    """

    outcome: Outcome
    link: ReferralLink | None = None
    token: str = ""
    carried: str = ""
    remains: Callable[[], None] | None = None


def is_speculation(request) -> bool:
    """Whether the browser asks before anybody has clicked (prefetch, prerender)."""
    purposes = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
    said = " ".join(request.headers.get(name, "") for name in purposes).lower()
    return "prefetch" in said or "prerender" in said or "preview" in said


def is_machine(request) -> bool:
    """Our detector: machines that open links say what they are."""
    agent = request.headers.get("User-Agent", "")[:_LONGEST_AGENT]
    return bool(_MACHINE.search(agent))


def is_navigation(request) -> bool:
    """Whether a page is being opened, as far as the browser tells."""
    return (
        request.headers.get("Sec-Fetch-Dest", "document") == "document"
        and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    )


def click(
    request, texts: list[str], *, kind: str = "", is_landing: bool = False
) -> Click:
    """Judge a request for a link by the codes it carries, and write down what it is.

    At most three queries. A person's click becomes a Visit (or, where nothing may be
    remembered, a token for one sitting), a machine's, the owner's or a late one a count
    of the day, everything else nothing. With a `kind` only links of it are looked at.
    `is_landing` where the answer is a page already and not the way to one.
    """
    if request.method != "GET" or not is_navigation(request):
        return Click(Outcome.IGNORED)
    client = guesses.client_of(request)
    if guesses.are_too_many(client):
        return Click(Outcome.TOO_MANY)
    found = [each for each in links.resolve_all(texts) if kind in ("", each.kind)]
    link = next((link for link in found if _is_active(link)), None)
    machine = plugins.ask("REFERRAL_BOT_DETECTOR", is_machine, request)
    if link is None:
        # What there once was is no guess, and costs the same.
        guesses.count(client, is_guess=not found)
        # Only afterwards: else the time would tell which code exists, and which not.
        remains = partial(_follow_up, found, machine, client, texts)
        return Click(Outcome.INACTIVE, remains=remains)
    if machine:
        count(link, "previews")
        return Click(Outcome.MACHINE, link)
    if cards.is_used_up(link):
        return Click(Outcome.USED_UP)
    # Without a session nobody is signed in, and asking would cost what a click may not.
    user = request.user if settings.SESSION_COOKIE_NAME in request.COOKIES else None
    if user and user == link.owner:
        count(link, "own_clicks")
        return Click(Outcome.OWN, link)
    if user and user.is_staff:
        return Click(Outcome.STAFF, link)
    if not consent.may_remember(request):
        return _handed_over(link)
    try:
        token = visits.log(request, link, is_landing=is_landing)
        return Click(Outcome.COUNTED, link, token=token)
    except DatabaseError:
        # What cannot be written down goes along in the address.
        logger.exception("a click on link %s was not written down", link.pk)
        return _handed_over(link)


def _follow_up(found, machine, client, texts):
    """What a click that led nowhere leaves behind."""
    if not found:
        guesses.look_at(client, texts)
    elif not machine:
        count(found[0], "late_clicks")


def count(link: ReferralLink, field: str) -> None:
    """One more of what did not become a visit, under the shop's own calendar day."""
    day = timezone.localdate()
    rows = LinkDay.objects.filter(link=link, day=day)
    if not rows.update(**{field: F(field) + 1}):
        try:
            with transaction.atomic():
                LinkDay.objects.create(link=link, day=day, **{field: 1})
        except IntegrityError:  # the day's first two came together
            rows.update(**{field: F(field) + 1})


def _handed_over(link):
    token = handoff.token(link, timezone.now())
    return Click(Outcome.HANDED_OVER, link, carried=token)


def _is_active(link):
    now = timezone.now()
    return (
        link.is_active(now)
        and not link.is_blocked
        and (link.owner is None or link.owner.is_active)
        and link.campaign.is_running(now)
    )
