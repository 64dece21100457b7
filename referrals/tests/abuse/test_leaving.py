"""Leaving to come back as somebody new, or to leave a debt behind: scripts 9 and 52."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db.models import Sum
from django.test import Client
from django.utils import timezone

from accounts import ledger
from accounts.ledger import Kind
from accounts.models import Transfer, User
from catalog.tests.factories import make_product
from orders.models import Order
from orders.tests.factories import give, make_zone
from referrals.models import Attribution, Claim, Reward
from referrals.settlement import settle
from referrals.sweeps import release_due
from referrals.tests.afterwards import give_back, pots
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


def percent(**changes):
    return set_terms(
        hold_days=0, inviter_amount=0, inviter_basis_points=1000, **changes
    )


def test_abuse_52_what_comes_after_leaving_is_nobodys():
    """A refund that failed makes the friend's order count for more again."""
    attribution = make_attribution(terms=percent(credit_days=90))
    order, mal = make_order(attribution.invitee), attribution.inviter
    refund = give_back(order, 1000)
    settle(order)
    assert leave(mal, "USD:400").status_code == 302

    refund.state, refund.failed_at = "failed", timezone.now()
    refund.save()
    settle(order)
    settle(order)

    assert Reward.objects.get().amount_kept == 500
    assert pots(mal) == [0, 0]
    assert ledger.shop_balance(Kind.CLOSED, "USD") == 500


def test_abuse_52_who_gave_up_a_reward_owes_nothing_for_it_afterwards():
    attribution = make_attribution(terms=set_terms(hold_days=0))
    order, mal = make_order(attribution.invitee), attribution.inviter
    settle(order)
    assert leave(mal, "USD:500").status_code == 302

    give_back(order, 5000)
    settle(order)
    settle(order)

    assert Reward.objects.get().state == Reward.State.REVERSED
    assert pots(mal) == [0, 0]
    assert Transfer.objects.get(kind="closed").amount == 500


def test_abuse_52_a_friend_who_leaves_within_the_hold_ends_the_promise(time_machine):
    """Leaving erases what the last look before the release would have judged by."""
    attribution = make_attribution(terms=set_terms(hold_days=14))
    order = make_order(attribution.invitee)
    settle(order)

    assert leave(attribution.invitee).status_code == 302
    time_machine.move_to(order.confirmed_at + timedelta(days=15))
    release_due()

    reward = Reward.objects.get()
    assert (reward.state, reward.reason) == (Reward.State.VOID, "friend_gone")
    assert pots(attribution.inviter) == [0, 0]


# What the law has a shop keep: who bought, where it was sent, and how it was paid.
STAYS = {
    "orders.Order.email",
    "orders.OrderAddress.name",
    "orders.OrderAddress.street",
    "orders.StripeEvent.payload",
}


def test_abuse_52_no_column_of_any_table_names_who_has_left(
    client, mug, mailoutbox, stripe_sandbox, run_jobs, admin_client, settings
):
    """Everything a member can leave behind, and then every column of every table."""
    settings.REFERRAL_INVITATION_MAILS = True
    settings.SHOP_POSTAL_ADDRESS = "Tandem, 1 Example Street, 12345 Example"
    set_terms(hold_days=0)
    anna = make_link(make_member("anna@example.com"), text="A01B2C3D").owner
    told = {"invitation_code": "A01B2C3D", "shows_name": "on"}
    join(client, mailoutbox, "malory@quill.example", name="Malory Quill", **told)
    buy(client, stripe_sandbox, mug, due=5100, name="Mal Quill", street="1 Quillweg")
    settle(Order.objects.get())
    mal = User.objects.get(email="malory@quill.example")
    client.post("/account/invite/links/add/", {"label": "Quill club"})
    client.post("/account/invite/board/join/", {"name": "Quillboard"})
    own = mal.referral_links.get(is_default=True)
    client.post(f"/account/invite/links/{own.pk}/code/", {"code": "QUILLCODE"})
    form = {"address": "quilla@example.org", "note": "Quill says hi", "is_agreed": "on"}
    client.post("/account/invite/mail/", form)
    admin_client.get(f"/admin/accounts/user/{mal.pk}/change/")
    run_jobs()

    assert leave(mal).status_code == 302
    run_jobs()

    assert set(named("quill")) == STAYS
    assert Attribution.objects.get(invitee=mal).inviter == anna
    assert ledger.balance(anna, "USD") == 500


def named(word):
    """The columns in which a word stands, as a person or a thief would search."""
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.managed:
            continue
        for column in model._meta.concrete_fields:
            values = model._base_manager.values_list(column.attname, flat=True)
            if any(word in str(value).lower() for value in values):
                yield f"{model._meta.label}.{column.name}"
