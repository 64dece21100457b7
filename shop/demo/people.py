"""The people of the demo: one with a history, one fresh, one who runs the shop.

They do what customers do, through the same verbs and over the same HTTP: orders are
placed, paid on the sandbox's card page and confirmed by its signed webhooks. So the
demo's books are true to the cent, and the first thing that a newcomer sees has been
through the whole machine.
"""

from dataclasses import dataclass
from datetime import timedelta

import requests
from allauth.account.models import EmailAddress
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from orders import buying, carts, checkout, payments
from orders.models import Cart
from referrals import attributions, links, terms
from referrals.models import Campaign, Visit, Visitor
from shop.demo import opening
from shop.kit import jobs

PASSWORD = "tandem-demo"


@dataclass(frozen=True)
class Person:
    what: str
    email: str
    name: str
    shows_name: bool = True


CUSTOMER = Person("Customer with history", "anna@tandem.example", "Anna Lindqvist")
MEMBER = Person("Fresh member", "jonas@tandem.example", "Jonas Weber", shows_name=False)
STAFF = Person("Staff", "staff@tandem.example", "Robin Staff")
CAST = (CUSTOMER, MEMBER, STAFF)

_FRIEND = Person("Friend who bought", "ben@tandem.example", "Ben Karlsen")
_QUIET_FRIEND = Person("Friend who joined", "noor@tandem.example", "Noor Haddad", False)

_HOME = {
    "name": "Anna Lindqvist",
    "company": "",
    "street": "214 Alder Street",
    "city": "Portland",
    "district": "",
    "region": "ME",
    "postal_code": "04101",
    "country": "US",
}


def load() -> None:
    """Bring the people in and let them live their story, once."""
    if User.objects.filter(email=STAFF.email).exists():
        return
    _pay_at_once()
    customer = _join(CUSTOMER, days_ago=120)
    link = links.default_link(customer)
    friend = _join(_FRIEND, days_ago=9, through=link)
    _join(_QUIET_FRIEND, days_ago=3, through=link)
    _open(link, days_ago=1)
    _join(MEMBER, days_ago=2)
    with opening.shop_open():
        _buy(customer, {"TG-TRN-MOSS": 1, "TG-FOL-INK": 2})
        _buy(friend, {"TG-DUN-CLAY": 2})
        jobs.run_due()
    # Last, so that a start that was interrupted begins anew with what is missing.
    User.objects.create_superuser(STAFF.email, PASSWORD, name=STAFF.name)
    _verify(User.objects.get(email=STAFF.email))


def _pay_at_once():
    """No hold in the demo: the story is visible the moment it happens."""
    campaign = Campaign.objects.get(is_default=True)
    if terms.newest(campaign, settings.SHOP_CURRENCY).hold_days:
        terms.publish(campaign, hold_days=0)


def _join(person, *, days_ago, through=None):
    known = User.objects.filter(email=person.email).first()
    if known:
        return known
    joined = timezone.now() - timedelta(days=days_ago)
    user = User.objects.create_user(
        person.email,
        PASSWORD,
        name=person.name,
        shows_name=person.shows_name,
        date_joined=joined,
    )
    _verify(user)
    if through:
        attributions.attribute(user, _open(through, days_ago=days_ago + 1))
        attributions.activate(user)
    return user


def _verify(user):
    EmailAddress.objects.create(
        user=user, email=user.email, verified=True, primary=True
    )


def _open(link, *, days_ago):
    """A browser that opened the link some days ago."""
    moment = timezone.now() - timedelta(days=days_ago)
    visitor, is_new = Visitor.objects.get_or_create(
        token_hash=f"demo-{link.pk}-{days_ago}",
        defaults={"created_at": moment, "confirmed_at": moment},
    )
    if is_new:
        bucket = moment.replace(
            minute=moment.minute // 30 * 30, second=0, microsecond=0
        )
        Visit.objects.create(
            visitor=visitor, link=link, bucket=bucket, first_at=moment, last_at=moment
        )
    return visitor


def _buy(user, wishes):
    if user.orders.exists():
        return
    cart, _ = Cart.objects.get_or_create(user=user)
    for sku, quantity in wishes.items():
        carts.add(cart, sku, quantity)
    address = _HOME | {"name": user.name}
    order = buying.place(cart, user, checkout.Details(user.email, address))
    buying.keep_address(user, address)
    card = {"number": "4242424242424242", "expiry": "12 / 34", "cvc": "123"}
    # The page waits for the webhook's answer; where it leads afterwards is nobody's
    # way.
    requests.post(
        payments.start(order),
        data=card | {"name": user.name},
        allow_redirects=False,
        timeout=30,
    ).raise_for_status()
