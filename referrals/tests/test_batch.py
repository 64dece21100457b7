"""Real time and batch are one function: whatever was run, the same rows are left."""

import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Transfer
from orders.models import Order, Payment
from referrals import budgets, jobs, settlement
from referrals.models import InviterQuota, Reward
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_offer,
    make_order,
    set_terms,
)

TESTS = "referrals.tests"


def make_story(hold_days=0):
    """One inviter, a cap, a milestone, a budget, and five friends who bought."""
    terms = set_terms(hold_days=hold_days, cap_per_month=4, milestones={2: 1000})
    inviter = make_member(days_ago=900)
    for goods in (5000, 1000, 5000, 5000, 5000, 5000):
        make_order(make_attribution(inviter, terms=terms).invitee, goods=goods)
    budgets.set_limit(terms.campaign, "USD", 3000)


def rows():
    """The ledger and the counters, without the numbers that a database hands out."""
    orders = dict(Reward.objects.values_list("pk", "order__code"))
    moves = [
        (
            orders.get(int(move.key.split(":")[1]), "")
            if move.key.startswith("reward:")
            else move.key.split(":")[0],
            move.key.split(":", 2)[2],
            move.debit.kind,
            move.credit.kind,
            move.amount,
            move.kind,
        )
        for move in Transfer.objects.select_related("debit", "credit").order_by("pk")
    ]
    states = list(
        Reward.objects.order_by("order").values_list(
            "order", "state", "reason", "amount", "amount_reversed", "sequence"
        )
    )
    used = list(InviterQuota.objects.order_by("period").values_list("period", "used"))
    return moves, states, used


@contextmanager
def undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def in_real_time():
    for pk in Order.objects.order_by("confirmed_at", "pk").values_list("pk", flat=True):
        settlement.judge_and_settle(pk)


def batch():
    call_command("settle", stdout=StringIO())


def batch_killed(settings):
    settings.REFERRAL_RULE = f"{TESTS}.killed.by_exception"
    with pytest.raises(SystemExit):
        batch()
    settings.REFERRAL_RULE = "referrals.rules.standard"
    batch()


@pytest.mark.django_db
def test_real_time_batch_twice_and_batch_killed_leave_the_same_rows(settings):
    make_story()
    ways = {
        "real time": in_real_time,
        "batch": batch,
        "batch twice": lambda: (batch(), batch()),
        "batch killed half way": lambda: batch_killed(settings),
    }
    found = {}
    for name, way in ways.items():
        with undone():
            way()
            found[name] = rows()

    moves, states, _ = found["real time"]
    assert [move[4] for move in moves] == [500, 500, 1000, 500, 500]
    assert [state[2] for state in states] == ["", "", "", "", "over_cap"]
    for name, left in found.items():
        assert left == found["real time"], name


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["settle", "release"])
@pytest.mark.parametrize("where", ["in the rule", "after a transfer", "between orders"])
def test_a_batch_that_is_killed_half_way_is_finished_by_the_next(
    where, what, time_machine
):
    """kill -9 wherever it may come: the next run leaves what one run alone leaves."""
    now = timezone.now()
    make_offer()
    if what == "settle":
        make_story()
    else:
        time_machine.move_to(now - timedelta(days=15))
        make_story(hold_days=14)
        batch()
        time_machine.move_to(now)
    run = batch if what == "settle" else settlement.release_due
    with undone():
        run()
        expected = rows()
    before = Transfer.objects.count()

    died = dies(where, what)
    half = Transfer.objects.count()
    run()
    left = rows()
    run()

    assert died.returncode == -9, died.stderr
    assert before < half < len(expected[0])
    assert [move[4] for move in left[0]] == [500, 500, 1000, 500, 500]
    assert left == expected == rows()


def dies(where, what):
    at = connection.settings_dict
    address = f"postgres://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}"
    script = (
        "import django; django.setup()\n"
        f"from {TESTS} import killed; killed.run({where!r}, {what!r})"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=django_settings.BASE_DIR,
        env={
            **os.environ,
            "SHOP_ENV": "test",
            "DJANGO_SETTINGS_MODULE": "shop.settings",
            "DATABASE_URL": f"{address}/{at['NAME']}",
        },
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.django_db
@pytest.mark.parametrize("sweep", [jobs.settle_outdated, jobs.release_due_rewards])
def test_a_lost_signal_spares_no_friend_who_pays_with_the_inviters_card(
    sweep, time_machine
):
    attribution = make_attribution(terms=set_terms(hold_days=14))
    orders = [make_order(attribution.inviter), make_order(attribution.invitee)]
    if sweep is jobs.release_due_rewards:
        settlement.settle(orders[1])
        assert Reward.objects.get().state == Reward.State.PENDING
        time_machine.move_to(timezone.now() + timedelta(days=15))
    Payment.objects.filter(order__in=orders).update(card_hash="one card")

    sweep.call()

    attribution.refresh_from_db()
    assert attribution.void_reason == "same_card"
    assert not Reward.objects.exclude(state=Reward.State.VOID).exists()
