"""The same shop in dollars, yen, fils and krónur: amounts fit the card and add up."""

import random
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import ledger
from catalog.admin import VariantForm
from catalog.tests.factories import make_variant
from orders import checkout, refunds
from orders.admin.delivery import MethodForm
from orders.admin.money_back import RefundForm
from orders.discounts import Discount
from orders.models import Order, Payment, Refund
from orders.refunds import Wish
from orders.tests.factories import (
    deliver,
    give,
    make_cart,
    make_order,
    make_user,
    make_zone,
    pay,
    place,
)
from referrals import settlement
from referrals.admin.campaigns import TermsForm
from referrals.models import Terms
from referrals.tests.factories import make_attribution, set_terms
from shop.kit import money
from shop.kit.currencies import about, minimum_charge, step
from shop.kit.money import format_money, to_input

pytestmark = pytest.mark.django_db

in_each = pytest.mark.parametrize("currency", ["USD", "JPY", "KWD", "ISK", "UGX"])
ALL = Wish(everything=True, reason="Sent back")


@pytest.fixture
def open_in(settings, monkeypatch):
    """Open the shop in a currency, with its offer; forms learn it when it starts."""

    def open_shop(currency):
        settings.SHOP_CURRENCY = currency
        for form in (VariantForm, MethodForm, TermsForm):
            for field in form.base_fields.values():
                if isinstance(field, money.MoneyField):
                    monkeypatch.setattr(field, "currency", currency)
        return set_terms(
            currency=currency,
            inviter_amount=about(500, currency),
            friend_amount=about(500, currency),
            minimum_amount=about(2000, currency),
            hold_days=0,
        )

    return open_shop


@pytest.fixture
def settle_up(client, stripe_sandbox):
    """Pay an order by card, every event delivered."""

    def buy(order):
        for event in pay(stripe_sandbox, order) if order.amount_due else []:
            assert deliver(client, stripe_sandbox, event).status_code == 200
        order.refresh_from_db()
        assert order.status == Order.Status.CONFIRMED
        return order

    return buy


def give_back(order, wish):
    return refunds.execute(refunds.plan(order, wish), None)


def heard_by_stripe(stripe):
    """Every amount that Stripe was asked to take or to give back, in order."""
    named = {"checkout.session.completed": "amount_total", "refund.created": "amount"}
    return [
        event["data"]["object"][named[event["type"]]]
        for event in stripe.events()
        if event["type"] in named
    ]


def a_third(basket):
    """A provider that does not know of steps: 33.33 % of the goods."""
    return Discount("test", "third", "A third", money.share(basket.amount_goods, 3333))


@in_each
def test_an_order_charges_and_returns_the_right_amounts(
    client, open_in, settle_up, stripe_sandbox, currency
):
    smallest = step(currency)
    terms = open_in(currency)
    attribution = make_attribution(terms=terms)
    friend = attribution.invitee
    give(friend, about(700, currency), currency)
    make_zone(amount=about(600, currency))
    cup = make_variant(amount=about(1111, currency) + smallest)
    lamp = make_variant(amount=about(4900, currency))

    order = settle_up(place(make_cart(friend, {cup: 3, lamp: 1})))
    settlement.settle(order)

    goods = 3 * cup.amount + lamp.amount
    assert order.currency == currency
    assert order.amount_goods == goods
    assert order.amount_discount == about(500, currency)
    assert order.amount_balance == about(700, currency)
    assert order.amount_due == (
        goods + about(600, currency) - about(500, currency) - about(700, currency)
    )
    session = stripe_sandbox.object("checkout.session", order.payments.get().session_id)
    assert session["currency"] == currency.lower()
    assert session["amount_total"] == order.amount_due
    assert ledger.balance(attribution.inviter, currency) == terms.inviter_amount

    cups, lamps = order.lines.order_by("position")
    made = [
        give_back(order, Wish(pieces=((cups.pk, 1),))),
        give_back(order, Wish(pieces=((cups.pk, 2),))),
        give_back(order, Wish(shipping=True)),
        give_back(order, Wish(amount=smallest)),
        give_back(order, ALL),
    ]

    assert made[0].amount + made[1].amount == cups.amount - cups.amount_discount
    assert sum(refund.amount for refund in made) == order.amount_total
    assert sum(refund.amount_card for refund in made) == order.amount_due
    assert heard_by_stripe(stripe_sandbox) == [
        order.amount_due,
        *(refund.amount_card for refund in made if refund.amount_card),
    ]
    assert all(amount % smallest == 0 for amount in heard_by_stripe(stripe_sandbox))
    client.force_login(friend)
    page = client.get(order.get_absolute_url()).content.decode()
    assert format_money(order.amount_due, currency) in page


