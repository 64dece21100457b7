"""A browser that opened a link: its opaque cookie, its visits, its second look.

The cookie holds a random token; only the token's hash is stored, and it is good for
nothing else.
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, QuerySet, Subquery, Value
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from referrals import consent, origins, signals, terms
from referrals.models import Attribution, ReferralLink, RiskSignal, Visit, Visitor
from referrals.models.campaigns import midnight_after

SAME_VISIT = timedelta(minutes=30)
SAME_SITTING = timedelta(hours=1)
# Alone it is enough for a second look.
UNCONFIRMED_WEIGHT = 60

_TOKEN = re.compile(r"[\w-]{22}", re.ASCII)
_SIGN_UP = "/accounts/"


# Who it is


def visitor_of(request) -> Visitor | None:
    """The browser that the request's cookie names; nobody, if it names none we know.

    One query a request. `is_owner` tells whether who is signed in opened their own link
    here, before they signed in; `has_bought` whether its gift has been used or lost: an
    order was paid here, or by the person whose browser it is.
    """
    if not hasattr(request, "_referral_visitor"):
        token = request.COOKIES.get(settings.REFERRAL_COOKIE, "")
        known = _TOKEN.fullmatch(token)
        request._referral_visitor = _known(request, token) if known else None
    return request._referral_visitor


def plant(response, token: str, days: int) -> None:
    """Give the browser its token for as long as a click of now may count: so many days,
    and the rest of the last one."""
    now = timezone.now()
    response.set_cookie(
        settings.REFERRAL_COOKIE,
        token,
        max_age=midnight_after(now, days) - now,
        httponly=True,
        secure=settings.HTTPS,
        samesite="Lax",
    )


def follow(request, user: User) -> None:
    """Let this browser show a gift that its owner earned on another device.

    Pages ask nothing without the cookie, so somebody who signs in without one gets one.
    """
    if settings.REFERRAL_COOKIE in request.COOKIES or not consent.may_follow(request):
        return
    token = secrets.token_urlsafe(16)
    Visitor.objects.create(token_hash=_hash(token), user=user)
    request._referral_token = token, terms.visit_days()


# What is written down


def log(
    request,
    link: ReferralLink,
    *,
    at: datetime | None = None,
    is_landing: bool = False,
) -> str:
    """One person's click: the browser, known or new, and its visit.

    Returns the token to plant. `at` is when the link was opened, if not now. On a
    landing the browser sees its first page with the answer.
    """
    now = timezone.now()
    at = at or now
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
            visitor = Visitor.objects.create(
                token_hash=_hash(token), landed_at=now if is_landing else None
            )
        elif visitor.visit:
            Visit.objects.filter(pk=visitor.visit).update(
                clicks=F("clicks") + 1, last_at=now
            )
            return token
        visit = Visit(
            visitor=visitor,
            link=link,
            bucket=half_hour_of(at),
            first_at=at,
            last_at=now,
            **origins.of(request),
        )
        # Two clicks at the same moment are one visit.
        Visit.objects.bulk_create([visit], ignore_conflicts=True)
        signals.tell_of_visit(visit)
    return token


def keep(request, response, link: ReferralLink, at: datetime) -> None:
    """The visitor tapped "Keep my gift": from now on this browser remembers it.

    A tap is a person's, so the visit is confirmed with it.
    """
    token = log(request, link, at=at)
    Visitor.objects.filter(token_hash=_hash(token), confirmed_at=None).update(
        confirmed_at=timezone.now()
    )
    plant(response, token, terms.visit_days())


def forget(request, response) -> None:
    """The visitor takes the yes back: no cookie, and nothing that only it held.

    A visit that somebody joined by stays: it belongs to their account now.
    """
    visitor = visitor_of(request)
    response.delete_cookie(settings.REFERRAL_COOKIE, samesite="Lax")
    if visitor is None:
        return
    with transaction.atomic():
        visitor.activities.all().delete()
        unattached(visitor.visits.all()).delete()
        if not visitor.visits.exists():
            visitor.delete()


def dismiss(visitor: Visitor) -> None:
    """Close the banner for this browser. What it promised stays true."""
    now = timezone.now()
    Visitor.objects.filter(pk=visitor.pk).update(
        dismissed_at=now, confirmed_at=visitor.confirmed_at or now
    )


def half_hour_of(moment: datetime) -> datetime:
    """Its start: a browser has one visit per link in it, however often it clicks."""
    return moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)


def unattached(visits: QuerySet[Visit]) -> QuerySet[Visit]:
    """Of these visits the ones that nobody joined by."""
    joined = Attribution.objects.filter(visit=OuterRef("pk"))
    return visits.exclude(Exists(joined))


# Whether a person was there


def note_view(request, visitor: Visitor) -> None:
    """The first page that the cookie comes back to is a landing, the next a person.

    Unless the next one is the way to sign up, hours later: a page that some site opened
    behind a window looks the same.
    """
    if visitor.confirmed_at:
        return
    now = timezone.now()
    field = "confirmed_at" if visitor.landed_at else "landed_at"
    is_late = visitor.landed_at and now - visitor.landed_at > SAME_SITTING
    if is_late and request.path.startswith(_SIGN_UP):
        return
    Visitor.objects.filter(pk=visitor.pk, **{field: None}).update(**{field: now})


def doubt_lone_hit(request, user: User) -> None:
    """Say so, for a person to look at, if a lone hit hours ago is all that speaks.

    Safe to repeat.
    """
    visitor = visitor_of(request)
    if visitor is None or not _is_unconfirmed(visitor, user.date_joined):
        return
    joined = Attribution.objects.filter(invitee=user, visit__visitor=visitor)
    for attribution in joined:
        RiskSignal.objects.get_or_create(
            attribution=attribution,
            code="unconfirmed_visit",
            evidence=f"visit {attribution.visit_id}",
            defaults={"weight": UNCONFIRMED_WEIGHT},
        )


def _known(request, token):
    # Without a session nobody is signed in, and asking who would cost a query.
    user = request.user if settings.SESSION_COOKIE_NAME in request.COOKIES else None
    own = Visit.objects.filter(visitor=OuterRef("pk"), link__owner=user and user.pk)
    is_member = user is not None and user.is_authenticated
    confirmed = Order.objects.confirmed()
    here = confirmed.filter(referral_touch__visitor=OuterRef("pk"))
    theirs = confirmed.filter(user=OuterRef("user"))
    return (
        Visitor.objects.filter(token_hash=_hash(token))
        .annotate(
            is_owner=Exists(own) if is_member else Value(False),
            has_bought=Exists(here) | Exists(theirs),
        )
        .first()
    )


def _is_unconfirmed(visitor, joined_at):
    # As it was before the request: the sign-up form itself confirms the visitor.
    if visitor.confirmed_at and visitor.confirmed_at < joined_at:
        return False
    last = visitor.visits.aggregate(at=Max("last_at"))["at"]
    return last is not None and last < joined_at - SAME_SITTING


def _hash(token):
    return hashlib.sha256(token.encode()).hexdigest()
