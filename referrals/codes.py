"""Codes: read one however it was typed, draw one by lot, judge one that is wished for.

A code has one normal spelling, in which it is unique for ever, and one that people see.
"""

import re
import secrets
import unicodedata

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import User
from referrals import plugins, words
from referrals.models import Code, ReferralLink

# Crockford's alphabet: no I, L, O or U, so nothing is misread aloud or from paper.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8  # 40 bits: guessing one is hopeless
SHORTEST, LONGEST = 4, 20
MOST_WISHES = 5  # codes of their own that one member may ever have chosen

_READ_AS = {letter: letter for letter in ALPHABET}
_READ_AS |= dict.fromkeys("IL", "1") | {"O": "0", "U": "V"}
# Spaces, invisible characters, dashes of all lengths.
_SKIPPED = {"Zs", "Cc", "Cf", "Pd", "Pc"}
_WISH = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)*", re.ASCII)


class NotAvailable(Exception):
    """This code cannot be had. Why, is nobody's business but the shop's."""


class NotACode(Exception):
    """These letters cannot make a code; the message is for a person."""


class TooManyWishes(Exception):
    """This member has chosen as many codes as anybody may."""


def normalise(text: str) -> str | None:
    """A code as somebody typed it, in its one spelling; None when it cannot be one.

    `O` reads as 0, `I` and `l` as 1, `U` as V, and a letter of another alphabet as the
    one it looks like; capitals, spaces and dashes do not matter.
    """
    if len(text) > 5 * LONGEST:
        return None
    letters = [
        letter
        for letter in unicodedata.normalize("NFKC", text)
        if unicodedata.category(letter) not in _SKIPPED
    ]
    read = [_read(letter) for letter in letters]
    return "".join(read) if None not in read and 0 < len(read) <= LONGEST else None


def draw(link: ReferralLink, **fields) -> Code:
    """A new code for a link, as the shop's generator makes them.

    What cannot be typed, or is taken five times, is replaced by one drawn by lot.
    """
    for attempt in range(6):
        shown = _generated(link) if attempt < 5 else by_lot(link)
        text = normalise(shown)
        try:
            with transaction.atomic():
                return Code.objects.create(
                    text=text, display=shown, link=link, **fields
                )
        except IntegrityError:  # somebody has it
            continue
    raise RuntimeError("No free code was found in six tries.")


def by_lot(link: ReferralLink | None = None) -> str:
    """Our generator: nothing about a person leads to it."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def choose(link: ReferralLink, wish: str) -> Code:
    """Give a link the code its owner wishes for; the older ones go on working.

    A wish that reads like an advertisement waits for staff. Raises NotACode,
    NotAvailable or TooManyWishes.
    """
    display, text = _spelled(wish)
    with transaction.atomic():
        # The lock: two tabs must not both choose the last code that is allowed.
        owner = User.objects.select_for_update(no_key=True).get(pk=link.owner_id)
        wishes = Code.objects.filter(link__owner=owner, kind=Code.Kind.VANITY)
        mine = wishes.filter(text=text, link=link, retired_at=None).first()
        if mine:
            if mine.waits_since is None:
                put_first(mine)
            return mine
        if wishes.count() >= MOST_WISHES:
            raise TooManyWishes
        if not words.may_be_had(display) or _is_name_of_staff(text):
            raise NotAvailable(wish)
        if Code.objects.filter(text=_forgotten(text)).exists():
            raise NotAvailable(wish)
        code = Code(text=text, display=display, link=link, kind=Code.Kind.VANITY)
        if words.is_advertisement(display):
            code.waits_since = timezone.now()
        try:
            with transaction.atomic():
                code.save(force_insert=True)
        except IntegrityError as error:  # somebody has it, or once had it
            raise NotAvailable(wish) from error
        if code.waits_since is None:
            put_first(code)
    return code


def put_first(code: Code) -> None:
    """Make a code the one that its link is shown with."""
    with transaction.atomic():
        Code.objects.filter(link=code.link_id, is_primary=True).update(is_primary=False)
        code.is_primary = True
        code.save(update_fields=["is_primary"])


def allow(code: Code) -> bool:
    """Staff let a waiting code work. False if somebody has decided already."""
    with transaction.atomic():
        waiting = Code.objects.waiting().filter(pk=code.pk)
        if not waiting.update(waits_since=None):
            return False
        code.refresh_from_db()
        put_first(code)
    return True


def refuse(code: Code) -> bool:
    """Staff do not let it work, and nobody else gets it. False if decided already."""
    waiting = Code.objects.waiting().filter(pk=code.pk)
    return bool(waiting.update(retired_at=timezone.now()))


def retire_all(link: ReferralLink) -> int:
    """No code of this link leads anywhere any more; they stay its own. How many."""
    old = Code.objects.filter(link=link, retired_at=None)
    return old.update(retired_at=timezone.now(), is_primary=False)


def forget(owner: User) -> None:
    """Of the codes of somebody who has left, keep no more than a hash.

    Nobody inherits them all the same: not the chosen ones, which may be a name. Safe to
    repeat.
    """
    for code in Code.objects.filter(link__owner=owner).exclude(display=""):
        Code.objects.filter(pk=code.pk).update(
            text=_forgotten(code.text),
            display="",
            is_primary=False,
            retired_at=code.retired_at or timezone.now(),
        )


def _forgotten(text):
    """What stands for a code that is to be known again and not to be read."""
    hashed = salted_hmac("referrals.codes.forgotten", text, algorithm="sha256")
    # Nobody can type the first letter.
    return f"~{hashed.hexdigest()[:19]}"


def _read(letter):
    capital = letter.upper()
    return _READ_AS.get(words.LOOK_ALIKE.get(capital, capital))


def _spelled(wish):
    """As people will see it, and in its normal spelling.

    Raises NotACode, and NotAvailable for what only looks like a code.
    """
    display = "-".join(wish.upper().replace("_", "-").split())
    text = normalise(display)
    if text is None or not len(text) >= SHORTEST or len(display) > LONGEST:
        raise NotACode(
            f"A code has {SHORTEST} to {LONGEST} letters and digits, "
            "and dashes between them."
        )
    if not _WISH.fullmatch(display):
        raise NotAvailable(wish)
    return display, text


def _is_name_of_staff(text):
    names = User.objects.filter(is_staff=True).values_list("name", flat=True)
    spelled = (normalise(word) for name in names for word in name.split())
    return any(name in text for name in spelled if name and len(name) >= 3)


def _generated(link):
    shown = plugins.ask("REFERRAL_CODE_GENERATOR", by_lot, link)
    longest = Code._meta.get_field("display").max_length
    is_good = isinstance(shown, str) and len(shown) <= longest and normalise(shown)
    return shown if is_good else by_lot(link)
