"""What staff do with the offer: its terms over the months, campaigns, a budget."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from catalog.models import Category
from referrals import breaker, budgets, canaries, links, terms
from referrals.models import Campaign, ReferralLink, ReleasePause
from shop.demo import people
from shop.demo.friends.coming import come, known, person
from shop.demo.story import OPENED, Calendar, Scene
from shop.kit.currencies import about

LEE = people.Person(
    "Staff, a second one",
    "lee@tandem.example",
    "Lee Park",
    is_staff=True,
    shows="what takes two people",
)
STALL, STALL_OPENED = "Market stall", 60
_ELLEN = person("Ellen Brandt", "ellen@brandt.example")


def scenes(calendar: Calendar) -> list[Scene]:
    return [
        _colleague(calendar),
        _terms(calendar),
        _stall(calendar),
        _fair(calendar),
        _budget(calendar),
        _pause(calendar),
    ]


def dollars(cents: int) -> int:
    """About so much in the shop's own currency."""
    return about(cents, settings.SHOP_CURRENCY)


@contextmanager
def meanwhile(**other) -> Iterator[None]:
    """The shop runs with other settings for a while."""
    usual = {name: getattr(settings, name) for name in other}
    try:
        for name, value in other.items():
            setattr(settings, name, value)
        yield
    finally:
        for name, value in usual.items():
            setattr(settings, name, value)


def robin() -> User:
    return known(people.STAFF)


def _colleague(calendar):
    yield calendar.day(OPENED, 8, 30)
    people.join(LEE)
    canaries.plant()


def _terms(calendar):
    """A share of the order at first, then a fixed amount, and now one paid at once."""
    yield calendar.day(OPENED, 9)
    friends = Campaign.objects.get(is_default=True)
    friends.starts_at = timezone.now()
    friends.save(update_fields=["starts_at"])
    terms.publish(
        friends,
        inviter_amount=0,
        inviter_basis_points=1000,
        inviter_most_amount=dollars(7500),
        orders_count=2,
        first_means="qualifying",
        credit_days=30,
    )
    yield calendar.day(45, 6)
    terms.publish(
        friends,
        inviter_amount=dollars(500),
        inviter_basis_points=0,
        inviter_most_amount=None,
        orders_count=1,
        first_means="any",
        credit_days=180,
        cap_per_day=2,
        milestones={3: dollars(1000), 10: dollars(2500)},
        excluded=[Category.objects.get(path="lighting/candles-holders")],
    )
    yield calendar.day(6, 9)
    terms.publish(friends, hold_days=0, credit_days=None, cap_per_day=None, excluded=[])


def _stall(calendar):
    """A campaign of the shop's own: its links have no owner, and nobody earns."""
    yield calendar.day(STALL_OPENED, 11)
    stall = _campaign(STALL, touch="last", visit_days=14)
    poster = _link(stall, label="Poster at the stall", path="/c/kitchen-table/")
    _link(stall, label="Leaflet of last autumn", expires_at=calendar.day(30, 0))
    tote = _link(stall, label="Tote bags")
    yield from come(calendar.day(38, 14), _ELLEN, poster, "qr")
    yield calendar.day(12, 9)
    links.end(tote)


def _fair(calendar):
    """One campaign that is over, and one that is to come and paused until then."""
    yield calendar.day(50, 9)
    letters = _campaign("Letters of spring", ends_at=calendar.day(20, 0))
    _link(letters, label="Letter to old customers")
    yield calendar.day(4, 9)
    fair = _campaign("Design fair", paused_at=timezone.now())
    _link(fair, label="Stand B12", active_from=calendar.day(-14, 8))
    budgets.set_limit(fair, settings.SHOP_CURRENCY, dollars(50_000))


def _budget(calendar):
    """A budget that was too small for some days: used up when a friend bought."""
    yield calendar.day(24, 9)
    friends, currency = Campaign.objects.get(is_default=True), settings.SHOP_CURRENCY
    promised = budgets.committed(friends.pk, currency)
    budgets.set_limit(friends, currency, promised + dollars(600))
    yield calendar.day(21, 9)
    budgets.set_limit(friends, currency, dollars(200_000))


def _pause(calendar):
    """The breaker stood low for a night; releases waited for somebody to look."""
    yield calendar.day(14, 23, 30)
    with meanwhile(REFERRAL_RELEASES_AN_HOUR=2):
        yield calendar.day(13, 8, 30)
    breaker.end(
        ReleasePause.objects.get(is_standing=True),
        actor=robin(),
        reason="Four friends of one member bought on one day: looked at, all fine",
    )


def _campaign(name, **fields):
    rules = {"touch": fields.pop("touch", "first")}
    rules["visit_days"] = fields.pop("visit_days", 30)
    made = Campaign.objects.create(name=name, **fields)
    terms.publish(
        made,
        currency=settings.SHOP_CURRENCY,
        inviter_amount=0,
        friend_amount=dollars(500),
        minimum_amount=dollars(2000),
        **rules,
    )
    return made


def _link(campaign, **fields):
    return links.for_campaign(ReferralLink(campaign=campaign, **fields))
