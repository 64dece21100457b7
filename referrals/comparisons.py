"""Two people beside each other: what staff see of both, and what is the same.

For the review queue, which asks about many at once: four queries, however many there
are. What may be looked at depends on who looks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Count, Max, Sum
from django.utils.formats import date_format

from accounts.models import Address, User
from orders.models import Order, OrderAddress, Payment
from referrals import doors
from referrals.models import Device
from shop.kit.money import format_money

NOTHING = "–"
_WHERE = ("street", "postal_code", "city", "country")


@dataclass(frozen=True)
class Trait:
    """Something that a person was seen with: in words, and as what is compared."""

    words: str
    key: str


@dataclass(frozen=True)
class Line:
    """One line of the comparison."""

    label: str
    inviter: str
    friend: str
    is_same: bool = False


@dataclass
class People:
    """What is known of some people, each list the newest first."""

    bought: dict[int, list[str]] = field(default_factory=dict)
    doors: dict[int, list[Trait]] = field(default_factory=dict)
    browsers: dict[int, list[Trait]] = field(default_factory=dict)
    cards: dict[int, list[Trait]] = field(default_factory=dict)


def read(people: Iterable[int]) -> People:
    """What these people bought, where it went, and what they used. Four queries."""
    people = set(people)
    found = People()
    bought = Order.objects.filter(user__in=people, confirmed_at__isnull=False)
    sums = bought.order_by("user", "currency").values("user", "currency")
    for row in sums.annotate(count=Count("pk"), total=Sum("amount_total")):
        some = "1 order" if row["count"] == 1 else f"{row['count']} orders"
        said = f"{some}, {format_money(row['total'], row['currency'])}"
        found.bought.setdefault(row["user"], []).append(said)
    for row in _addresses(people):
        words = f"{row['street']}, {row['postal_code']} {row['city']}"
        door = doors.door_of(Address(**{each: row[each] for each in _WHERE}))
        _add(found.doors, row["order__user"], Trait(words, door))
    for device in Device.objects.filter(user__in=people).order_by("-seen_at"):
        words = ", ".join(filter(None, (device.agent, device.network)))
        _add(found.browsers, device.user_id, Trait(words, device.token_hash))
    for row in _cards(people):
        person, key = row["order__user"], row["card_hash"]
        if not settings.REFERRAL_CARDS_ARE_PEOPLE:
            key = f"{key} of {person}"  # everybody has that one
        _add(found.cards, person, Trait(row["card"], key))
    return found


def beside(inviter: User, friend: User, found: People, viewer: User) -> list[Line]:
    """The two people line by line, without what this viewer may not see.

    Of many addresses, browsers or cards the one that both have is shown.
    """
    pair = (inviter, friend)
    lines = [
        Line("Joined", *(date_format(each.date_joined, "j F Y") for each in pair)),
        Line("Bought", *(_bought(found, each) for each in pair)),
    ]
    for label, traits, permission in (
        ("Parcels go to", found.doors, "orders.view_order"),
        ("Browser", found.browsers, "referrals.view_device"),
        ("Card", found.cards, "orders.view_payment"),
    ):
        if viewer.has_perm(permission):
            lines.append(_compared(label, traits, *pair))
    return lines


def _addresses(people):
    sent = OrderAddress.objects.filter(
        order__user__in=people, order__confirmed_at__isnull=False
    )
    rows = sent.values("order__user", *_WHERE).annotate(last=Max("order"))
    return rows.order_by("-last")


def _cards(people):
    paid = Payment.objects.filter(order__user__in=people, card_hash__gt="")
    rows = paid.values("order__user", "card", "card_hash").annotate(last=Max("pk"))
    return rows.order_by("-last")


def _add(traits, person, trait):
    known = traits.setdefault(person, [])
    if trait.key and trait.key not in {each.key for each in known}:
        known.append(trait)


def _bought(found, person):
    return "; ".join(found.bought.get(person.pk, [])) or "Nothing yet"


def _compared(label, traits, inviter, friend):
    theirs, own = traits.get(inviter.pk, []), traits.get(friend.pk, [])
    keys = {each.key for each in theirs}
    shared = next((each for each in own if each.key in keys), None)
    if shared:
        other = next(each for each in theirs if each.key == shared.key)
        return Line(label, other.words or "Known", shared.words or "Known", True)
    newest = [each[0].words if each else NOTHING for each in (theirs, own)]
    return Line(label, *newest)
