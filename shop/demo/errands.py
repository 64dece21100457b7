"""What the demo's people, its staff and their banks do, each by the shop's own verb.

Whatever a card pays is paid on the sandbox's page and confirmed by its signed webhook,
so Stripe's books know of every cent, and staff can refund any order of the demo.
"""

import requests

from accounts.models import User
from orders import buying, carts, checkout, payments, refunds
from orders.models import Cart, Order, Refund
from shop.demo import opening
from shop.sandbox import conf
from shop.sandbox.stripe import acts, store

CARD = "4242424242424242"

# Everybody lives at a door of their own, in one of these towns.
_TOWNS = [
    ("Portland", "ME", "04101"),
    ("Burlington", "VT", "05401"),
    ("Madison", "WI", "53703"),
    ("Asheville", "NC", "28801"),
    ("Santa Fe", "NM", "87501"),
    ("Eugene", "OR", "97401"),
    ("Duluth", "MN", "55802"),
    ("Savannah", "GA", "31401"),
]
_STREETS = ["Alder Street", "Harbor Road", "Mill Lane", "Orchard Avenue", "Quay Street"]


def home(name: str, number: int) -> dict[str, str]:
    """An address; another number is another door."""
    city, region, postal_code = _TOWNS[number % len(_TOWNS)]
    return {
        "name": name,
        "company": "",
        "street": f"{100 + 7 * number} {_STREETS[number % len(_STREETS)]}",
        "city": city,
        "district": "",
        "region": region,
        "postal_code": postal_code,
        "country": "US",
    }


def buy(user: User, wishes: dict[str, int], *, card: str = CARD, **how) -> Order:
    """One order, paid by card; see `order_of`."""
    return pay(order_of(user, wishes, **how), card)


def order_of(
    user: User, wishes: dict[str, int], *, balance: int = 0, door: int = 0
) -> Order:
    """An order of so many pieces of each SKU that waits for the card's part.

    `balance` is the most to use of it. The parcel goes to the buyer's own door, or to
    another number.
    """
    cart, _ = Cart.objects.get_or_create(user=user)
    fill(cart, wishes)
    address = home(user.name, door or user.pk)
    buying.keep_address(user, address)
    return buying.place(cart, user, checkout.Details(user.email, address, balance))


def fill(cart: Cart, wishes: dict[str, int]) -> None:
    for sku, quantity in wishes.items():
        carts.add(cart, sku, quantity)


def pay(order: Order, card: str = CARD) -> Order:
    """Fill in the page at Stripe; its news have arrived when this returns."""
    if order.amount_due:
        requests.post(
            payments.start(order),
            data={
                "number": card,
                "expiry": "12 / 34",
                "cvc": "123",
                "name": order.address.name,
                "email": order.email,
            },
            # The page leads back to the shop, where nobody goes.
            allow_redirects=False,
            timeout=30,
        ).raise_for_status()
        opening.hear()
    order.refresh_from_db()
    return order


def give_back(order: Order, actor: User, **wish) -> Refund:
    """Refund what `refunds.Wish` says, by staff or by the buyer."""
    own = Refund.Origin.CUSTOMER if actor == order.user else Refund.Origin.STAFF
    made = refunds.execute(refunds.plan(order, refunds.Wish(**wish)), actor, own)
    opening.hear()
    return made


def at_the_bank(order: Order, verb: str) -> None:
    """What a bank does about an order's payment: `dispute`, `win`, `lose`, `warn`."""
    payment = order.payments.get(paid_at__isnull=False)
    with store.transaction(conf.from_settings()) as tx:
        charge = store.get(tx, "payment_intent", payment.intent_id)["latest_charge"]
        dispute = payment.disputes.order_by("-pk").first()
        about = dispute.stripe_id if verb in ("win", "lose") else charge
        acts.do(tx, verb, about)
    opening.hear()
