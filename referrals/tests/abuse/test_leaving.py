"""Leaving to come back as somebody new, or to leave a debt behind: scripts 9 and 52."""

import pytest
from django.db.models import Sum
from django.test import Client

from accounts import ledger
from accounts.ledger import Kind
from accounts.models import Transfer, User
from catalog.tests.factories import make_product
from orders.models import Order
from orders.tests.factories import give, make_zone
from referrals.models import Attribution, Claim, Reward
from referrals.settlement import settle
from referrals.tests.factories import (
    PASSWORD,
    make_attribution,
    make_link,
    make_member,
    make_order,
    set_terms,
)
from referrals.tests.people import buy, join

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug():
    make_zone(amount=600)
    return make_product("Mug", amount=5000).variants.get()


def leave(user, left=""):
    client = Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    form = {"left": left, "understood": "on"}
    return client.post("/account/privacy/close/", form)


@pytest.mark.parametrize("address", ["mal@example.com", "MAL+again@example.com"])
def test_abuse_09_who_left_does_not_come_back_as_somebody_new(
    client, mug, mailoutbox, stripe_sandbox, address
):
    mal = make_member("mal@example.com")
    make_order(mal)
    assert leave(mal).status_code == 302
    make_link(text="A01B2C3D")

    client.get("/r/A01B2C3D/")
    join(client, mailoutbox, address)
    buy(client, stripe_sandbox, mug)

    attribution = Attribution.objects.get()
    assert attribution.status == Attribution.Status.VOID
    assert attribution.void_reason == "existing_customer"
    assert Claim.objects.filter(reason="existing_customer").exists()
    assert Order.objects.get(user=attribution.invitee).status == "confirmed"
    assert not Reward.objects.exists()


def owing(amount):
    """Somebody whose reward was taken back after they had spent it."""
    mal = make_member("mal@example.com", name="Mal Ory")
    ledger.post(
        key="test:owed",
        debit=(None, Kind.PROGRAMME_COST),
        credit=(mal, Kind.OWED),
        amount=amount,
        currency="USD",
        kind="clawback",
        reason="Spent before it was taken back",
    )
    return mal


def test_abuse_52_a_debt_is_written_to_closed_accounts():
    mal = owing(300)

    assert leave(mal).status_code == 302

    assert ledger.balance(mal, "USD", Kind.OWED) == 0
    assert ledger.shop_balance(Kind.CLOSED, "USD") == 300
    assert (
        Transfer.objects.get(kind="closed").reason == "Owed when the account was closed"
    )


def test_abuse_52_a_balance_goes_only_after_a_warning_and_pays_nobody():
    mal = make_member("mal@example.com", name="Mal Ory")
    give(mal, 700)
    before = Transfer.objects.aggregate(total=Sum("amount"))["total"]

    assert leave(mal).status_code == 422
    assert ledger.balance(mal, "USD") == 700
    assert leave(mal, "USD:700").status_code == 302

    assert ledger.balance(mal, "USD") == 0
    assert Transfer.objects.aggregate(total=Sum("amount"))["total"] == before + 700
    assert Transfer.objects.get(kind="forfeit").credit.kind == Kind.CLOSED
    mal.refresh_from_db()
    assert "mal" not in f"{mal.email} {mal.name}".lower()
    assert not User.objects.filter(email="mal@example.com").exists()


def test_abuse_52_a_friend_who_leaves_takes_no_reward_along():
    set_terms(hold_days=0)
    attribution = make_attribution()
    order = make_order(attribution.invitee)
    settle(order)

    assert leave(attribution.invitee).status_code == 302
    settle(order)

    assert Reward.objects.get().state == Reward.State.AVAILABLE
    assert ledger.balance(attribution.inviter, "USD") == 500
