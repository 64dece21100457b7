"""Everything that signals of risk are read from, in one place: hashes, ids and counts.

Who is compared is the friend with the inviter, and with whoever came just before.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Left

from accounts import mailboxes
from orders.models import Order, OrderAddress, Refund
from referrals import doors
from referrals.models import Attribution, Device, RiskSignal, Visit

LATELY = timedelta(hours=24)

# Nobody clicked there: the moment of the touch is the moment of the claim.
_WITHOUT_CLICK = {Attribution.Method.LATE_CLAIM, Attribution.Method.STAFF}

# Enough of a hash to tell two apart, and to see that two are one.
_SHORT = 12


@dataclass(frozen=True)
class Circumstances:
    """About one friend, and one of their orders if there is one yet.

    `device` and `network` are hashes of what both people were seen on, `earlier…` count
    who came before this friend within a day (by domain unless it is everybody's),
    `neighbours` the inviter's other friends at this friend's door who came before.
    `weight_known` is what signals that are written down already come to.
    """

    weight_known: int = 0
    device: str = ""
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
    """How things stand now: two queries."""
    domain = mailboxes.canonical(attribution.invitee.email).rpartition("@")[2]
    before = _just_before(attribution)
    asked = _browsers(attribution) | _crowd(attribution, before)
    if domain not in settings.REFERRAL_COMMON_MAIL_DOMAINS:
        of_domain = before.filter(invitee__email__domain=domain)
        asked["earlier_of_domain"] = _count(of_domain)
    row = Attribution.objects.filter(pk=attribution.pk).values(**asked).get()
    visit = attribution.visit or Visit()
    return Circumstances(
        domain=domain,
        referrer_host=visit.referrer_host,
        medium=visit.medium,
        household_count=attribution.terms.household_count,
        **{name: value for name, value in row.items() if value is not None},
        **(_paid(order, attribution) | _at_the_door(order, attribution))
        if order
        else {},
    )


def _browsers(attribution):
    """A device both used, a network both used with the same kind of browser."""
    own = Device.objects.filter(user=attribution.invitee_id).order_by("-seen_at")
    other = Device.objects.filter(user=attribution.inviter_id)
    here = other.filter(token_hash=OuterRef("token_hash"))
    # The same network alone is an office or a café; with the same browser it counts.
    near = other.filter(network_hash=OuterRef("network_hash"), agent=OuterRef("agent"))
    placed = own.exclude(network_hash="").exclude(agent="")
    return {
        "device": _first(own.filter(Exists(here)), "token_hash"),
        "network": _first(placed.filter(Exists(near)), "network_hash"),
    }


def _just_before(attribution):
    """Who came within a day before."""
    return Attribution.objects.filter(
        created_at__gt=attribution.created_at - LATELY,
        created_at__lte=attribution.created_at,
        pk__lt=attribution.pk,
    )


def _crowd(attribution, before):
    """How many of them came the same way, and how the inviter's friends buy."""
    own = Device.objects.filter(user=attribution.invitee_id).exclude(network="")
    there = Device.objects.filter(
        user=OuterRef("invitee"), network__in=own.values("network")
    )
    bought = Order.objects.filter(
        user__attribution__inviter=attribution.inviter_id, confirmed_at__isnull=False
    )
    took_effect = [Refund.State.PENDING, Refund.State.SUCCEEDED]
    went_back = Refund.objects.filter(
        order=OuterRef("pk"), accepted_at__isnull=False, state__in=took_effect
    )
    return {
        "earlier_of_inviter": _count(before.filter(inviter=attribution.inviter_id)),
        "earlier_of_network": _count(before.filter(Exists(there))),
        "friends_orders": _count(bought),
        "friends_refunded": _count(bought.filter(Exists(went_back))),
        "weight_known": Subquery(
            RiskSignal.objects.filter(attribution=attribution.pk)
            .values("attribution")
            .annotate(total=Sum("weight"))
            .values("total")
        ),
    }


def _first(rows, field):
    return Subquery(rows.annotate(short=Left(field, _SHORT)).values("short")[:1])


def _count(rows):
    rows = rows.order_by().annotate(all=Value(1)).values("all")
    return Subquery(rows.annotate(number=Count("pk")).values("number"))


def _paid(order, attribution):
    if not order.confirmed_at or attribution.method in _WITHOUT_CLICK:
        return {}
    waited = (order.confirmed_at - attribution.touched_at).total_seconds()
    return {"seconds_to_pay": waited} if waited >= 0 else {}


def _at_the_door(order, attribution):
    """Whose parcels went to the same door before: the inviter's, or other friends'."""
    inviter = attribution.inviter_id
    if inviter is None:
        return {}
    bought = Order.objects.filter(confirmed_at__isnull=False)
    of_inviter = bought.filter(user=inviter)
    of_friends = bought.filter(
        user__attribution__inviter=inviter,
        user__attribution__pk__lt=attribution.pk,
    )
    # A union, for each of the three has an index and all in one condition have none.
    concerned = _ids(Order.objects.filter(pk=order.pk)).union(
        _ids(of_inviter), _ids(of_friends)
    )
    own = OrderAddress.objects.filter(order=order)
    there = OrderAddress.objects.filter(order__in=concerned)
    sent = list(doors.near(there, own).select_related("order"))
    door = next((doors.door_of(each) for each in sent if each.order_id == order.pk), "")
    there = {each.order.user_id for each in sent if doors.door_of(each) == door}
    if not door:
        return {}
    return {
        "door": door[:_SHORT],
        "is_inviters_door": inviter in there,
        "neighbours": len(there - {inviter, attribution.invitee_id}),
    }


def _ids(orders):
    return orders.order_by().values("pk")
