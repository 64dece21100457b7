"""What the database refuses, whoever asks: one story, and SQL that would spoil it."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import ledger
from accounts.models import LedgerAccount, Transfer
from orders.models import Payment, StripeEvent
from orders.tests.factories import ADDRESS, deliver, give, pay
from orders.tests.factories import make_order as place_order
from referrals import settlement
from referrals.models import Attribution, ReferralLink, Reward
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)
from shop.kit import guards

pytestmark = pytest.mark.django_db

Kind = ledger.Kind


@pytest.fixture
def story():
    """Anna brought Ben, Ben bought, and Anna's reward waits; a stranger bought, too."""
    attribution = make_attribution()
    give(attribution.inviter, 500)
    order = make_order(attribution.invitee)
    order_of_stranger = make_order(make_member())
    settlement.settle(order)
    return {
        "attribution": attribution.pk,
        "link": attribution.link_id,
        "terms": attribution.terms_id,
        "inviter": attribution.inviter_id,
        "invitee": attribution.invitee_id,
        "order": order.pk,
        "stranger": order_of_stranger.user_id,
        "strangers_order": order_of_stranger.pk,
    }


def refused(sql, story, match):
    with (
        pytest.raises(DatabaseError, match=match),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql.format(**story))


def allowed(sql, story):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(**story))


@pytest.mark.parametrize(
    "table",
    [
        "accounts_ledgeraccount",
        "orders_payment",
        "referrals_attribution",
        "referrals_reward",
        "referrals_referrallink",
        "referrals_code",
    ],
)
def test_what_money_and_friends_rest_on_is_never_deleted(story, table):
    refused(f"DELETE FROM {table}", story, "is kept")


@pytest.mark.postgres
@pytest.mark.parametrize("table", ["orders_payment", "referrals_reward"])
def test_what_money_rests_on_is_never_truncated(story, table):
    allowed("SET CONSTRAINTS ALL IMMEDIATE", story)

    refused(f"TRUNCATE {table} CASCADE", story, "is kept")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE orders_payment SET amount_received = 1",
        "UPDATE orders_payment SET paid_at = NULL, amount_received = 0",
        "UPDATE orders_order SET user_id = {stranger} WHERE id = {order}",
        "UPDATE orders_order SET confirmed_at = placed_at",
        "UPDATE orders_order SET access_token = 'known'",
        "UPDATE referrals_referrallink SET owner_id = {stranger}",
        "UPDATE accounts_user SET date_joined = '2001-01-01'",
    ],
)
def test_what_happened_is_not_told_otherwise_later(story, sql):
    refused(sql, story, "cannot change")


def test_an_order_keeps_the_address_it_was_placed_with():
    order = place_order()

    refused("UPDATE orders_orderaddress SET street = 'Elsewhere'", {}, "only grows")
    refused("DELETE FROM orders_orderaddress", {}, "only grows")

    order.refresh_from_db()
    assert order.address.street == ADDRESS["street"]


def test_a_reward_does_not_come_back_to_a_key_that_has_moved_its_money():
    terms = set_terms(hold_days=0, milestones={1: 1000})
    settlement.settle(make_order(make_attribution(terms=terms).invitee))

    refused("UPDATE referrals_reward SET sequence = 0", {}, "never goes down")
    refused("UPDATE referrals_milestonereward SET sequence = 0", {}, "never goes down")
    refused("UPDATE referrals_reward SET released_at = NULL", {}, "cannot change")


def test_an_event_is_what_stripe_said(client, stripe_sandbox):
    for event in pay(stripe_sandbox, place_order()):
        deliver(client, stripe_sandbox, event)

    refused("UPDATE orders_stripeevent SET payload = '{{}}'", {}, "only be emptied")
    refused("UPDATE orders_stripeevent SET event_id = 'evt_2'", {}, "cannot change")
    refused("DELETE FROM orders_stripeevent", {}, "is kept")
    refused(
        "UPDATE orders_stripeevent SET payload = NULL, processed_at = NULL",
        {},
        "event_forgotten_once_processed",
    )
    StripeEvent.objects.update(payload=None)
    refused("UPDATE orders_stripeevent SET payload = '{{}}'", {}, "only be emptied")


def test_a_session_once_noted_is_not_exchanged(stripe_sandbox):
    pay(stripe_sandbox, place_order())

    refused("UPDATE orders_payment SET session_id = 'cs_other'", {}, "cannot change")
    refused("UPDATE orders_payment SET session_id = NULL", {}, "cannot change")


@pytest.mark.parametrize(
    ("table", "column", "match"),
    [
        ("orders_order", "status", "order_status_known"),
        ("orders_payment", "status", "payment_status_known"),
        ("referrals_attribution", "status", "attribution_status_known"),
        ("referrals_reward", "state", "reward_state_known"),
    ],
)
def test_a_state_nobody_drew_does_not_exist(story, table, column, match):
    with guards.lifted():
        refused(f"UPDATE {table} SET {column} = 'maybe'", story, match)


