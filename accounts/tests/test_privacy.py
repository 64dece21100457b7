import json

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from accounts import ledger, privacy
from accounts.ledger import Kind
from accounts.models import Address, Transfer, User
from orders.models import Order
from orders.tests.factories import give
from referrals.models import Activity, Attribution, Claim, FormerCustomer, Reward
from referrals.settlement import settle
from referrals.tests.factories import (
    PASSWORD,
    make_attribution,
    make_link,
    make_member,
    make_order,
    make_rows,
    make_visitor,
    set_terms,
)

pytestmark = pytest.mark.django_db


def sign_in(client, user):
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})


def close(client, left="", **fields):
    form = {"left": left, "understood": "on", **fields}
    return client.post("/account/privacy/close/", form)


@pytest.fixture
def anna(client):
    anna = make_member("anna@example.com", name="Anna Berg")
    sign_in(client, anna)
    return anna


def test_members_find_the_way_to_their_data(client, anna):
    page = client.get("/account/privacy/").content.decode()

    assert "/account/privacy/export/" in page
    assert "/account/privacy/close/" in page


@pytest.mark.parametrize("has_password", [True, False], ids=["password", "provider"])
def test_members_say_whether_friends_may_read_their_name(client, has_password):
    inviter = make_member(days_ago=200)
    ben = make_member("ben@example.com", name="Ben Karlsen", shows_name=True)
    if not has_password:
        ben.set_unusable_password()
        ben.save()
    make_attribution(inviter, ben)
    client.force_login(ben)
    assert "/account/invite/name/" in client.get("/account/privacy/").content.decode()

    client.post("/account/invite/name/", {"name": "Ben Karlsen"})

    assert "Friends read “A friend” for you." in (
        client.get("/account/privacy/").content.decode()
    )
    client.force_login(inviter)
    assert "Ben" not in client.get("/account/invite/").content.decode()


@pytest.mark.parametrize("page", ["export", "close"])
def test_who_only_found_the_screen_unlocked_is_asked_for_the_password(page):
    client = Client()
    client.force_login(make_member())

    response = client.get(f"/account/privacy/{page}/")

    assert response.url.startswith("/accounts/reauthenticate/")


def test_the_file_holds_what_we_know_and_nobody_else(client, anna):
    give(anna, 700)
    friend = make_attribution(anna, make_member("ben@example.com", name="Ben Karlsen"))
    make_order(friend.invitee)
    make_order(anna)

    response = client.get("/account/privacy/export/")

    told = json.loads(response.content)
    assert "attachment" in response["Content-Disposition"]
    assert told["account"]["email"] == "anna@example.com"
    assert [line["amount"] for line in told["balance"]] == [700]
    assert len(told["orders"]) == 1
    assert told["friends"][0]["status"] == "active"
    assert "ben" not in response.content.decode().lower()
    assert "Karlsen" not in response.content.decode()


def test_the_file_tells_what_is_owed_and_why(client, anna):
    give(anna, 700)
    ledger.take_back(
        key="test:back", user=anna, amount=900, currency="USD", reason="Came back"
    )

    told = json.loads(client.get("/account/privacy/export/").content)

    assert [line["amount"] for line in told["balance"]] == [-700, 700]
    (owed,) = told["owed"]
    assert (owed["amount"], owed["owed_after"], owed["reason"]) == (
        200,
        200,
        "Came back",
    )


def test_nothing_that_names_a_person_is_left(client, anna):
    Address.objects.create(user=anna, name="Anna Berg", street="Elm 1", country="DE")

    response = close(client)

    assert response.url == "/"
    anna.refresh_from_db()
    assert (anna.name, anna.is_active, anna.is_closed) == ("", False, True)
    assert "anna" not in anna.email
    assert not anna.has_usable_password()
    assert not EmailAddress.objects.filter(email="anna@example.com").exists()
    assert not Address.objects.exists()
    assert client.get("/account/").status_code == 302


def test_a_box_left_open_closes_nothing(client, anna):
    response = client.post("/account/privacy/close/", {"left": ""})

    assert response.status_code == 422
    assert User.objects.get(pk=anna.pk).is_active


