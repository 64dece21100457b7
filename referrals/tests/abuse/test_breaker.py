"""A bug or an attack that releases far more than usual: script 58."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts import ledger
from referrals import breaker, budgets, settlement, sweeps
from referrals.models import Budget, ReleasePause, Reward
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)
from referrals.tests.people import sign_up
from shop.kit.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return make_member("owner@example.com", is_staff=True, is_superuser=True)


@pytest.fixture(autouse=True)
def two_an_hour(settings):
    settings.REFERRAL_RELEASES_AN_HOUR = 2


def buy_as_friends(number):
    terms = set_terms(hold_days=0)
    orders = [make_order(make_attribution(terms=terms).invitee) for _ in range(number)]
    for order in orders:
        settlement.settle(order)
    return orders


def test_abuse_58_far_more_than_usual_pauses_releases_and_nothing_else(
    client, owner, run_jobs
):
    orders = buy_as_friends(4)

    rewards = Reward.objects.order_by("pk")
    assert [each.state for each in rewards] == [*["available"] * 2, *["pending"] * 2]
    assert orders[-1].referral_settlement.reason == "releases_paused"
    assert {order.status for order in orders} == {"confirmed"}
    assert sign_up(client).status_code == 302
    alert = Message.objects.get(kind="releases_paused")
    assert alert.recipient == owner.email
    assert sweeps.release_due() == 0

    pause = ReleasePause.objects.get()
    staff = Client()
    staff.force_login(owner)
    url = f"/admin/referrals/releasepause/{pause.pk}/end/"
    assert staff.post(url, {"reason": ""}).status_code == 200
    assert breaker.standing()
    staff.post(url, {"reason": "A good week"})
    run_jobs()

    assert {each.state for each in rewards.all()} == {"available"}
    assert ledger.balance(rewards.last().recipient, "USD") == 500


def test_abuse_58_a_budget_is_not_passed_and_nobody_else_notices(
    client, owner, run_jobs
):
    """Friends go on joining and buying when the money set aside is promised."""
    terms = set_terms(hold_days=0)
    budgets.set_limit(terms.campaign, "USD", 800)

    orders = [make_order(make_attribution(terms=terms).invitee) for _ in range(2)]
    for order in orders:
        settlement.settle(order)
    run_jobs()

    budget = Budget.objects.get()
    assert (budget.amount_committed, budget.amount_limit) == (500, 800)
    rewards = Reward.objects.order_by("pk").values_list("state", "reason")
    assert list(rewards) == [("available", ""), ("void", "budget_exhausted")]
    assert orders[1].referral_settlement.reason == "budget_exhausted"
    assert {order.status for order in orders} == {"confirmed"}
    assert sign_up(client).status_code == 302
    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.update(amount_committed=801)


def test_a_second_person_learns_that_the_pause_is_over(owner):
    buy_as_friends(3)
    pause = breaker.standing()
    breaker.end(pause, actor=owner, reason="Looked")

    with pytest.raises(breaker.NotStanding):
        breaker.end(pause, actor=owner, reason="Looked again")


def test_what_is_usual_grows_with_the_last_four_weeks(monkeypatch, time_machine):
    """Two released yesterday; if that were usual for an hour, ten would be too."""
    buy_as_friends(2)
    time_machine.move_to(timezone.now() + timedelta(days=1))
    monkeypatch.setattr(breaker, "TIMES_THE_NORM", 4 * 7 * 24 * 2)

    buy_as_friends(5)

    assert breaker.standing().usual_count == 4
    assert Reward.objects.filter(state="available").count() == 6
