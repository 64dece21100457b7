"""The people of the demo: one with a history, one fresh, one who runs the shop.

They do what customers do, through the same verbs and over the same HTTP: orders are
placed, paid on the sandbox's card page and confirmed by its signed webhooks. So the
demo's books are true to the cent, and the first thing that a newcomer sees has been
through the whole machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import requests
from allauth.account.models import EmailAddress
from django.apps import apps
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from orders import buying, carts, checkout, payments
from orders.models import Cart
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


def load(say: Callable[[str], None]) -> None:
    """Bring the people in and let them live their story, once."""
    if User.objects.filter(email=STAFF.email).exists():
        return
    say("Letting the demo's people shop …")
    customer = join(CUSTOMER, days_ago=120)
    join(MEMBER, days_ago=2)
    with opening.shop_open():
        buy(customer, {"TG-TRN-MOSS": 1, "TG-FOL-INK": 2})
        # A shop without the referral programme has a demo, too.
        if apps.is_installed("referrals"):
            from shop.demo import friends

            friends.load(customer)
        jobs.run_due()
    # Last, so that a start that was interrupted begins anew with what is missing.
    with transaction.atomic():
        staff = User.objects.create_superuser(STAFF.email, PASSWORD, name=STAFF.name)
        _verify(staff)


def join(person: Person, *, days_ago: int) -> User:
    """A member who signed up some days ago; the one we know, when loaded again."""
    known = User.objects.filter(email=person.email).first()
    if known:
        return known
    with transaction.atomic():
        user = User.objects.create_user(
            person.email,
            PASSWORD,
            name=person.name,
            shows_name=person.shows_name,
            date_joined=timezone.now() - timedelta(days=days_ago),
        )
        _verify(user)
    return user


def _verify(user):
    EmailAddress.objects.create(
        user=user, email=user.email, verified=True, primary=True
    )


def buy(user: User, wishes: dict[str, int]) -> None:
    """One order, paid by card, of so many pieces of each SKU; nobody buys twice."""
    if user.orders.exists():
        return
    cart, _ = Cart.objects.get_or_create(user=user)
    for sku, quantity in wishes.items():
        carts.add(cart, sku, quantity)
    address = _HOME | {"name": user.name}
    order = buying.place(cart, user, checkout.Details(user.email, address))
    buying.keep_address(user, address)
    card = {"number": "4242424242424242", "expiry": "12 / 34", "cvc": "123"}
    # The page waits for the webhook's answer; nobody goes where it leads afterwards.
    requests.post(
        payments.start(order),
        data=card | {"name": user.name},
        allow_redirects=False,
        timeout=30,
    ).raise_for_status()
