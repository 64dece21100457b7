"""Where a click came from, as far as counting and telling crowds apart need it.

No query string of another site is kept, for it may hold secrets; of a network's address
only what many share, and a hash of the whole whose key changes with the month: "the
same network this month" can be seen, a profile cannot.
"""

import ipaddress
import re
from urllib.parse import parse_qsl, urlsplit

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.utils.crypto import salted_hmac

from referrals import channels
from referrals.models import Visit

_UTM = {"utm_source": "source", "utm_medium": "medium", "utm_campaign": "utm_campaign"}
# Browsers call themselves by several names, so the narrower one comes first.
_FAMILIES = {
    "Instagram": r"Instagram",
    "Facebook": r"FBAN|FBAV|FB_IAB",
    "LinkedIn": r"LinkedInApp",
    "Pinterest": r"\[Pinterest",
    "Edge": r"Edg(?:e|A|iOS)?/",
    "Opera": r"OPR/|Opera",
    "Samsung Internet": r"SamsungBrowser",
    "Firefox": r"Firefox/|FxiOS",
    "Chrome": r"Chrom(?:e|ium)/|CriOS",
    "Safari": r"Safari/",
}
_PLATFORMS = {
    "iOS": r"iPhone|iPad|iPod",
    "Android": r"Android",
    "Windows": r"Windows",
    "macOS": r"Macintosh|Mac OS X",
    "ChromeOS": r"CrOS",
    "Linux": r"Linux|X11",
}
_LONGEST_AGENT = 500
_LONGEST_QUERY = 2000


def of(request) -> dict[str, str]:
    """The fields of a Visit that say where this request came from, clipped to fit."""
    host, path = _referrer(request.headers.get("Referer", ""))
    network, network_hash = network_of(request)
    found = {
        "channel": channel_of(request),
        "referrer_host": host,
        "referrer_path": path,
        "landing_path": request.path,
        "network": network,
        "network_hash": network_hash,
        "agent": _agent(request.headers.get("User-Agent", "")),
    }
    for name, value in _query(request):
        if name in _UTM:
            found.setdefault(_UTM[name], value)
    return {name: _clipped(name, value) for name, value in found.items()}


def channel_of(request) -> str:
    """The button whose address was opened; empty if the address names none."""
    marks = (value for name, value in _query(request) if name == "c")
    return channels.of_mark(next(marks, ""))


def network_of(request) -> tuple[str, str]:
    """The part of an address that many share, and this month's hash of the whole.

    Both empty where no address is known, or where it is this very machine's.
    """
    try:
        address = ipaddress.ip_address(get_adapter(request).get_client_ip(request))
    except (PermissionDenied, ValueError):
        return "", ""
    address = getattr(address, "ipv4_mapped", None) or address
    # A zone says which wire of ours it came by, and is no part of a network.
    address = ipaddress.ip_address(str(address).partition("%")[0])
    if address.is_loopback:  # this very machine, while somebody tries the shop
        return "", ""
    bits = 24 if address.version == 4 else 48
    network = ipaddress.ip_network(f"{address}/{bits}", strict=False)
    month = timezone.now().strftime("%Y-%m")
    hashed = salted_hmac(f"referrals.network.{month}", str(address), algorithm="sha256")
    return str(network), hashed.hexdigest()


def _query(request):
    # Cut first: the fields behind 2,000 characters are nobody's campaign.
    text = request.META.get("QUERY_STRING", "")[:_LONGEST_QUERY]
    return parse_qsl(text, errors="replace")


def _referrer(text):
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return "", ""
    if not host:
        return "", ""
    first = parts.path.split("/", 2)[1:2]
    return host, f"/{first[0]}" if first and first[0] else ""


def _agent(text):
    text = text[:_LONGEST_AGENT]
    names = [
        next((name for name, sign in signs.items() if re.search(sign, text)), "")
        for signs in (_FAMILIES, _PLATFORMS)
    ]
    return ", ".join(filter(None, names))


def _clipped(field, value):
    # PostgreSQL keeps no NUL, and nothing invisible tells anything.
    plain = "".join(letter for letter in value if letter.isprintable())
    return plain[: Visit._meta.get_field(field).max_length]
