"""The review queue: friends about whom a person has to say yes or no, with a reason.

While a case is open, rewards wait; decided, its orders are settled again. Staff decide
nothing that concerns themselves, and where much is at stake two different people have
to say the same. What was said stays for ever.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import colleagues
from accounts.models import User
from orders.models import Order
from referrals import comparisons, emails, four_eyes
from referrals.models import (
    Attribution,
    ReviewCase,
    ReviewDecision,
    Reward,
    RiskSignal,
)

logger = logging.getLogger("tandem.referrals")

State = ReviewCase.State
Verdict = ReviewDecision.Verdict

WAITS = (State.OPEN, State.ASKED)
_BECOMES = {
    Verdict.APPROVE: State.APPROVED,
    Verdict.REJECT: State.REJECTED,
    Verdict.ASK: State.ASKED,
    Verdict.REOPEN: State.OPEN,
}
_FROM = {
    Verdict.APPROVE: WAITS,
    Verdict.REJECT: WAITS,
    Verdict.ASK: (State.OPEN,),
    Verdict.REOPEN: (State.APPROVED, State.REJECTED),
}
# What two cases can have in common and be one affair.
_TIES = {"same_device", "same_network", "same_address", "full_household"}
_FINAL = (Verdict.APPROVE, Verdict.REJECT)


class AlreadyDecided(Exception):
    """Somebody was faster; the message says who and when."""


class OwnAffair(Exception):
    """Nobody decides about themselves or about their own friends."""


@dataclass(frozen=True)
class Group:
    """Cases that share a device, a door, a card or a network: one affair.

    `shared` are the pieces of evidence that tie them together. Each case carries its
    own as `signals`, what was said about it since it was opened as `said`, and the two
    people beside each other as `lines`.
    """

    cases: list[ReviewCase]
    shared: list[str]
    amount: int
    currency: str
    needs_two: bool

    @property
    def may_ask(self) -> bool:
        return any(case.state == State.OPEN for case in self.cases)

    @property
    def score(self) -> int:
        return max(case.score for case in self.cases)

    @property
    def opened_at(self) -> datetime:
        return min(case.opened_at for case in self.cases)


def queue(viewer: User, least: int = 0, most: int = 200) -> list[Group]:
    """What waits for a decision, the oldest first, as groups. Eleven queries.

    `least` is the lowest score to show; at most so many cases are read. `viewer` is
    who would decide.
    """
    waiting = ReviewCase.objects.filter(state__in=WAITS, score__gte=least)
    cases = list(
        waiting.select_related(
            "attribution__invitee", "attribution__inviter", "attribution__terms"
        ).order_by("opened_at", "pk")[:most]
    )
    attributions = [case.attribution_id for case in cases]
    evidence: dict[int, list[RiskSignal]] = {}
    for signal in RiskSignal.objects.filter(attribution__in=attributions):
        evidence.setdefault(signal.attribution_id, []).append(signal)
    said = ReviewDecision.objects.filter(case__in=cases).order_by("pk")
    words: dict[int, list[ReviewDecision]] = {}
    for word in said.select_related("decided_by"):
        words.setdefault(word.case_id, []).append(word)
    people = comparisons.read(_people(cases))
    for case in cases:
        case.signals = evidence.get(case.attribution_id, [])
        since = case.opened_at
        case.said = [e for e in words.get(case.pk, []) if e.created_at >= since]
        case.lines = _lines(case, people, viewer)
    eyes = four_eyes.read(viewer, [case.attribution.inviter_id for case in cases])
    stakes = _stakes(attributions)
    return [
        _group(members, people, stakes, eyes) for members in _clusters(cases, people)
    ]


def approve(cases: Iterable[ReviewCase], *, actor: User, reason: str) -> int:
    """These friends are who they say; their rewards go on. How many were decided.

    Fewer than asked for where a second person has to agree. Raises AlreadyDecided and
    OwnAffair; then nothing has changed.
    """
    return _decide(cases, Verdict.APPROVE, actor, reason)


def reject(cases: Iterable[ReviewCase], *, actor: User, reason: str) -> int:
    """These friends do not count; their rewards do not come about. As `approve`."""
    return _decide(cases, Verdict.REJECT, actor, reason)


def ask(cases: Iterable[ReviewCase], *, actor: User, reason: str) -> int:
    """Ask the friends something by mail and wait: they read `reason` as it stands."""
    return _decide(cases, Verdict.ASK, actor, reason)


def reopen(cases: Iterable[ReviewCase], *, actor: User, reason: str) -> int:
    """Look again at what was decided."""
    return _decide(cases, Verdict.REOPEN, actor, reason)


def time_out() -> int:
    """Decide by default what nobody decided in time, if settings say so; how many.

    Never where two people would be needed.
    """
    verdict = settings.REFERRAL_REVIEW_DEFAULT
    if not verdict:
        return 0
    since = timezone.now() - timedelta(days=settings.REFERRAL_REVIEW_DAYS)
    late = ReviewCase.objects.filter(state__in=WAITS, opened_at__lt=since)
    reason = f"Nobody decided within {settings.REFERRAL_REVIEW_DAYS} days"
    return sum(_timed_out(case, Verdict(verdict), reason) for case in late)


@dataclass(frozen=True)
class PublicReason:
    """What a member reads about a friend who is looked at, and where to object.

    It never says what was seen: whoever cheats would learn from it what to hide, and
    whoever does not would read an accusation.
    """

    text: str
    appeal_email: str = ""


CHECKING = PublicReason("We are checking this one. It can take a few days.")


def refused() -> PublicReason:
    """For whatever is not to be told."""
    return PublicReason("This did not meet the terms of the programme.", appeal_email())


def appeal_email() -> str:
    """Whom to write to who sees it otherwise."""
    return settings.SUPPORT_EMAIL


def public_reason(attribution: Attribution) -> PublicReason | None:
    """For pages; None while nothing is the matter. `review` should be at hand."""
    case = getattr(attribution, "review", None)
    state = case.state if case else ""
    if state in WAITS:
        return CHECKING
    return refused() if state == State.REJECTED else None


def _decide(cases, verdict, actor, reason):
    wanted = sorted({case.pk for case in cases})
    with transaction.atomic():
        inviters = Attribution.objects.filter(review__in=wanted)
        four_eyes.lock(actor, inviters.values_list("inviter", flat=True))
        # The lock of whoever settles: no reward is released while we decide.
        attributions = Attribution.objects.select_for_update(of=("self",), no_key=True)
        rows = attributions.filter(review__in=wanted).order_by("pk")
        locked = {each.pk: each for each in rows.select_related("invitee", "inviter")}
        found = ReviewCase.objects.filter(pk__in=wanted).order_by("pk")
        fresh = [(case, locked[case.attribution_id]) for case in found]
        for _, attribution in fresh:
            _refuse_own(attribution, actor)
        needs_two = _needs_two(list(locked), verdict, actor)
        return sum(
            _say(case, attribution, verdict, actor, reason, needs_two)
            for case, attribution in fresh
        )


def _needs_two(attributions, verdict, actor):
    """What is approved counts with all that passed today; a no passes nothing."""
    if verdict not in _FINAL or actor is None:
        return False
    waiting = _waiting_rewards(attributions)
    if verdict == Verdict.REJECT:
        return four_eyes.is_much(waiting)
    inviters = {reward.recipient_id for reward in waiting}
    return four_eyes.read(actor, inviters).are_needed(waiting)


def _say(case, attribution, verdict, actor, reason, needs_two):
    """One person's word about one case; whether it is decided by it."""
    if case.state not in _FROM[verdict]:
        raise AlreadyDecided(_by_whom(case))
    is_second = not needs_two or _agrees(case, verdict, actor)
    ReviewDecision.objects.create(
        case=case, verdict=verdict, reason=reason, decided_by=actor
    )
    if not is_second:
        return False
    now = timezone.now()
    changed = {"state": _BECOMES[verdict]}
    changed["decided_at"] = now if verdict in _FINAL else None
    if verdict == Verdict.REOPEN:
        changed["opened_at"] = now
    rows = ReviewCase.objects.filter(pk=case.pk, state__in=_FROM[verdict])
    if not rows.update(**changed):
        raise AlreadyDecided(_by_whom(case))
    if verdict == Verdict.ASK:
        emails.review_question(case, attribution.invitee, reason)
    _settle(attribution)
    return True


