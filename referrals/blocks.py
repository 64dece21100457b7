"""Who and what earns nothing here until somebody lifts the block.

A block of a person, an email domain, a network or a code stands for every friendship
that has to do with it, on either side. What was promised waits, what is new does not
come about, what is paid stays paid; lifted, everything is settled again.
"""

import ipaddress
import logging
from collections import defaultdict
from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from referrals import codes
from referrals.models import Attribution, Block, Code, Device

logger = logging.getLogger("tandem.referrals")

Kind = Block.Kind


class NotUnderstood(ValueError):
    """What is to be blocked makes no sense; the message is for a person."""


class Standing(Exception):
    """It is blocked already; the argument is the block."""


class NotStanding(Exception):
    """Somebody has lifted it already; the argument is the block."""


class OwnAffair(Exception):
    """Nobody lifts a block that stands against themselves."""


def block(kind: str, value: str, *, actor: User, reason: str) -> Block:
    """Raises NotUnderstood, and Standing if it is blocked already."""
    value = _plain(Kind(kind), value)
    try:
        with transaction.atomic():
            made = Block.objects.create(
                kind=kind, value=value, reason=reason, blocked_by=actor
            )
            _settle(made)
    except IntegrityError as error:
        standing = Block.objects.filter(kind=kind, value=value, lifted_at=None).first()
        if standing is None:
            raise
        raise Standing(standing) from error
    return made


def lift(block: Block, *, actor: User) -> Block:
    """Raises NotStanding, and OwnAffair."""
    if block.kind == Kind.PERSON and block.value == str(actor.pk):
        logger.warning("%s tried to lift their own block", actor)
        raise OwnAffair("You cannot lift a block that stands against you.")
    with transaction.atomic():
        standing = Block.objects.filter(pk=block.pk, lifted_at=None)
        if not standing.update(lifted_at=timezone.now(), lifted_by=actor):
            raise NotStanding(
                Block.objects.select_related("lifted_by").get(pk=block.pk)
            )
        _settle(block)
    block.refresh_from_db()
    return block


def stands_for(attribution: Attribution) -> Block | None:
    """The block that speaks against this friend, if one does. One query.

    For `settle`, with both people and the link at hand.
    """
    people = [each for each in (attribution.invitee, attribution.inviter) if each]
    ids = [str(person.pk) for person in people]
    domains = {_domain_of(person.email) for person in people}
    networks = Device.objects.filter(user=attribution.invitee_id).values("network")
    codes = Code.objects.filter(link=attribution.link_id).values("text")
    return Block.objects.filter(
        Q(kind=Kind.PERSON, value__in=ids)
        | Q(kind=Kind.DOMAIN, value__in=domains)
        | Q(kind=Kind.NETWORK, value__in=networks)
        | Q(kind=Kind.CODE, value__in=codes),
        lifted_at=None,
    ).first()


def among(attributions: Iterable[Attribution]) -> set[int]:
    """The ids of those of these friends against whom some block speaks. Two queries."""
    values: dict[str, list[str]] = defaultdict(list)
    for kind, value in Block.objects.filter(lifted_at=None).values_list(
        "kind", "value"
    ):
        values[kind].append(value)
    people = [int(value) for value in values[Kind.PERSON]]
    seen_there = Device.objects.filter(network__in=values[Kind.NETWORK]).values("user")
    which = (
        Q(invitee__in=people)
        | Q(inviter__in=people)
        | Q(invitee__in=seen_there)
        | Q(link__codes__text__in=values[Kind.CODE])
    )
    for value in values[Kind.DOMAIN]:
        which |= Q(invitee__email__iendswith=f"@{value}")
        which |= Q(inviter__email__iendswith=f"@{value}")
    ids = [each.pk for each in attributions]
    found = Attribution.objects.filter(which, pk__in=ids)
    return set(found.values_list("pk", flat=True))


def against_code() -> Exists:
    """Whether a code, or the person whose it is, is blocked: to annotate codes with."""
    owner = Cast(OuterRef("link__owner"), CharField())
    return Exists(
        Block.objects.filter(
            Q(kind=Kind.CODE, value=OuterRef("text"))
            | Q(kind=Kind.PERSON, value=owner),
            lifted_at=None,
        )
    )


def concerned(block: Block) -> QuerySet[Attribution]:
    """The friendships that a block has to do with."""
    value = block.value
    if block.kind == Kind.PERSON:
        which = Q(invitee=int(value)) | Q(inviter=int(value))
    elif block.kind == Kind.DOMAIN:
        at = f"@{value}"
        which = Q(invitee__email__iendswith=at) | Q(inviter__email__iendswith=at)
    elif block.kind == Kind.NETWORK:
        seen_there = Device.objects.filter(network=value).values("user")
        which = Q(invitee__in=seen_there)
    else:
        which = Q(link__codes__text=value)
    return Attribution.objects.filter(which)


def _settle(block):
    from referrals import jobs  # they call settlement, which calls us

    orders = Order.objects.confirmed().filter(user__attribution__in=concerned(block))
    for pk in orders.values_list("pk", flat=True):
        jobs.settle.enqueue(pk)


def _plain(kind, text):
    """What is blocked, in its one spelling."""
    text = text.strip()
    if kind == Kind.PERSON:
        person = User.objects.filter(email__iexact=text).first()
        if person is None and text.isdecimal() and len(text) < 19:
            person = User.objects.filter(pk=int(text)).first()
        if person is None:
            raise NotUnderstood("There is nobody with this email here.")
        return str(person.pk)
    if kind == Kind.DOMAIN:
        domain = text.casefold().rpartition("@")[2]
        if "." not in domain or " " in domain or len(domain) > 120:
            raise NotUnderstood("A domain looks like spam.example.")
        return domain
    if kind == Kind.NETWORK:
        return _network(text)
    code = codes.normalise(text)
    if code is None or not Code.objects.filter(text=code).exists():
        raise NotUnderstood("There is no such code.")
    return code


def _network(text):
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise NotUnderstood("A network looks like 203.0.113.0/24.") from error
    bits = 24 if network.version == 4 else 48
    if network.prefixlen < bits:
        raise NotUnderstood(f"That is too many people: nothing wider than /{bits}.")
    kept = ipaddress.ip_network(f"{network.network_address}/{bits}", strict=False)
    if network.prefixlen > bits:
        raise NotUnderstood(
            f"Of an address no more is kept than its /{bits}, which many people share. "
            f"To block all of them, enter {kept}."
        )
    return str(kept)


def _domain_of(email):
    return email.casefold().rpartition("@")[2]
