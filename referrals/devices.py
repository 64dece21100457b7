"""Browsers that people sign in with, known by a cookie that serves safety alone.

Its token is random, good for nothing else, and never joined with the visitor's: it
needs nobody's consent, for it only guards accounts. Two people on one browser show in
`signs`, somebody new on a browser that the owner never proved in `stepup`.
"""

import hashlib
import logging
import re
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.models import User
from referrals import origins
from referrals.models import Device

logger = logging.getLogger("tandem.referrals")

COOKIE = "tandem_device"

_LASTS = timedelta(days=400)  # browsers keep none for longer
_TOKEN = re.compile(r"[\w-]{43}", re.ASCII)


def note(request, user: User, *, trusted: bool = False) -> Device:
    """Somebody signs in or joins here: know the browser from now on.

    Only a token that we gave out is kept, so that nobody can choose another's.
    """
    now = timezone.now()
    seen = origins.of(request)
    where = {name: seen[name] for name in ("network", "network_hash", "agent")}
    token = _token_of(request)
    if not Device.objects.filter(token_hash=_hash(token)).exists():
        token = secrets.token_urlsafe(32)
    device, is_new = Device.objects.get_or_create(
        token_hash=_hash(token),
        user=user,
        defaults={**where, "trusted_at": now if trusted else None},
    )
    if not is_new:
        Device.objects.filter(pk=device.pk).update(seen_at=now, **where)
    request._device_token = token
    return device


def of(request, user: User) -> Device | None:
    """The browser of this request as this person's; None if it is new to them."""
    token = getattr(request, "_device_token", "") or _token_of(request)
    return Device.objects.filter(token_hash=_hash(token), user=user).first()


def trust(device: Device) -> None:
    """Its owner has proved the password on it. Safe to repeat."""
    Device.objects.filter(pk=device.pk, trusted_at=None).update(
        trusted_at=timezone.now()
    )


def middleware(get_response):
    """Give the browser its token with the answer to signing in."""

    def remember(request):
        response = get_response(request)
        token = getattr(request, "_device_token", "")
        if token:
            response.set_cookie(
                COOKIE,
                token,
                max_age=_LASTS,
                httponly=True,
                secure=settings.HTTPS,
                samesite="Lax",
            )
        return response

    return remember


def quietly_note(request, user: User, *, trusted: bool = False) -> None:
    """As `note`; whoever signs in is not kept out by a row that cannot be written."""
    try:
        with transaction.atomic():
            note(request, user, trusted=trusted)
    except DatabaseError:
        logger.exception("a device was not noted")


def _token_of(request):
    token = request.COOKIES.get(COOKIE, "")
    return token if _TOKEN.fullmatch(token) else ""


def _hash(token):
    return hashlib.sha256(token.encode()).hexdigest()
