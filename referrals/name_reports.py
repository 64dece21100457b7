"""Names that somebody objects to: ask staff to look, and what staff say.

From the first report on nobody reads the name, until somebody has decided. One that was
kept stays readable for a year: further reports hide nothing, and only several of them,
from different places, make staff look again. Nobody learns who reported, or whether
anybody had before; nobody decides about their own name.
"""

import logging
from enum import StrEnum

from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from referrals import names, notices
from referrals.models import (
    Attribution,
    MemberChoices,
    NameCase,
    NameDecision,
    NameReport,
    ReferralLink,
)

logger = logging.getLogger("tandem.referrals")

Kind = NameCase.Kind
State = NameCase.State
Verdict = NameDecision.Verdict

# Networks that have to report a kept name before staff look again.
AGAIN_FROM = 3
_SALT = "referrals.name_reports"
_FROM = {
    Verdict.KEEP: (State.OPEN,),
    Verdict.HIDE: (State.OPEN,),
    Verdict.REOPEN: (State.KEPT, State.HIDDEN),
}


class NotOurs(Exception):
    """We did not write this token."""


class AlreadyDecided(Exception):
    """Somebody was faster; the message says who and when."""


class OwnAffair(Exception):
    """Nobody decides about their own name."""


class _Place(StrEnum):
    """Where a name is read; it is told by a row that its reader knows of anyway."""

    LINK = "l"
    FRIEND = "f"
    BOARD = "b"


# Asking


def url_of_inviter(link: ReferralLink) -> str:
    """Where whoever was invited reports the name of a link's owner."""
    return _url(_Place.LINK, link.pk, link.owner.name)


def url_of_friend(attribution: Attribution) -> str:
    """Where an inviter reports the name of a friend."""
    return _url(_Place.FRIEND, attribution.pk, attribution.invitee.name)


def url_of_board(choices: MemberChoices) -> str:
    """Where a member reports a name on the board."""
    return _url(_Place.BOARD, choices.pk, choices.leaderboard_name)


def is_token(token: str) -> bool:
    """Whether a page or a mail of ours carried this."""
    return _read(token) is not None


def report(token: str, *, network: str = "", network_hash: str = "") -> None:
    """Hide a name that somebody has read, until staff have looked. Raises NotOurs.

    The network is all that is kept of whoever asks. Safe to repeat; a name that was
    exchanged since it was read is not touched.
    """
    read = _read(token)
    if read is None:
        raise NotOurs
    place, pk, hashed = read
    kind = Kind.BOARD if place == _Place.BOARD else Kind.OWN
    with transaction.atomic():
        person = _locked(_person(place, pk))
        name = _name_of(person, kind)
        if not name or _short(name) != hashed:
            return
        case, is_first = NameCase.objects.get_or_create(
            person=person,
            kind=kind,
            name_hash=names.hash_of(name),
            defaults={"name": name},
        )
        _write_down(case, network, network_hash)
        if is_first or _is_looked_at_again(case):
            _open(case)


def _url(place, pk, name):
    token = signing.dumps([place, pk, _short(name)], salt=_SALT)
    return reverse("referrals:report_name", args=[token])


def _read(token):
    try:
        place, pk, hashed = signing.loads(token[:200], salt=_SALT)
    except signing.BadSignature:
        return None
    return _Place(place), pk, hashed


def _short(name):
    return names.hash_of(name)[:16]


def _person(place, pk):
    """The id of whoever is named there; None if they are there no more."""
    rows, field = {
        _Place.LINK: (ReferralLink.objects, "owner"),
        _Place.FRIEND: (Attribution.objects, "invitee"),
        _Place.BOARD: (MemberChoices.objects, "user"),
    }[place]
    return rows.filter(pk=pk).values_list(field, flat=True).first()


def _locked(pk):
    return User.objects.select_for_update(no_key=True).filter(pk=pk).first()


def _name_of(person, kind):
    if person is None:
        return ""
    if kind == Kind.OWN:
        return person.name
    choices = MemberChoices.objects.filter(user=person).first()
    return choices.leaderboard_name if choices else ""


def _write_down(case, network, network_hash):
    try:
        with transaction.atomic():
            NameReport.objects.create(
                case=case, network=network, network_hash=network_hash
            )
    except IntegrityError:  # the same hand once more
        pass


def _is_looked_at_again(case):
    if case.state != State.KEPT:
        return False
    if not case.is_protected(timezone.now()):
        return True
    since = case.reports.filter(created_at__gt=case.kept_at).exclude(network="")
    return since.values("network").distinct().count() >= AGAIN_FROM


def _open(case):
    case.state, case.decided_at = State.OPEN, None
    case.opened_at = timezone.now()
    case.save(update_fields=["state", "decided_at", "opened_at"])
    if _apply(case) and case.hides:
        notices.name_hidden(case)


# Deciding


def waiting() -> QuerySet[NameCase]:
    """What waits for a decision. Whoever has left has no name."""
    return NameCase.objects.filter(state=State.OPEN).exclude(name="")


def queue(most: int = 200) -> QuerySet[NameCase]:
    """What waits, the oldest first: how often and when last reported."""
    counted = waiting().annotate(
        times=Count("reports"), last_at=Max("reports__created_at")
    )
    return counted.select_related("person").order_by("opened_at", "pk")[:most]


def decide(case: NameCase, verdict: str, *, actor: User, reason: str) -> None:
    """Keep a name, hide it for good, or look again. Its owner is told, in few words.

    Raises AlreadyDecided and OwnAffair; then nothing has changed.
    """
    with transaction.atomic():
        person = _locked(case.person_id)
        case = NameCase.objects.get(pk=case.pk)
        if person == actor:
            logger.warning("%s tried to decide about their own name", actor)
            raise OwnAffair("You cannot decide about your own name.")
        if case.state not in _FROM[verdict]:
            raise AlreadyDecided(_by_whom(case))
        NameDecision.objects.create(
            case=case, person=person, verdict=verdict, reason=reason, decided_by=actor
        )
        if verdict == Verdict.REOPEN:
            _open(case)
        else:
            _close(case, verdict)


def _close(case, verdict):
    hid, now = case.hides, timezone.now()
    case.decided_at = now
    case.state = State.KEPT if verdict == Verdict.KEEP else State.HIDDEN
    case.kept_at = now if verdict == Verdict.KEEP else None
    case.save(update_fields=["state", "decided_at", "kept_at"])
    if not _apply(case):
        return
    if case.state == State.HIDDEN:
        notices.name_refused(case)
    elif hid:
        notices.name_shown(case)


def _apply(case):
    """Hide or show the name where it stands now; False if it was exchanged since."""
    hidden_at = case.opened_at if case.hides else None
    person = User.objects.get(pk=case.person_id)
    name = _name_of(person, case.kind)
    if not name or names.hash_of(name) != case.name_hash:
        return False
    if case.kind == Kind.OWN:
        User.objects.filter(pk=person.pk).update(name_hidden_at=hidden_at)
    else:
        mine = MemberChoices.objects.filter(user=person)
        mine.update(leaderboard_hidden_at=hidden_at)
    return True


def _by_whom(case):
    last = case.decisions.select_related("decided_by").order_by("-pk").first()
    if last is None:
        return "This name waits for a decision."
    at = date_format(timezone.localtime(last.created_at), "j F, H:i")
    return f"Already decided by {last.decided_by.get_short_name()} on {at}."