def _agrees(case, verdict, actor):
    """Whether another person has said the same since it was opened.

    Raises AlreadyDecided if it was this very person.
    """
    said = case.decisions.filter(verdict=verdict, created_at__gte=case.opened_at)
    people = set(said.values_list("decided_by", flat=True))
    if people - {actor.pk}:
        return True
    if actor.pk in people:
        raise AlreadyDecided(
            "You have said so already. Much is at stake: another person has to agree."
        )
    return False


def _refuse_own(attribution, actor):
    if actor is None or actor.pk not in (
        attribution.inviter_id,
        attribution.invitee_id,
    ):
        return
    logger.warning("%s tried to decide about themselves: %s", actor, attribution.pk)
    raise OwnAffair("You cannot decide about yourself or your own friends.")


def _by_whom(case):
    last = case.decisions.select_related("decided_by").order_by("-pk").first()
    if last is None:
        return "This case is in another state now."
    return colleagues.already("decided", last.decided_by, last.created_at)


def _settle(attribution):
    from referrals import jobs  # they call settlement

    orders = Order.objects.confirmed().filter(user=attribution.invitee_id)
    for pk in orders.values_list("pk", flat=True):
        jobs.settle.enqueue(pk)


def _timed_out(case, verdict, reason):
    if four_eyes.is_much(_waiting_rewards([case.attribution_id])):
        return False
    try:
        return bool(_decide([case], verdict, None, reason))
    except AlreadyDecided:
        return False


