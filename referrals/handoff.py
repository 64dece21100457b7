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
    """What a token stands for; of a quiet one the banner says nothing more."""

    link_id: int
    touched_at: datetime
    is_quiet: bool = False


def token(link: ReferralLink, touched_at: datetime) -> str:
    """Signed text that carries a touch of this link to where no cookie comes along."""
    return _signed(link.pk, touched_at)


def read(text: str) -> Carried | None:
    """What a token carries; None if we did not sign it, or its sitting is over."""
    try:
        found = signing.loads(text[:200], salt=_SALT, max_age=ONE_SITTING)
    except signing.BadSignature:
        return None
    link_id, seconds, *quiet = found
    return Carried(link_id, datetime.fromtimestamp(seconds, UTC), bool(quiet))


def quieted(text: str) -> str:
    """The same touch for somebody who closed the banner; empty if there is none."""
    carried = read(text)
    return _signed(carried.link_id, carried.touched_at, 1) if carried else ""


def of(request) -> str:
    """The token of a request: of its address, of this click, of a login under way."""
    carried = getattr(request, "_referral_carried", "")
    return carried or request.GET.get(PARAMETER, "")


def sign_up_url(link: ReferralLink, touched_at: datetime) -> str:
    """The way to the sign-up page that brings the touch along."""
    query = urlencode({PARAMETER: token(link, touched_at)})
    return f"{reverse('account_signup')}?{query}"


def _signed(link_id, touched_at, *quiet):
    return signing.dumps([link_id, int(touched_at.timestamp()), *quiet], salt=_SALT)
