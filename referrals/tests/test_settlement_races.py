"""Whoever closes an account or sets a budget while an order is settled waits for it.

On PostgreSQL. Each race has a twin without the locks, which must go wrong.
"""

import threading

import pytest
from django.db import connection
from django.db.models.query import QuerySet

from accounts import ledger, privacy
from orders.models import Order
from referrals import budgets, rules, settlement
from referrals.models import Budget, Reward
from referrals.tests.afterwards import give_back
from referrals.tests.factories import (
    make_attribution,
    make_offer,
    make_order,
    set_terms,
)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

_deciding, _may_go_on = threading.Event(), threading.Event()


def slow(facts):
    """The rule of the shop, by somebody who takes their time."""
    _deciding.set()
    _may_go_on.wait(30)
    return rules.standard(facts)


@pytest.fixture(autouse=True)
def offer(settings):
    _deciding.clear()
    _may_go_on.clear()
    settings.REFERRAL_RULE = f"{__name__}.slow"
    return make_offer()


def run(verb, errors):
    def guarded():
        try:
            verb()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=guarded)
    thread.start()
    return thread


def settle_and_meanwhile(order, verb):
    """The verb begins while the order is being decided; the exceptions of both."""
    errors = []
    settling = run(lambda: settlement.settle(order.pk), errors)
    assert _deciding.wait(30)
    other = run(verb, errors)
    other.join(3)
    _may_go_on.set()
    settling.join()
    other.join()
    return errors


def close_while_settling():
    friend = make_attribution(terms=set_terms(hold_days=0))
    order = make_order(friend.invitee)
    errors = settle_and_meanwhile(
        order, lambda: privacy.close(friend.inviter, gives_up={})
    )
    friend.inviter.refresh_from_db()
    return friend.inviter, errors


def test_an_account_is_not_closed_over_a_reward_its_owner_did_not_see():
    inviter, errors = close_while_settling()

    assert [type(error) for error in errors] == [privacy.BalanceChanged]
    assert not inviter.is_closed
    assert ledger.balance(inviter, "USD") == 500


def test_without_locks_somebody_loses_a_reward_they_did_not_see(monkeypatch):
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **options: rows)

    inviter, errors = close_while_settling()

    assert inviter.is_closed, errors
    assert ledger.shop_balance(ledger.Kind.CLOSED, "USD") == 500


def test_an_account_that_was_closed_first_is_paid_nothing():
    friend = make_attribution(terms=set_terms(hold_days=0))
    order = make_order(friend.invitee)
    _may_go_on.set()

    privacy.close(friend.inviter, gives_up={})
    settlement.settle(order)

    assert ledger.balance(friend.inviter, "USD") == 0
    assert not Reward.objects.exists()


def limit_while_settling():
    terms = set_terms(hold_days=0)
    order = make_order(make_attribution(terms=terms).invitee)
    errors = settle_and_meanwhile(
        order, lambda: budgets.set_limit(terms.campaign, "USD", 1000)
    )
    return order, errors


def test_a_first_budget_counts_what_is_promised_at_that_moment():
    order, errors = limit_while_settling()

    assert not errors
    assert Budget.objects.get().amount_committed == 500
    give_back(order, 5000)
    assert settlement.settle(order).reason == "refunded"
    assert Budget.objects.get().amount_committed == 0


@pytest.mark.cooked_books
def test_without_locks_a_first_budget_misses_what_is_promised(monkeypatch):
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **options: rows)

    limit_while_settling()

    assert Order.objects.count() == Reward.objects.count() == 1
    assert Budget.objects.get().amount_committed == 0