def test_a_balance_is_given_up_only_after_it_was_shown(client, anna):
    give(anna, 700)

    assert "You lose your balance of $7.00" in (
        client.get("/account/privacy/close/").content.decode()
    )
    assert close(client, left="").status_code == 422
    assert ledger.balance(anna, "USD") == 700

    assert close(client, left="USD:700").status_code == 302
    assert ledger.balance(anna, "USD") == 0
    assert ledger.shop_balance(Kind.CLOSED, "USD") == 700


def test_credit_on_its_way_is_named_before_it_is_lost(client, anna):
    order = make_order(make_attribution(anna).invitee)
    settle(order)

    page = client.get("/account/privacy/close/").content.decode()

    assert "$5.00 is on its way to you." in page
    assert "It does not come once the account is closed." in page
    assert close(client).status_code == 302
    settle(order)
    assert ledger.balance(anna, "USD") == 0


def test_without_credit_on_its_way_nothing_is_said_of_it(client, anna):
    assert "on its way" not in client.get("/account/privacy/close/").content.decode()


def test_the_file_tells_every_way_in_which_we_know_somebody(client, anna):
    set_terms(hold_days=0)
    inviter = make_member(days_ago=200)
    order = make_order(anna)
    make_attribution(inviter, anna)
    make_rows(make_attribution(anna), order, make_member(is_staff=True), 1)
    visitor = make_visitor(user=anna)
    Activity.objects.create(visitor=visitor, step="paid", bucket=timezone.now())
    Claim.objects.create(
        invitee=anna,
        link=make_link(inviter),
        won=True,
        reason="first_touch",
        note="Ben rang us",
        touched_at=timezone.now(),
    )

    told = json.loads(client.get("/account/privacy/export/").content)

    assert told["claims"][0]["reason"] == "first_touch"
    assert told["steps"][0]["step"] == "paid"
    assert told["milestones"][0]["amount"] == 500
    assert told["orders_by_a_link"][0]["order__code"] == order.code
    assert "asked_not_before" in told["choices"][0]
    assert "Ben" not in json.dumps(told)


def test_a_balance_that_grew_meanwhile_is_not_given_up(anna):
    give(anna, 700)

    with pytest.raises(privacy.BalanceChanged):
        privacy.close(anna, gives_up={"USD": 500})

    assert User.objects.get(pk=anna.pk).is_active
    assert ledger.balance(anna, "USD") == 700


def test_an_order_that_waits_for_its_payment_has_to_end_first(client, anna):
    give(anna, 700)
    ledger.post(
        key="order:0:hold",
        debit=(anna, Kind.WALLET),
        credit=(anna, Kind.HELD),
        amount=200,
        currency="USD",
        kind="spend",
        reason="Spent",
    )

    with pytest.raises(privacy.NotYet, match="waits for its payment"):
        privacy.close(anna, gives_up={"USD": 500})


def test_staff_do_not_close_their_own_account():
    with pytest.raises(privacy.NotYet, match="staff"):
        privacy.close(make_member(is_staff=True), gives_up={})


def test_closing_twice_is_closing_once(anna):
    give(anna, 700)

    privacy.close(anna, gives_up={"USD": 700})
    moved = Transfer.objects.count()
    privacy.close(anna, gives_up={})

    assert Transfer.objects.count() == moved


def test_an_inviter_reads_of_a_former_customer_and_keeps_the_reward(client, anna):
    set_terms(hold_days=0)
    attribution = make_attribution(anna)
    order = make_order(attribution.invitee)
    settle(order)

    privacy.close(attribution.invitee, gives_up={})
    settle(order)

    assert "A former customer" in client.get("/account/invite/").content.decode()
    assert Reward.objects.get().state == Reward.State.AVAILABLE
    assert ledger.balance(anna, "USD") == 500
    assert Order.objects.get().user == attribution.invitee


def test_the_links_of_who_left_bring_nobody(client):
    link = make_link(text="A01B2C3D")

    privacy.close(link.owner, gives_up={})
    client.get("/r/A01B2C3D/")

    link.refresh_from_db()
    assert link.disabled_at
    assert not link.visits.exists()
    assert not Attribution.objects.exists()


def test_only_customers_are_remembered_and_only_as_hashes():
    buyer, looker = make_member("ben@example.com"), make_member("cara@example.com")
    make_order(buyer)

    privacy.close(buyer, gives_up={})
    privacy.close(looker, gives_up={})

    (former,) = FormerCustomer.objects.all()
    assert "ben" not in former.value_hash