def test_paid_money_has_its_moment(story):
    with guards.lifted():
        refused("UPDATE orders_payment SET paid_at = NULL", story, "paid_payment_has")


def test_a_discount_is_at_most_the_goods(story):
    with guards.lifted():
        refused(
            "UPDATE orders_order SET amount_discount = amount_goods + 1,"
            " amount_shipping = amount_shipping + amount_goods + 1",
            story,
            "order_discount_within",
        )


def test_a_guest_has_no_balance_to_pay_with(story):
    with guards.lifted():
        refused(
            "UPDATE orders_order SET user_id = NULL, amount_balance = 100,"
            " amount_due = amount_total - 100",
            story,
            "order_balance_has_owner",
        )


def test_inv_09_a_balance_is_what_its_transfers_say(story):
    refused(
        "UPDATE accounts_ledgeraccount SET balance = balance + 1 WHERE kind = 'wallet'",
        story,
        "is not the sum",
    )
    with pytest.raises(DatabaseError, match="is not the sum"), transaction.atomic():
        LedgerAccount.objects.create(
            owner_id=story["stranger"], kind=Kind.WALLET, currency="USD", balance=500
        )

    wallet = LedgerAccount.objects.get(owner=story["inviter"], kind=Kind.WALLET)
    assert wallet.balance == 500


def test_inv_09_the_verb_still_moves_both_balances():
    ada = make_member()
    give(ada, 500)

    ledger.post(
        key="order:1:hold",
        debit=(ada, Kind.WALLET),
        credit=(ada, Kind.HELD),
        amount=200,
        currency="USD",
        kind="spend",
        reason="Spent",
    )

    held = ledger.balance(ada, "USD", Kind.HELD)
    assert (ledger.balance(ada, "USD"), held) == (300, 200)


def test_inv_11_a_movement_names_its_cause(story):
    with guards.lifted():
        refused("UPDATE accounts_transfer SET key = ''", story, "transfer_has_cause")


def test_the_shop_has_no_accounts_of_other_kinds():
    with (
        pytest.raises(DatabaseError, match="balance_kept_for_people"),
        transaction.atomic(),
    ):
        LedgerAccount.objects.create(kind="bribes", currency="USD")


def _attribution(story, **changes):
    fields = Attribution.objects.filter(pk=story["attribution"]).values().get()
    del fields["id"]
    friend = make_member(days_ago=1)
    fields |= {"invitee_id": friend.pk, "invitee_joined_at": friend.date_joined}
    return Attribution(**fields | changes)


def test_inv_28_dates_of_joining_are_the_peoples_own(story):
    told = _attribution(story)
    earlier = told.inviter_joined_at - timedelta(days=1)
    for lie in [
        {"inviter_joined_at": earlier},
        {"invitee_joined_at": told.invitee_joined_at + timedelta(seconds=1)},
        # The circle: the friend brought the one who brought them, with other dates.
        {
            "invitee_id": story["inviter"],
            "inviter_id": story["invitee"],
            "inviter_joined_at": earlier,
        },
    ]:
        with pytest.raises(DatabaseError, match="differs"), transaction.atomic():
            _attribution(story, **lie).save()

    told.save()


def test_the_inviter_is_whose_link_it_was(story):
    stranger = make_member(days_ago=200)
    lie = {"inviter_id": stranger.pk, "inviter_joined_at": stranger.date_joined}

    with pytest.raises(DatabaseError, match="inviter differs"), transaction.atomic():
        _attribution(story, **lie).save()


@pytest.mark.parametrize(
    ("lie", "match"),
    [
        ({"recipient": "stranger"}, "recipient differs"),
        ({"order": "strangers_order"}, "order.user differs"),
    ],
)
def test_inv_30_a_reward_is_the_inviters_and_for_the_friends_own_order(
    story, lie, match
):
    fields = Reward.objects.values().get()
    del fields["id"]
    fields |= {f"{name}_id": story[value] for name, value in lie.items()}
    fields["state"] = Reward.State.VOID

    with pytest.raises(DatabaseError, match=match), transaction.atomic():
        Reward(**fields).save()


def test_inv_06_a_reward_has_the_currency_of_its_order(story):
    fields = Reward.objects.values().get()
    del fields["id"]
    other = make_order(Attribution.objects.get().invitee)
    fields |= {"order_id": other.pk, "currency": "EUR", "state": Reward.State.VOID}

    with pytest.raises(DatabaseError, match="currency differs"), transaction.atomic():
        Reward(**fields).save()


def test_the_story_itself_stands(story):
    assert Transfer.objects.count() == 1
    assert Payment.objects.filter(status="paid").count() == 2
    assert ReferralLink.objects.count() == 1
    assert Reward.objects.get().recipient_id == story["inviter"]
