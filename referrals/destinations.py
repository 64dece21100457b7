"""Where a referral link leads: pages of this site, byte for byte, and nowhere else."""

import re
from urllib.parse import unquote, unquote_plus, urlsplit

from django.conf import settings
from django.utils.encoding import escape_uri_path, iri_to_uri
from django.utils.http import escape_leading_slashes, url_has_allowed_host_and_scheme

# A phone that begins every word with a capital, and whoever shouts, are let in, too.
ENTRY_WORDS = ("r", "ref", "referral", "R", "Ref", "REF", "Referral", "REFERRAL")
ENTRIES = tuple(f"/{word}/" for word in ENTRY_WORDS)

# No pages of the shop: no code is read from their address, no view of them counted.
NO_PAGES = (
    *ENTRIES,
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

_CODE_PARAMETER = re.compile(r"r(\[\w*\])?")
_LONGEST_PATH = 2000
_WORD = re.compile(r"[^\s<>\"'()]+")


def after(request, otherwise: str) -> str:
    """Where `/r/CODE?next=…` leads: a page of this site, `otherwise` unless told.

    Whatever else stands in the query goes along.
    """
    wanted, rest = _take("next", request.META.get("QUERY_STRING", ""))
    _, rest = _take(_CODE_PARAMETER, rest)
    _, rest = _take("c", rest)  # the button it was shared by, which we alone read
    # No page takes a NUL.
    rest = "&".join(part for part in rest.split("&") if "\0" not in unquote(part))
    path = next(filter(None, map(own_path, wanted)), otherwise)
    if not rest:
        return path
    return f"{path}{'&' if '?' in path else '?'}{rest}"


def without_codes(request) -> tuple[list[str], str | None]:
    """The codes in a page's query, and the page's address without them.

    The address is None when there is nothing to take off.
    """
    query = request.META.get("QUERY_STRING", "")
    codes, rest = _take(_CODE_PARAMETER, query) if "r" in query else ([], query)
    if rest == query:
        return [], None
    # A path may begin with two slashes; sent back as it is, it would be another host.
    path = escape_leading_slashes(escape_uri_path(request.path))
    return codes, _with_query(path, rest)


def own_path(text: str) -> str | None:
    """`text` if it is the path of a page here, without a code of its own; else None.

    Decoded until nothing changes, so that `%252F%252Fevil` is seen for what it is.
    """
    # Each round takes off one layer: 100 kB of them would take half a minute.
    if len(text) > _LONGEST_PATH:
        return None
    plain = text
    while (further := unquote(plain)) != plain:
        plain = further
    if (
        not plain.startswith("/")
        or plain.startswith(("//", *ENTRIES))
        or "\\" in plain
        or not plain.isprintable()
        or not url_has_allowed_host_and_scheme(text, allowed_hosts=None)
    ):
        return None
    path, _, query = text.partition("#")[0].partition("?")
    _, query = _take(_CODE_PARAMETER, query)
    return iri_to_uri(_with_query(path, query))


def without_invitations(text: str) -> str:
    """What somebody wrote, with no referral link of ours left working in it.

    Else whoever answers a question could have the reader count as their friend. Links
    to other sites stay as they are.
    """
    return _WORD.sub(lambda found: _plain(found[0]), text)


def _plain(word):
    is_path = word.startswith(("/", "?")) and not word.startswith("//")
    try:
        parts = urlsplit(word if is_path or "//" in word else f"//{word}")
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return word
    if not is_path and host != settings.SITE_HOST.partition(":")[0]:
        return word
    before = word.partition("?")[0]
    if unquote(parts.path).startswith(ENTRIES):
        return before.partition(parts.path)[0] + "/"
    _, rest = _take(f"(amp;)?{_CODE_PARAMETER.pattern}", parts.query)
    if rest == parts.query:
        return word
    mark = f"#{parts.fragment}" if parts.fragment else ""
    return _with_query(before, rest) + mark


def _take(name, query):
    """Split a raw query: the decoded values under `name`, and the rest untouched."""
    values, rest = [], []
    for part in query.split("&"):
        key, _, value = part.partition("=")
        if re.fullmatch(name, unquote_plus(key)):
            values.append(unquote_plus(value))
        else:
            rest.append(part)
    return values, "&".join(rest)


def _with_query(path, query):
    return f"{path}?{query}" if query else path
