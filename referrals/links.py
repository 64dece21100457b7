"""Invitations: make one, read a code however it was typed, draw it."""

import secrets
import unicodedata

import segno
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import User
from referrals.models import Campaign, Code, ReferralLink

# Crockford's alphabet: no I, L, O or U, so nothing is misread aloud or from paper.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 8  # 40 bits: guessing one is hopeless
_LONGEST = 20
_READ_AS = {letter: letter for letter in ALPHABET}
_READ_AS |= {letter.lower(): letter for letter in ALPHABET}
_READ_AS |= dict.fromkeys("oO", "0") | dict.fromkeys("iIlL", "1")
_SKIPPED = {
    "Zs",
    "Cc",
    "Cf",
    "Pd",
    "Pc",
}  # spaces, invisible characters, dashes of all lengths


class NoOffer(Exception):
    """There is no default campaign that a member's link could belong to."""


def default_link(user: User) -> ReferralLink:
    """The member's own invitation, made the first time somebody looks. Raises NoOffer.

    Safe to race: ten tabs get the same link.
    """
    found = ReferralLink.objects.with_code().filter(owner=user, is_default=True)
    link = found.first()
    if link:
        return link
    campaign = Campaign.objects.filter(is_default=True).first()
    if not campaign:
        raise NoOffer
    try:
        with transaction.atomic():
            link = ReferralLink.objects.create(
                owner=user, campaign=campaign, is_default=True
            )
            _give_code(link)
    except IntegrityError:  # another tab was first
        pass
    return found.get()


def normalise(text: str) -> str | None:
    """A code as somebody typed it, in its one spelling; None when it cannot be one.

    `O` reads as 0, `I` and `l` as 1; capitals, spaces and dashes do not matter.
    """
    if len(text) > 5 * _LONGEST:
        return None
    letters = [
        letter for letter in text if unicodedata.category(letter) not in _SKIPPED
    ]
    read = [_READ_AS.get(letter) for letter in letters]
    return "".join(read) if None not in read and 0 < len(read) <= _LONGEST else None


def resolve(text: str) -> ReferralLink | None:
    """The link behind a typed code, disabled or not; None when there is none."""
    return next(iter(resolve_all([text])), None)


def resolve_all(texts: list[str]) -> list[ReferralLink]:
    """The links behind several typed codes, in the order typed.

    One query, or none at all.
    """
    wanted = [code for code in map(normalise, texts) if code]
    if not wanted:
        return []
    found = {
        code.text: code.link
        for code in Code.objects.working()
        .filter(text__in=wanted)
        .select_related("link__owner", "link__campaign")
    }
    return [found[code] for code in wanted if code in found]


def url_of(link: ReferralLink) -> str:
    """The address to share; `link` comes from this room, which knows its code."""
    return settings.SITE_URL + reverse("referrals:link", args=[f"{link.code}/"])


def drawn(url: str) -> dict:
    """A QR code as one SVG path: its `size` in modules and the strokes `d`."""
    rows = list(segno.make(url, error="m", micro=False).matrix_iter(border=4))
    strokes = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            run = 1
            while x + run < len(row) and row[x + run] == row[x]:
                run += 1
            if row[x]:
                strokes.append(f"M{x} {y}.5h{run}")
            x += run
    return {"size": len(rows), "d": "".join(strokes)}


def _give_code(link):
    for _ in range(5):
        text = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
        try:
            with transaction.atomic():
                return Code.objects.create(
                    text=text, display=text, link=link, is_primary=True
                )
        except IntegrityError:  # one in a trillion: somebody has it
            continue
    raise RuntimeError("No free code was found in five tries.")