@pytest.mark.parametrize("currency", ["KWD", "ISK"])
def test_no_cart_makes_an_amount_that_stripe_would_refuse(
    open_in, settle_up, settings, stripe_sandbox, currency
):
    settings.CHECKOUT_DISCOUNTS = ["orders.tests.test_currencies.a_third"]
    smallest = step(currency)
    open_in(currency)
    make_zone(amount=smallest * 7)
    chance = random.Random(8141)
    total_back = 0
    for _ in range(8):
        shelf = [
            make_variant(amount=smallest * chance.randint(200, 5000))
            for _ in range(chance.randint(1, 4))
        ]
        user = make_user(balance=smallest * chance.randint(1, 3000), currency=currency)
        wanted = {variant: chance.randint(1, 5) for variant in shelf}
        order = settle_up(place(make_cart(user, wanted)))
        assert sum(line.amount_discount for line in order.lines.all()) == (
            order.amount_discount
        )
        for line in order.lines.all():
            pieces = ((line.pk, chance.randint(1, line.quantity)),)
            made = give_back(order, Wish(pieces=pieces))
            total_back += made.amount_card
        rest = refunds.plan(order, ALL)
        total_back += refunds.execute(rest, None).amount_card
        given = order.refunds.all()
        assert sum(refund.amount for refund in given) == order.amount_total
        assert sum(refund.amount_card for refund in given) == order.amount_due

    heard = heard_by_stripe(stripe_sandbox)
    assert len(heard) > 8
    assert [amount for amount in heard if amount % smallest] == []
    assert sum(heard) == 2 * total_back


@in_each
def test_what_balance_leaves_can_be_charged(open_in, currency):
    open_in(currency)
    make_zone(amount=0)
    total = minimum_charge(currency) * 3
    user = make_user(balance=total - step(currency), currency=currency)

    order = place(make_cart(user, {make_variant(amount=total): 1}))

    assert order.amount_due == minimum_charge(currency)
    assert order.amount_balance == total - minimum_charge(currency)


@in_each
def test_a_card_is_asked_for_no_less_than_it_takes(open_in, currency):
    open_in(currency)
    make_zone(amount=0)
    least = minimum_charge(currency)
    too_little = make_variant(amount=least - step(currency))

    with pytest.raises(checkout.TooSmall):
        make_order(make_user(), {too_little: 1})

    assert make_order(make_user(), {make_variant(amount=least): 1}).amount_due == least


def test_a_card_is_asked_for_no_more_than_it_takes(client, open_in):
    open_in("JPY")
    make_zone(amount=0)
    most = make_variant(amount=99_999_999)

    assert make_order(make_user(), {most: 1}).amount_due == 99_999_999
    with pytest.raises(checkout.TooLarge):
        make_order(make_user(), {most: 1, make_variant(amount=1): 1})


def test_a_part_that_a_bank_took_to_the_fils_is_rounded_down(open_in, settle_up):
    open_in("KWD")
    make_zone(amount=0)
    order = settle_up(make_order(make_user(), {make_variant(amount=5000): 1}))
    order.payments.get().disputes.create(
        stripe_id="du_1",
        amount=1234,
        currency="KWD",
        status="lost",
        closed_at=timezone.now(),
    )

    assert refunds.plan(order, ALL).amount_card == 3760


