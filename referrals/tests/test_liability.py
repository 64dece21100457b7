"""What is owed equals the ledger to the cent, today and month by month."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission

from accounts import expiry, ledger
from accounts.ledger import Kind
from accounts.models import LedgerAccount, Transfer, User
from orders.models import Dispute
from referrals import liability, settlement
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)

pytestmark = pytest.mark.django_db

MAY = datetime(2036, 5, 10, 12, tzinfo=UTC)
JUNE = datetime(2036, 6, 10, 12, tzinfo=UTC)
PAGE = "/admin/referrals/funnelday/programme/liability/"


def move(debit, credit, amount, key, **more):
    return ledger.post(
        key=key,
        debit=debit,
        credit=credit,
        amount=amount,
        currency=more.pop("currency", "USD"),
        kind="test",
        reason="A test",
        **more,
    )


def take_back(person, amount, key):
    ledger.take_back(
        key=key,
        user=person,
        amount=amount,
        currency="USD",
        reason="Returned",
    )


@pytest.fixture
def two_months(time_machine):
    """May: a reward of 500 paid, one pending, goodwill of 300 that ends in June.

    June: 200 spent, 50 held for an order, the goodwill's rest ran out, 350 taken back;
    the reward's payment is questioned, and 50 more taken back where nothing is left.
    """
    time_machine.move_to(MAY, tick=False)
    anna = make_member("anna@example.com")
    paid = make_attribution(anna, terms=set_terms(hold_days=0))
    order = make_order(paid.invitee, welcome=500)
    settlement.settle(order)
    waits = make_attribution(anna, terms=set_terms(hold_days=14))
    settlement.settle(make_order(waits.invitee))
    wallet, shop = (anna, Kind.WALLET), (None, Kind.GOODWILL)
    move(shop, wallet, 300, "gift", expires_at=JUNE)
    time_machine.move_to(JUNE, tick=False)
    move(wallet, (anna, Kind.HELD), 200, "hold")
    move((anna, Kind.HELD), (None, Kind.SALES), 200, "capture")
    move(wallet, (anna, Kind.HELD), 50, "hold again")
    expiry.end()
    take_back(anna, 350, "back")
    Dispute.objects.create(
        payment=order.payments.get(),
        stripe_id="du_1",
        amount=100,
        currency="USD",
        status="needs_response",
    )
    settlement.settle(order)
    take_back(anna, 50, "back again")
    return anna


def test_todays_position_is_what_the_accounts_hold(two_months):
    (now,) = liability.positions()

    assert (now.currency, now.pending) == ("USD", 500)
    for kind, amount in [
        (Kind.WALLET, now.available),
        (Kind.HELD, now.held),
        (Kind.FROZEN, now.frozen),
        (Kind.OWED, now.owed),
    ]:
        assert amount == ledger.balance(two_months, "USD", kind), kind
    assert (now.available, now.held, now.frozen, now.owed) == (0, 50, 150, 50)
    assert now.drift == 0


def test_the_position_is_the_other_side_of_the_shops_own_accounts(two_months):
    (now,) = liability.positions()

    shop = set(LedgerAccount.Kind) - set(LedgerAccount.PERSONAL)
    together = sum(ledger.shop_balance(kind, "USD") for kind in shop)
    assert now.liability + now.owed == -together


def test_what_runs_out_adds_up_to_the_wallets(time_machine):
    time_machine.move_to(MAY, tick=False)
    anna, ben = make_member(), make_member()
    shop = (None, Kind.GOODWILL)
    move(shop, (anna, Kind.WALLET), 300, "a", expires_at=JUNE)
    move(shop, (ben, Kind.WALLET), 200, "b", expires_at=JUNE)
    move(shop, (ben, Kind.WALLET), 70, "c", expires_at=datetime(2037, 1, 1, tzinfo=UTC))
    move(shop, (ben, Kind.WALLET), 1000, "d")
    move((anna, Kind.WALLET), (None, Kind.SALES), 100, "e")

    (now,) = liability.positions()

    assert now.ends == [(date(2036, 6, 1), 400), (date(2037, 1, 1), 70)]
    assert now.endless == 1000
    assert sum(amount for _, amount in now.ends) + now.endless == now.available


def test_months_lead_from_nothing_to_todays_balance(two_months):
    june, may = liability.months()

    assert (may.opening, may.granted, may.goodwill, may.closing) == (0, 500, 300, 800)
    assert may.discounts == -500
    assert june.opening == 800
    assert (june.spent, june.expired, june.reversed) == (-200, -50, -350)
    assert (june.other, june.closed, june.claims) == (0, 0, 50)
    (now,) = liability.positions()
    assert june.closing == now.liability
    assert june.claims + may.claims == now.owed


def test_each_currency_stands_for_itself(two_months):
    move((None, Kind.GOODWILL), (make_member(), Kind.WALLET), 90, "eur", currency="EUR")

    eur, usd = liability.positions()

    assert (eur.currency, eur.available, eur.pending) == ("EUR", 90, 0)
    assert usd.available == 0
    assert {line.currency: line.closing for line in liability.months()[:2]} == {
        "EUR": 90,
        "USD": usd.liability,
    }


@pytest.mark.cooked_books
def test_an_account_that_is_off_shows(two_months):
    from shop.kit import guards

    with guards.lifted():
        LedgerAccount.objects.filter(kind=Kind.HELD).update(balance=49)

    assert liability.positions()[0].drift == 1


def test_a_month_is_the_shops_own(settings, time_machine):
    from django.utils import timezone

    settings.TIME_ZONE = "Pacific/Auckland"
    timezone.get_default_timezone.cache_clear()
    try:
        time_machine.move_to(datetime(2036, 4, 30, 23, tzinfo=UTC), tick=False)
        move((None, Kind.GOODWILL), (make_member(), Kind.WALLET), 90, "late")
        (line,) = liability.months()
    finally:
        timezone.get_default_timezone.cache_clear()

    assert f"{line.month:%Y-%m}" == "2036-05"


@pytest.fixture
def boss(client):
    user = User.objects.create_superuser("boss@example.com", "x")
    client.force_login(user)
    return user


def test_the_page_shows_what_is_owed(client, two_months, boss):
    html = client.get(PAGE).content.decode()

    assert "$2.00 owed to members" in html
    assert "Off from the ledger" in html
    assert "figure--bad" not in html


def test_the_page_asks_no_more_for_more_people(client, two_months, boss):
    client.get(PAGE)
    with counted() as few:
        client.get(PAGE)
    for number in range(5):
        move((None, Kind.GOODWILL), (make_member(), Kind.WALLET), 90, f"key {number}")

    with counted() as many:
        client.get(PAGE)

    assert len(many.own) == len(few.own) <= 12


def test_a_shop_that_owes_nothing_says_so(client, boss):
    assert "Nothing has been promised" in client.get(PAGE).content.decode()


def test_the_file_has_numbers_and_is_written_down(client, two_months, boss):
    file = client.post(f"{PAGE}export/").getvalue().decode()

    june, may = csv.DictReader(file.splitlines())
    assert (june["Month"], june["Spent"], may["Granted"]) == (
        "2036-06",
        "-2.00",
        "5.00",
    )
    assert "Liability by month" in LogEntry.objects.get(user=boss).change_message
    assert Transfer.objects.exists()


def test_what_is_owed_today_is_a_file_too(client, two_months, boss):
    file = client.post(f"{PAGE}today/export/").getvalue().decode()

    rows = list(csv.DictReader(file.splitlines()))
    owed = [r for r in rows if r["What"] in ("Available", "In open orders", "On hold")]
    assert sum(Decimal(row["Amount"]) for row in owed) == Decimal("2.00")
    assert [row["What"] for row in rows] == [
        "Pending",
        *(["Available"] * len([row for row in rows if row["Runs out in"]])),
        "In open orders",
        "On hold",
        "Owed by members",
        "Off from the ledger",
    ]
    assert "Liability today" in LogEntry.objects.get(user=boss).change_message


def test_columns_without_an_amount_are_left_to_the_file(client, two_months, boss):
    labels = list(client.get(PAGE).context["labels"])

    assert {"Granted", "Spent", "Closing"} <= set(labels)
    assert "Opening" not in labels
    assert "Closed accounts" not in labels


def test_the_page_is_for_those_who_may_see_the_accounts(client):
    user = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    client.force_login(user)
    user.user_permissions.set(Permission.objects.filter(codename="view_funnelday"))
    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}export/").status_code == 403