def _waiting_rewards(attributions):
    """What is promised and not paid."""
    return list(
        Reward.objects.filter(attribution__in=attributions, state=Reward.State.PENDING)
    )


def _stakes(attributions):
    """The same by attribution."""
    found: dict[int, list[Reward]] = {}
    for reward in _waiting_rewards(attributions):
        found.setdefault(reward.attribution_id, []).append(reward)
    return found


def _people(cases):
    for case in cases:
        yield case.attribution.invitee_id
        if case.attribution.inviter_id:
            yield case.attribution.inviter_id


def _lines(case, people, viewer):
    about = case.attribution
    if about.inviter is None:
        return []
    return comparisons.beside(about.inviter, about.invitee, people, viewer)


def _group(members, people, stakes, eyes):
    waiting = [
        reward for case in members for reward in stakes.get(case.attribution_id, [])
    ]
    seen = Counter(tie for case in members for tie in _ties(case, people))
    return Group(
        cases=members,
        shared=sorted({words for (words, _), times in seen.items() if times > 1}),
        amount=sum(reward.amount_kept for reward in waiting),
        currency=members[0].attribution.terms.currency,
        needs_two=eyes.are_needed(waiting),
    )


def _clusters(cases, people):
    """Cases that hang together by what they share, in the order of the oldest."""
    clusters: list[tuple[set, list]] = []
    for case in cases:
        ties = {key for _, key in _ties(case, people)}
        touched = [each for each in clusters if each[0] & ties]
        for each in touched:
            clusters.remove(each)
            ties |= each[0]
        members = [member for each in touched for member in each[1]]
        clusters.append((ties, sorted([*members, case], key=lambda c: c.opened_at)))
    return sorted((members for _, members in clusters), key=lambda m: m[0].opened_at)


def _ties(case, people):
    """Every device, door and network in evidence, and the friend's cards.

    In words and as a key. Not the people: whoever invites many brings friends who have
    nothing to do with each other.
    """
    found = {each.evidence for each in case.signals if each.code in _TIES}
    cards = people.cards.get(case.attribution.invitee_id, [])
    return [
        *((words, words) for words in sorted(found)),
        *((f"card {card.words}", card.key) for card in cards),
    ]
