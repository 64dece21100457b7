"""Everything that signals of risk are read from, in one place: hashes, ids and counts.

Who is compared is the friend with the inviter, and with whoever came just before.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Exists, OuterRef, Q

from accounts.models import Address, PostalAddress
from orders.models import Order, OrderAddress, Refund
from referrals import doors, mailboxes
from referrals.models import Attribution, Device, Visit

LATELY = timedelta(hours=24)

# Nobody clicked there: the moment of the touch is the moment of the claim.
_WITHOUT_CLICK = {Attribution.Method.LATE_CLAIM, Attribution.Method.STAFF}

# Enough of a hash to tell two apart, and to see that two are one.
_SHORT = 12


@dataclass(frozen=True)
class Circumstances:
    """About one friend, and one of their orders if there is one yet.

    `devices` and `networks` are those that both people were seen on, `earlier…` count
    who came before this friend within a day, `neighbours` the inviter's other friends
    at this friend's door who came before.
    """

    devices: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    network: str = ""
    domain: str = ""
    door: str = ""
    is_inviters_door: bool = False
    neighbours: int = 0
    household_count: int = 1
    earlier_of_inviter: int = 0
    earlier_of_network: int = 0
    earlier_of_domain: int = 0
    friends_orders: int = 0
    friends_refunded: int = 0
    seconds_to_pay: float | None = None
    referrer_host: str = ""
    medium: str = ""


def read(order: Order | None, attribution: Attribution) -> Circumstances:
    """How things stand now; at most seven queries."""
    devices, networks, network = _browsers(attribution)
    domain = mailboxes.canonical(attribution.invitee.email).rpartition("@")[2]
    visit = attribution.visit or Visit()
    return Circumstances(
        devices=devices,
        networks=networks,
        network=network,
        domain=domain,
        referrer_host=visit.referrer_host,
        medium=visit.medium,
        household_count=attribution.terms.household_count,
        **_earlier(attribution, network, domain),
        **_orders_of_friends(attribution),
        **(_paid(order, attribution) | _at_the_door(order, attribution))
        if order
        else {},
    )


def _browsers(attribution):
    """Devices both used, networks both used with the same browser, and the friend's."""
    own, other = [], []
    seen = Device.objects.filter(user__in=_both(attribution)).order_by("-seen_at")
    for device in seen:
        (own if device.user_id == attribution.invitee_id else other).append(device)
    tokens = {each.token_hash for each in own} & {each.token_hash for each in other}
    # The same network alone is an office or a café; with the same browser it counts.
    places = _places(own) & _places(other)
    return (
        tuple(sorted(token[:_SHORT] for token in tokens)),
        tuple(sorted({hashed[:_SHORT] for hashed, _ in places})),
        next((each.network for each in own if each.network), ""),
    )


def _places(devices):
    return {(d.network_hash, d.agent) for d in devices if d.network_hash and d.agent}


def _both(attribution):
    return [pk for pk in (attribution.invitee_id, attribution.inviter_id) if pk]


def _earlier(attribution, network, domain):
    seen_there = Device.objects.filter(user=OuterRef("invitee"), network=network)
    before = Attribution.objects.filter(
        created_at__gt=attribution.created_at - LATELY,
        created_at__lte=attribution.created_at,
        pk__lt=attribution.pk,
    )
    is_inviters = Q(inviter__isnull=False, inviter=attribution.inviter_id)
    same_domain = Q(invitee__email__iendswith=f"@{domain}")
    return before.aggregate(
        earlier_of_inviter=Count("pk", filter=is_inviters),
        earlier_of_domain=Count("pk", filter=same_domain),
        earlier_of_network=Count("pk", filter=Exists(seen_there))
        if network
        else Count("pk", filter=Q(pk=None)),
    )


def _orders_of_friends(attribution):
    if attribution.inviter_id is None:
        return {}
    went_back = Refund.objects.filter(
        order=OuterRef("pk"), accepted_at__isnull=False
    ).exclude(state__in=[Refund.State.FAILED, Refund.State.CANCELLED])
    bought = Order.objects.filter(
        user__attribution__inviter=attribution.inviter_id, confirmed_at__isnull=False
    )
    return bought.aggregate(
        friends_orders=Count("pk"),
        friends_refunded=Count("pk", filter=Exists(went_back)),
    )


def _paid(order, attribution):
    if not order.confirmed_at or attribution.method in _WITHOUT_CLICK:
        return {}
    waited = (order.confirmed_at - attribution.touched_at).total_seconds()
    return {"seconds_to_pay": waited} if waited >= 0 else {}


def _at_the_door(order, attribution):
    address = OrderAddress.objects.filter(order=order).first()
    door = doors.door_of(address) if address else ""
    if not door or attribution.inviter_id is None:
        return {}
    near = Q(country=address.country, postal_code__iexact=address.postal_code)
    inviter = attribution.inviter_id
    theirs = Q(order__user=inviter) | Q(
        order__user__attribution__inviter=inviter,
        order__user__attribution__pk__lt=attribution.pk,
    )
    sent = OrderAddress.objects.filter(
        near, theirs, order__confirmed_at__isnull=False
    ).select_related("order")
    there = {each.order.user_id for each in sent if doors.door_of(each) == door}
    kept = Address.objects.filter(near, user=inviter)
    return {
        "door": door[:_SHORT],
        "is_inviters_door": inviter in there or _any_at(door, kept),
        "neighbours": len(there - {inviter, attribution.invitee_id}),
    }


def _any_at(door: str, addresses: list[PostalAddress]):
    return any(doors.door_of(each) == door for each in addresses)
