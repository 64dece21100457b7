"""Buyers, carts, orders, places to send to: whole unless the test says otherwise."""

from itertools import count

from accounts import ledger
from accounts.models import User
from catalog.models import Variant
from orders import carts, checkout, confirmation, payments
from orders.discounts import Basket, Discount
from orders.models import Cart, Order, ShippingMethod, ShippingZone
from shop.kit import guards

Kind = ledger.Kind

ADDRESS = {
    "name": "Ada Lovelace",
    "company": "",
    "street": "12 Analytical Row",
    "city": "Springfield",
    "district": "",
    "region": "IL",
    "postal_code": "62701",
    "country": "US",
}

_numbers = count(1)


def make_user(email="", *, balance=0, currency="USD", **fields) -> User:
    """Somebody with an account, and `balance` minor units to spend."""
    email = email or f"person-{next(_numbers)}@example.com"
    user = User.objects.create_user(email, **fields)
    if balance:
        give(user, balance, currency)
    return user


def give(user, amount, currency="USD", **fields):
    """Put an amount into a person's wallet."""
    return ledger.post(
        key=f"test:{next(_numbers)}",
        debit=(None, Kind.GOODWILL),
        credit=(user, Kind.WALLET),
        amount=amount,
        currency=currency,
        kind="goodwill",
        reason="A present",
        **fields,
    )


def make_zone(
    countries=("US",), *, amount=500, free_from_amount=None, name="", position=0
) -> ShippingMethod:
    """A zone with its one method, which costs `amount`."""
    zone = ShippingZone.objects.create(
        name=name or f"Zone {next(_numbers)}",
        countries=list(countries),
        position=position,
    )
    return ShippingMethod.objects.create(
        zone=zone, name="Standard", amount=amount, free_from_amount=free_from_amount
    )


def make_cart(user: User | None = None, quantities: dict[Variant, int] = ()) -> Cart:
    """A cart of a user, or of a guest, that asks for `{variant: quantity}`."""
    if user:
        cart, _ = Cart.objects.get_or_create(user=user)
    else:
        cart = Cart.objects.create(token_hash=f"guest-{next(_numbers)}")
    for variant, quantity in dict(quantities).items():
        fill(cart, variant, quantity)
    return cart


def make_guest_cart(client, quantities: dict[Variant, int] = ()) -> Cart:
    """A guest's cart that the cookie of this test client opens."""
    token = f"token-{next(_numbers)}"
    cart = Cart.objects.create(token_hash=carts._hash(token))
    client.cookies[carts.COOKIE] = token
    for variant, quantity in dict(quantities).items():
        fill(cart, variant, quantity)
    return cart


def fill(cart, variant, quantity):
    """Ask for a quantity, whatever there is of it."""
    cart.lines.update_or_create(variant=variant, defaults={"quantity": quantity})


def details(*, email="ada@example.com", country="US", **decided) -> checkout.Details:
    """What the customer decided; balance is used as far as it helps."""
    return checkout.Details(email, ADDRESS | {"country": country}, **decided)


def place(cart: Cart, user: User | None = None, **decided) -> Order:
    """Press the button; there is somewhere to deliver to."""
    if not ShippingMethod.objects.exists():
        make_zone()
    user = user or cart.user
    if user:
        decided.setdefault("email", user.email)
    return checkout.place_order(cart, user, details(**decided))


def make_order(user: User | None = None, quantities=None, **decided) -> Order:
    """An order of one lamp that waits for its payment."""
    from catalog.tests.factories import make_variant

    cart = make_cart(user, quantities or {make_variant(amount=5000): 1})
    return place(cart, user, **decided)


def open_session(order: Order) -> str:
    """Send the customer to the card page; the id of the session they are at."""
    payments.start(order)
    return order.payments.get(status="open").session_id


def forget_session(order: Order, session_id: str | None = None) -> None:
    """As if we had crashed before we noted Stripe's answer, or noted another."""
    with guards.lifted():
        order.payments.update(session_id=session_id, session_url="")


def let_go(order: Order) -> None:
    """As if Stripe had said "closed" of a page whose payment was on its way."""
    order.payments.close()
    confirmation.expire_order(order.pk)


def pay(stripe, order: Order) -> list[dict]:
    """Pay by card; every event that tells of it, oldest first, none delivered."""
    known = {event["id"] for event in stripe.events()}
    stripe.pay(open_session(order))
    return [event for event in stripe.events() if event["id"] not in known]


def deliver(client, stripe, event: dict, **options):
    """Post a signed event to the shop's webhook, as Stripe would."""
    body, signature = stripe.signed(event, **options)
    return post_event(client, body, signature)


def post_event(client, body: bytes, signature: str):
    return client.post(
        "/webhooks/stripe/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": signature},
    )


def five_off(basket: Basket) -> Discount | None:
    """A discount provider for tests: five dollars off for members."""
    if not basket.user:
        return None
    return Discount("test.five_off", "welcome", "Welcome", 500)
