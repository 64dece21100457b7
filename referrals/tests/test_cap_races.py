"""Two orders race for an inviter's last place, on PostgreSQL with real threads."""

import pytest
from django.db.models.query import QuerySet

from accounts import ledger
from referrals import settlement
from referrals.models import InviterQuota, Reward
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_offer,
    make_order,
    set_terms,
)
from referrals.tests.racing import at_once, without_uniqueness

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def race():
    """Four friends, room for one; the inviter's balance afterwards, and what failed."""
    make_offer()
    terms, inviter = set_terms(hold_days=0, cap_per_month=1), make_member()
    orders = [
        make_order(make_attribution(inviter, terms=terms).invitee).pk for _ in range(4)
    ]
    errors = at_once(*[lambda pk=pk: settlement.settle(pk) for pk in orders])
    return ledger.balance(inviter, "USD"), errors


def test_the_last_place_is_given_once():
    for _ in range(5):
        balance, errors = race()

        assert not errors
        assert balance == 500
    assert Reward.objects.filter(state="void", reason="over_cap").count() == 15


@pytest.mark.cooked_books
def test_the_last_place_without_lock_and_constraint_is_given_twice(monkeypatch):
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **options: rows)

    with without_uniqueness(InviterQuota):
        balances = [race()[0] for _ in range(5)]

    assert max(balances) > 500