def test_staff_cannot_give_back_what_lies_between_two_steps(open_in, settle_up):
    open_in("KWD")
    order = settle_up(make_order(make_user(), {make_variant(amount=5000): 1}))

    form = RefundForm(order, {"amount": "1.005", "reason": "Late"})
    assert form.errors["amount"] == [
        "Amounts go in steps of KWD\N{NO-BREAK SPACE}0.010: enter 1.000 or 1.010."
    ]
    with pytest.raises(refunds.NotRefundable, match="in steps of KWD"):
        refunds.plan(order, Wish(amount=1005))


def test_the_database_refuses_what_lies_between_two_steps(open_in, settle_up):
    terms = open_in("KWD")
    user = make_user()
    order = settle_up(make_order(user, {make_variant(amount=5000): 1}))
    columns = [
        each.attname for each in Terms._meta.concrete_fields if not each.primary_key
    ]
    copied = {name: getattr(terms, name) for name in columns}
    odd_ones = [
        lambda: give(user, 1005, "KWD"),
        lambda: Payment.objects.create(
            order=order,
            idempotency_key="odd",
            amount=1005,
            currency="KWD",
            session_expires_at=timezone.now() + timedelta(minutes=35),
        ),
        lambda: Refund.objects.create(
            order=order,
            payment=order.payments.get(),
            idempotency_key="odd",
            amount_card=1005,
            amount_left=5000,
            currency="KWD",
            origin="staff",
        ),
        lambda: Terms.objects.create(
            **copied | {"number": terms.number + 1, "friend_amount": 1005}
        ),
        lambda: make_order(make_user(), {make_variant(amount=5005): 1}),
    ]

    for write in odd_ones:
        with pytest.raises(IntegrityError, match="in_steps"), transaction.atomic():
            write()


@pytest.mark.parametrize(
    ("currency", "typed", "amount"),
    [
        ("JPY", "1200", 1200),
        ("JPY", "¥1,200", 1200),
        ("KWD", "12.34", 12_340),
        ("KWD", "KWD 12.340", 12_340),
        ("ISK", "1200", 120_000),
    ],
)
def test_staff_type_prices_as_they_write_them(
    open_in, admin_client, currency, typed, amount
):
    open_in(currency)
    variant = make_variant(amount=about(5000, currency))
    address = reverse("admin:catalog_variant_change", args=[variant.pk])
    form = admin_client.get(address).context["adminform"].form
    assert form["amount"].value() == to_input(variant.amount, currency)
    shown = {name: form[name].value() for name in form.fields}
    posted = {name: value for name, value in shown.items() if value not in (None, [])}
    posted |= {"amount": typed, "is_active": "on", "initial-counted": "10"}

    answer = admin_client.post(address, posted)

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    variant.refresh_from_db()
    assert variant.amount == amount


@pytest.mark.parametrize(
    ("currency", "typed", "said"),
    [
        ("JPY", "12.50", "in steps of ¥1"),
        ("KWD", "12.345", "in steps of KWD\N{NO-BREAK SPACE}0.010"),
        ("ISK", "12.50", "in steps of ISK\N{NO-BREAK SPACE}1:"),
    ],
)
def test_staff_are_told_what_a_price_may_be(open_in, currency, typed, said):
    open_in(currency)
    forms = [
        (VariantForm, "amount"),
        (MethodForm, "amount"),
        (MethodForm, "free_from_amount"),
        (TermsForm, "friend_amount"),
    ]

    for form, field in forms:
        assert said in form({field: typed}).errors[field][0], (form, field)


@pytest.mark.parametrize(
    ("currency", "amount", "printed"),
    [
        ("JPY", 1200, "¥1,200"),
        ("KWD", 12_340, "KWD\N{NO-BREAK SPACE}12.340"),
        ("ISK", 120_000, "ISK\N{NO-BREAK SPACE}1,200"),
    ],
)
def test_pages_print_prices_as_the_currency_writes_them(
    client, open_in, currency, amount, printed
):
    open_in(currency)
    make_zone(amount=0)
    variant = make_variant(amount=amount)
    user = make_user()
    make_cart(user, {variant: 1})
    client.force_login(user)

    for address in (variant.get_absolute_url(), "/cart/", "/checkout/"):
        assert printed in client.get(address).content.decode(), address
