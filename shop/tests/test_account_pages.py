import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import expiry, ledger, statements
from catalog.tests.factories import make_product, make_variant
from orders import confirmation
from orders.tests.factories import (
    give,
    make_cart,
    make_guest_cart,
    make_order,
    make_user,
    make_zone,
)
from referrals import settlement, terms
from referrals.models import Campaign
from referrals.tests.afterwards import dispute, give_back, spend
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_visit,
    make_visitor,
)
from referrals.tests.factories import make_order as paid_order

pytestmark = pytest.mark.django_db

PAGES = ["accounts:home", "accounts:orders", "accounts:balance"]


@pytest.fixture
def anna(client):
    anna = make_user("anna@example.com", name="Anna Lindqvist")
    client.force_login(anna)
    return anna


def page(client, name):
    response = client.get(reverse(name))
    assert response.status_code == 200
    return response.content.decode()


def owe(person, amount):
    ledger.post(
        key="test:owed",
        debit=(None, ledger.Kind.PROGRAMME_COST),
        credit=(person, ledger.Kind.OWED),
        amount=amount,
        currency="USD",
        kind="owed",
        reason="Taken back",
    )


def queries_of(client, name):
    page(client, name)  # the first look makes the member's link
    with CaptureQueriesContext(connection) as seen:
        page(client, name)
    ignored = ("django_session", '"accounts_user"."id" = ', "shop_cache")
    return [
        query["sql"]
        for query in seen
        if not any(word in query["sql"] for word in ignored)
    ]


@pytest.mark.parametrize("name", PAGES)
def test_strangers_are_asked_to_sign_in(client, name):
    response = client.get(reverse(name))

    assert response.url == f"{reverse('account_login')}?next={reverse(name)}"


@pytest.mark.parametrize("name", PAGES)
def test_a_fresh_member_sees_kind_words_instead_of_empty_lists(client, anna, name):
    html = page(client, name)

    assert "None" not in html
    assert any(
        words in html
        for words in ("Your first order", "No orders yet.", "Nothing has moved yet.")
    )


def test_the_account_shows_link_balance_orders_and_who_i_am(client, anna):
    give(anna, 1500)
    order = make_order(anna, balance=0)

    html = page(client, "accounts:home")

    assert "Hello, Anna" in html
    assert "/r/" in html
    assert "$15.00" in html
    assert order.spoken_code in html
    assert "Waiting for payment" in html
    assert "anna@example.com" in html
    assert f'method="post" action="{reverse("account_logout")}"' in html


def test_the_account_costs_the_same_few_queries_however_long_its_history(client, anna):
    make_order(anna, balance=0)
    few = queries_of(client, "accounts:home")

    for _ in range(4):
        anna.cart.orders.update(cart=None)
        lamp = make_product("Lamp", images=2).variants.get()
        make_order(anna, {lamp: 1, make_variant(): 2}, balance=0)
    many = queries_of(client, "accounts:home")

    assert len(few) <= 8, few
    assert len(many) == len(few), many


def test_the_history_has_pages_at_a_fixed_cost(client, anna):
    for _ in range(12):
        make_order(anna, balance=0)
        anna.cart.orders.update(cart=None)

    html = page(client, "accounts:orders")

    assert html.count("order-row") == 10
    assert "?page=2" in html
    assert len(queries_of(client, "accounts:orders")) <= 5
    for number in ("2", "99", "-1", "x", "", "9" * 400):
        response = client.get(reverse("accounts:orders"), {"page": number})
        assert response.status_code == 200


def test_others_orders_are_in_no_list(client, anna):
    others = make_order(make_user(), balance=0)

    assert others.spoken_code not in page(client, "accounts:orders")
    assert others.spoken_code not in page(client, "accounts:home")


def test_the_balance_tells_every_movement_and_what_it_came_to(client, anna):
    give(anna, 1500)
    order = make_order(anna, {make_variant(amount=5000): 1}, balance=800)
    confirmation.cancel_order(order.pk, reason="You changed your cart")

    html = page(client, "accounts:balance")

    assert "+$15.00" in html
    assert "−$8.00" in html
    assert "$7.00" in html
    assert "Returned to you" in html
    assert html.count(order.get_absolute_url()) == 2


def test_the_balance_says_what_is_owed(client, anna):
    owe(anna, 300)

    html = page(client, "accounts:balance")

    assert "Owed back" in html
    assert "$3.00" in html


def test_what_is_owed_can_be_followed_line_by_line(client, moved):
    anna, *_ = moved

    html = page(client, "accounts:balance")

    owed = statements.of(anna, "USD", ledger.Kind.OWED)
    assert [int(pk) for pk in re.findall(r'<tr id="owed-(\d+)">', html)] == [
        line.pk for line in owed
    ]
    assert owed[0].balance_after == ledger.balance(anna, "USD", ledger.Kind.OWED)
    assert len(re.findall(r'id="([^"]+)"', html)) == len(
        set(re.findall(r'id="([^"]+)"', html))
    )


