"""A wallet is spent at the till while its reward is taken back or put on hold.

On PostgreSQL with real threads. Each race has a twin without its guard: where the twin
did not go wrong, the race would prove nothing.
"""

import time
from contextlib import contextmanager

import pytest
from django.db import connection
from django.utils import timezone

from accounts import ledger
from accounts.models import LedgerAccount, Transfer
from catalog.tests.factories import make_variant
from orders.models import Dispute
from orders.tests.factories import make_cart, make_zone, place
from orders.tests.racing import at_once, hesitate
from referrals import settlement
from referrals.models import Reward
from referrals.tests.factories import (
    make_attribution,
    make_offer,
    make_order,
    set_terms,
)
from shop.kit import guards

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

Kind = ledger.Kind
State = Reward.State

ROUNDS, MANY_ROUNDS = 20, 200
PRICE = 300


@pytest.fixture(autouse=True)
def shop():
    make_offer()
    make_zone(amount=0)


@pytest.fixture
def terms():
    return set_terms(hold_days=0)


def earned(terms):
    """An inviter with one reward of $5 in the wallet, and the order it came from."""
    friend = make_attribution(terms=terms).invitee
    order = make_order(friend)
    settlement.settle(order)
    return friend.attribution.inviter, order


def spender(user):
    """Buys for $3, by balance as far as there is some; what of it was spent."""
    variant = make_variant(amount=PRICE, stock=9)
    cart = make_cart(user, {variant: 1})

    def spend():
        try:
            return place(cart, user).amount_balance
        except ledger.InsufficientBalance:  # gone between the look and the taking
            return 0

    return spend


def settler(order, number=0):
    """Settles a little later each time, so that each side is first now and then."""

    def settle():
        time.sleep(number * 0.01)
        settlement.settle(order)

    return settle


def give_back(order):
    payment = order.payments.get()
    order.refunds.create(
        payment=payment,
        idempotency_key=f"test:{order.pk}:back",
        amount_card=payment.amount,
        currency=order.currency,
        state="succeeded",
        accepted_at=timezone.now(),
        origin="stripe",
    )


def dispute(order):
    payment = order.payments.get()
    return Dispute.objects.create(
        payment=payment,
        stripe_id=f"du_{order.pk}",
        amount=payment.amount,
        currency=order.currency,
        status="needs_response",
    )


def pots(user):
    kinds = (Kind.WALLET, Kind.FROZEN, Kind.OWED)
    return [ledger.balance(user, "USD", kind) for kind in kinds]


def test_inv_31_and_abuse_50_what_is_owed_after_a_race_with_the_till_is_what_was_spent(
    terms,
):
    for number in range(ROUNDS):
        inviter, order = earned(terms)
        give_back(order)

        spent, nothing = at_once(spender(inviter), settler(order, number))

        assert nothing is None
        reward = Reward.objects.get(order=order)
        taken = Transfer.objects.filter(key=f"reward:{reward.pk}:2:taken")
        taken = sum(taken.values_list("amount", flat=True))
        assert reward.state == State.REVERSED
        assert pots(inviter) == [0, 0, spent]
        assert spent + taken == reward.amount


def test_inv_10_and_abuse_50_a_hold_that_races_with_the_till_keeps_every_cent(terms):
    for number in range(ROUNDS):
        inviter, order = earned(terms)
        question = dispute(order)

        spent, *nothing = at_once(spender(inviter), *[settler(order, number)] * 3)

        assert nothing == [None] * 3
        reward = Reward.objects.get(order=order)
        assert pots(inviter) == [0, reward.amount - spent, 0]
        assert reward.amount_frozen == reward.amount - spent

        question.status, question.closed_at = "won", timezone.now()
        question.save()
        assert at_once(*[settler(order)] * 3) == [None] * 3
        assert pots(inviter) == [reward.amount - spent, 0, 0]


def test_abuse_50_a_hold_a_refund_and_the_till_meet_without_deadlock(terms):
    for number in range(ROUNDS):
        inviter, order = earned(terms)
        other = make_order(make_attribution(inviter, terms=terms).invitee)
        settlement.settle(other)
        dispute(order)
        give_back(other)

        spent, *nothing = at_once(
            spender(inviter), settler(order, number), settler(other, number)
        )

        assert nothing == [None] * 2
        wallet, frozen, owed = pots(inviter)
        assert wallet + frozen + spent - owed == 500


def test_abuse_50_two_tabs_and_a_dispute_in_200_rounds_without_deadlock(terms):
    """Two tabs want $4 of $5 while they are put on hold, or given back."""
    inviter, order = earned(terms)
    question = dispute(order)

    def tab(key):
        def spend():
            try:
                ledger.post(**held(inviter, key))
            except ledger.InsufficientBalance:
                return 0
            return 400

        return spend

    for number in range(MANY_ROUNDS):
        is_open = number % 2 == 0
        question.status = "needs_response" if is_open else "won"
        question.closed_at = None if is_open else timezone.now()
        question.save()
        keys = [f"test:{number}:{name}" for name in "ab"]

        *spent, nothing = at_once(*map(tab, keys), settler(order))

        assert nothing is None
        assert sorted(spent) in ([0, 0], [0, 400])
        wallet, frozen, owed = pots(inviter)
        assert (wallet + frozen + sum(spent), owed) == (500, 0)
        for key, amount in zip(keys, spent, strict=True):
            if amount:  # its payment fails
                ledger.post(**held(inviter, f"{key}:back", is_back=True))


def held(user, key, *, is_back=False):
    ways = [(user, Kind.WALLET), (user, Kind.HELD)]
    debit, credit = reversed(ways) if is_back else ways
    return {
        "key": key,
        "debit": debit,
        "credit": credit,
        "amount": 400,
        "currency": "USD",
        "kind": "hold",
        "reason": "A tab",
    }


@contextmanager
def without_guards():
    """No conditional UPDATE, no CHECK, no trigger: only what was read decides."""
    table = LedgerAccount._meta.db_table
    with guards.lifted(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT balance_not_negative")
        try:
            yield
        finally:
            cursor.execute(f"UPDATE {table} SET balance = 0 WHERE balance < 0")
            cursor.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT balance_not_negative"
                " CHECK (balance IS NULL OR balance >= 0)"
            )


@pytest.mark.cooked_books
def test_without_the_guards_the_same_race_spends_what_is_gone(terms, monkeypatch):
    """The twin: a balance is read, another comes in between, then it is moved."""

    def unlocked(currency, *wanted):
        accounts = {}
        for owner, kind in wanted:
            accounts[(owner, kind)], _ = LedgerAccount.objects.get_or_create(
                owner=owner,
                kind=kind,
                currency=currency,
                defaults={"balance": 0 if owner else None},
            )
        hesitate()
        return accounts

    def move(account, amount):
        rows = LedgerAccount.objects.filter(pk=account.pk)
        return rows.update(balance=account.balance + amount)

    found = []
    inviters = [earned(terms) for _ in range(3)]
    with without_guards():
        monkeypatch.setattr(ledger, "_lock", unlocked)
        monkeypatch.setattr(ledger, "_move", move)
        for inviter, order in inviters:
            give_back(order)
            spent, _ = at_once(spender(inviter), settler(order))
            found.append(pots(inviter) == [0, 0, spent])

    assert not all(found)
