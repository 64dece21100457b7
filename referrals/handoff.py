"""A touch that travels in the way to the sign-up page instead of in a cookie.

Whoever refuses cookies, or leaves an app's own browser for the real one, keeps the
invitation for one sitting. The token is signed: it says nothing that we did not say.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.core import signing
from django.urls import reverse

from referrals.models import ReferralLink

PARAMETER = "invited"
ONE_SITTING = timedelta(hours=12)

_SALT = "referrals.handoff"


@dataclass(frozen=True)
class Carried:
    """What a token stands for."""

    link_id: int
    touched_at: datetime


def token(link: ReferralLink, touched_at: datetime) -> str:
    return signing.dumps([link.pk, int(touched_at.timestamp())], salt=_SALT)


def read(text: str) -> Carried | None:
    """What a token carries; None if we did not sign it, or its sitting is over."""
    try:
        link_id, seconds = signing.loads(text[:200], salt=_SALT, max_age=ONE_SITTING)
    except signing.BadSignature:
        return None
    return Carried(link_id, datetime.fromtimestamp(seconds, UTC))


def sign_up_url(link: ReferralLink, touched_at: datetime) -> str:
    """The way to the sign-up page that brings the touch along."""
    query = urlencode({PARAMETER: token(link, touched_at)})
    return f"{reverse('account_signup')}?{query}"