def test_the_account_says_that_what_is_earned_next_pays_a_debt(client, anna):
    assert "pays for that first" not in page(client, "accounts:home")
    owe(anna, 300)

    html = page(client, "accounts:home")

    assert "$3.00 was taken back after you had spent it" in html


def test_the_balance_says_how_much_of_it_ends_and_when(client, anna):
    give(anna, 700)
    assert "Ends on" not in page(client, "accounts:balance")
    for amount, day in ((200, 1), (300, 1), (900, 2)):
        ends = datetime(2031, 5, day, tzinfo=UTC)
        give(anna, amount, expires_at=ends)

    html = page(client, "accounts:balance")

    assert re.search(r"<dt>Ends on 1 May 2031</dt>\s*<dd>\$5.00</dd>", html)


def test_the_balance_costs_few_queries(client, anna):
    for _ in range(20):
        give(anna, 100)

    assert len(queries_of(client, "accounts:balance")) <= 8


def test_an_invited_guest_reads_in_the_cart_what_joining_gives(client):
    make_zone()
    make_guest_cart(client, {make_variant(): 1})
    make_visit(make_visitor(client))

    html = client.get(reverse("orders:cart")).content.decode()

    assert "Join before you pay" in html
    way = re.search(r'href="([^"]+)">Join before you pay', html)[1]
    assert way.startswith(reverse("account_signup"))
    assert way.endswith(f"&amp;next={reverse('orders:checkout')}")


def test_an_invited_member_reads_the_gift_instead(client, anna):
    make_zone()
    make_cart(anna, {make_variant(): 1})
    make_visit(make_visitor(client))

    html = client.get(reverse("orders:cart")).content.decode()

    assert "Join before you pay" not in html


# Every line of the balance leads to what brought it about


@pytest.fixture
def moved(client, time_machine):
    """A balance in which everything has moved that can, and who was behind it."""
    anna = make_member("anna@example.com")
    client.force_login(anna)
    offer = terms.publish(
        Campaign.objects.get(is_default=True),
        hold_days=0,
        credit_days=30,
        milestones={1: 1500},
    )
    first = make_attribution(anna, terms=offer)
    sale = paid_order(first.invitee)
    settlement.settle(sale)
    question = dispute(sale, "needs_response")
    settlement.settle(sale)
    question.status, question.closed_at = "won", timezone.now()
    question.save()
    settlement.settle(sale)
    own = make_order(anna, {make_variant(amount=5000): 1}, balance=800)
    confirmation.cancel_order(own.pk, reason="You changed your cart")
    spend(anna, 1200)
    give_back(sale, 5000)
    settlement.settle(sale)
    give(anna, 100)
    second = make_attribution(anna, terms=offer)
    settlement.settle(paid_order(second.invitee))
    time_machine.move_to(timezone.now() + timedelta(days=40))
    expiry.end()
    client.force_login(anna)
    return anna, first, second, own


def test_every_line_of_the_balance_leads_to_its_cause(client, moved):
    anna, first, second, own = moved

    html = page(client, "accounts:balance")

    rows = re.findall(r'<tr id="line-(\d+)">(.*?)</tr>', html, re.DOTALL)
    led = {int(pk): re.findall(r'href="([^"]+)"', row) for pk, row in rows}
    lines = {line.pk: line for line in statements.of(anna, "USD")}
    assert set(led) == set(lines)
    ways = {}
    for pk, urls in led.items():
        assert len(urls) == 1, lines[pk]
        ways.setdefault(lines[pk].kind, set()).update(urls)
    friends = {reverse("referrals:friend", args=[each.pk]) for each in (first, second)}
    both = f"{reverse('referrals:invite')}#friends"
    assert ways.pop("goodwill") == {reverse("page", args=["contact"])}
    ended = ways.pop("expiry")
    assert ended <= {f"#line-{pk}" for pk in lines}
    assert ways["reward"] == {*friends, both}
    assert ways["freeze"] == ways["thaw"] == {min(friends)}
    assert ways["clawback"] == {min(friends), both}
    of_lines = {f"#line-{pk}" for pk in lines}
    assert ways["repayment"] <= {*friends, both, *of_lines}
    assert ways["spend"] >= {own.get_absolute_url()}
    assert set(ways) >= {
        *["reward", "freeze", "thaw", "clawback", "repayment", "spend", "return"]
    }


@pytest.mark.usefixtures("moved")
def test_the_causes_cost_the_same_however_many_lines(client):
    assert len(queries_of(client, "accounts:balance")) <= 10
