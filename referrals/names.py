"""The names that members read of one another, and the choice of one's own.

A name is read with its owner's leave, unless it is an insult or a pose, and not while
somebody's objection waits for staff. Whoever has none reads as "a friend".
"""

from datetime import datetime

from django.db import transaction
from django.utils.crypto import salted_hmac

from accounts.models import User
from referrals import bare, words
from referrals.models import NameCase
from shop.kit.lines import isolated, one_line

_LONGEST_FIRST = 30


class NotAvailable(Exception):
    """This name cannot be had. Why, is nobody's business but the shop's."""


def first(user: User) -> str:
    """`Anna`, for whoever was invited; empty if it is not to be read."""
    return _read(user.first_name[:_LONGEST_FIRST] if user.is_named else "")


def short(user: User) -> str:
    """`Ben K.`, for whoever brought him; empty if it is not to be read."""
    return _read(user.public_name)


def of_sender(user: User) -> str:
    """The whole name, where a member has the shop write to a friend in it.

    That is leave enough; what a mail program could follow is taken out.
    """
    return _read(bare.words(user.name, 60) if user.name_hidden_at is None else "")


def choose(user: User, name: str, *, shows: bool) -> None:
    """Take a name, and say whether friends may read it. Raises NotAvailable.

    What staff have hidden does not come back in another spelling; what waits for them
    stays hidden.
    """
    name = one_line(name)
    with transaction.atomic():
        # The lock of reports and decisions: the name they are about is this one.
        user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        is_new = words.folded(name) != words.folded(user.name)
        may_be_shown = not shows or words.may_be_read(name)
        if not name or is_new and (is_refused(user, name) or not may_be_shown):
            raise NotAvailable
        user.name, user.shows_name = name, shows
        user.name_hidden_at = hidden_since(user, NameCase.Kind.OWN, name)
        user.save(update_fields=["name", "shows_name", "name_hidden_at"])


def is_refused(user: User, name: str) -> bool:
    """Whether staff have hidden this name of theirs for good. One query."""
    hidden = NameCase.objects.filter(person=user, state=NameCase.State.HIDDEN)
    return hidden.filter(name_hash=hash_of(name)).exists()


def hidden_since(user: User, kind: str, name: str) -> datetime | None:
    """Since when nobody reads it; None if it may be read. One query."""
    cases = NameCase.objects.filter(person=user, kind=kind)
    case = cases.filter(name_hash=hash_of(name)).first()
    return case.opened_at if case and case.hides else None


def _read(name):
    return isolated(name) if words.may_be_read(name) else ""


def hash_of(name: str) -> str:
    """A keyed hash of a name's one spelling."""
    spelled = words.folded(name)
    return salted_hmac("referrals.names", spelled, algorithm="sha256").hexdigest()
