"""Real time and batch are one function: whatever was run, the same rows are left."""

import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import CreditLot, LedgerAccount, Transfer
from orders import confirmation, disputes, reversals
from orders.models import Order, OrderAddress, Payment
from orders.tests.factories import ADDRESS
from referrals import budgets, jobs, settlement, sweeps
from referrals.models import (
    Budget,
    InviterQuota,
    MilestoneReward,
    Reward,
    Settlement,
    Unsettled,
)
from referrals.tests import killed
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_offer,
    make_order,
    set_terms,
)

TESTS = "referrals.tests"

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def make_story(hold_days=0):
    """One inviter, a cap, a milestone, a budget, and five friends who bought."""
    terms = set_terms(
        hold_days=hold_days, cap_per_month=4, milestones={2: 1000}, credit_days=90
    )
    inviter = make_member(days_ago=900)
    for goods in (5000, 1000, 5000, 5000, 5000, 5000):
        make_order(make_attribution(inviter, terms=terms).invitee, goods=goods)
    budgets.set_limit(terms.campaign, "USD", 3000)


def rows():
    """Everything that settling leaves: moves, accounts, lots, rewards, milestones,
    settlements, counters.

    Left out is what is of the run itself: primary keys (a reward is named by its
    friend, a milestone by its inviter and number, a settlement by its friend), the
    newest event that was read, and the moments at which somebody looked (created,
    settled, released, frozen, warned). Days that the facts decide are compared: the end
    of a hold, of a lot, the first day of a period.
    """
    return {
        "moves": _moves(),
        "accounts": _accounts(),
        "lots": _lots(),
        "rewards": _rewards(),
        "milestones": _of(
            MilestoneReward,
            "recipient__email friends_count campaign__name amount currency state"
            " sequence",
        ),
        "settlements": _of(Settlement, "order__user__email reason reward__state"),
        "budgets": _of(Budget, "campaign__name currency amount_limit amount_committed"),
        "quotas": _of(InviterQuota, "inviter__email period starts_on used most"),
        "unsettled": _of(Unsettled, "order__user__email"),
    }


def sums(found):
    """What stands in the end, without the way there.

    A reward that came and went is as one that never came; and credit lasts so many days
    from when it is paid, so the last day of a lot is of the run.
    """
    live = [row for row in found["rewards"] if row[1] in Reward.LIVE]
    return {
        "accounts": [row for row in found["accounts"] if row[3]],
        "lots": [row[:4] for row in found["lots"] if row[3]],
        "rewards": [(*row[:2], row[3] - row[4]) for row in live],
        "milestones": [row[:6] for row in found["milestones"] if row[5] == "available"],
        "settlements": [row[:2] for row in found["settlements"]],
        "budgets": found["budgets"],
        "quotas": [row for row in found["quotas"] if row[3]],
        "unsettled": found["unsettled"],
    }


def _of(model, fields):
    names = fields.split()
    return list(model.objects.order_by(*names).values_list(*names))


def _named():
    """The keys of moves begin with a number of the database: whose it is."""
    rewards = Reward.objects.values_list("pk", "order__user__email")
    milestones = MilestoneReward.objects.values_list(
        "pk", "recipient__email", "friends_count"
    )
    return {
        **{("reward", pk): friend for pk, friend in rewards},
        **{("milestone", pk): f"{who}:{count}" for pk, who, count in milestones},
    }


def _key(key, named):
    kind, number, rest = key.split(":", 2)
    return kind, named[kind, int(number)], rest


def _moves():
    named = _named()
    fields = (
        "key debit__kind debit__owner__email credit__kind credit__owner__email"
        " amount currency kind reason"
    )
    moves = Transfer.objects.order_by("pk").values_list(*fields.split())
    return [(_key(key, named), *rest) for key, *rest in moves]


def _accounts():
    return _of(LedgerAccount, "owner__email kind currency balance")


def _lots():
    named = _named()
    lots = CreditLot.objects.order_by("pk").values_list(
        "transfer__key", "owner__email", "amount", "remaining", "expires_at"
    )
    return [(_key(key, named), *rest) for key, *rest in lots]


def _rewards():
    return _of(
        Reward,
        "order__user__email state reason amount amount_reversed amount_frozen"
        " recipient__email currency is_only sequence available_at",
    )


def amounts(found):
    return [move[5] for move in found["moves"]]


@contextmanager
def undone():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def batch():
    call_command("settle", stdout=StringIO())


def nightly():
    batch()
    sweeps.release_due()


class Story:
    """Four weeks of two inviters, told by the verbs that Stripe's news go through.

    Each fact is given to `heard`, and at the end of each day `night` is called. No
    place or money comes free for whoever was refused before, and nobody pays twice at
    one moment: there, real time and a batch may decide otherwise. Everybody lives at a
    door of their own, and few return goods, so that nobody waits for a person.
    """

    def __init__(self, time_machine, heard, night):
        self.clock, self.heard, self.night = time_machine, heard, night

    def tell(self):
        self.clock.move_to(NOON, tick=False)
        self.terms = set_terms(
            hold_days=14,
            inviter_amount=0,
            inviter_basis_points=1000,
            cap_per_month=3,
            milestones={2: 1000},
            credit_days=90,
        )
        budgets.set_limit(self.terms.campaign, "USD", 5000)
        self.anna = make_member("anna@example.com", days_ago=900)
        self.ben = make_member("ben@example.com", days_ago=900)
        for day, facts in self.days().items():
            self.clock.move_to(NOON + timedelta(days=day), tick=False)
            for fact in facts:
                self.heard(fact)
            self.clock.move_to(NOON + timedelta(days=day, hours=10), tick=False)
            self.night()

    def days(self):
        return {
            0: [
                self.buys("cleo", self.anna, 1),
                self.buys("dora", self.ben, 2),
                self.buys("ella", self.ben, 3),
                self.buys("fay", self.ben, 4),
            ],
            2: [self.returns("dora", 5000)],
            3: [self.returns("cleo", 1000)],
            4: [
                self.buys("gil", self.anna, 5),
                self.buys("hal", self.anna, 6),
                self.buys("ivy", self.anna, 7),
            ],
            14: [],
            18: [],
            20: [self.questions("ella", "needs_response")],
            22: [self.returns("fay", 2000)],
            24: [self.returns("fay", 3000)],
            27: [self.questions("ella", "lost")],
        }

    def buys(self, name, inviter, days_ago):
        def fact():
            friend = make_member(f"{name}@example.com", days_ago=days_ago)
            make_attribution(inviter, friend, terms=self.terms)
            order = make_order(friend, status=Order.Status.PENDING)
            OrderAddress.objects.create(
                order=order,
                **ADDRESS | {"street": name, "postal_code": f"6{days_ago}701"},
            )
            order.payments.update(
                status="paid",
                paid_at=timezone.now(),
                amount_received=order.amount_due,
                intent_id=f"pi_{name}",
            )
            confirmation.confirm_order(order.pk)

        return fact

    def returns(self, name, amount):
        return lambda: reversals.record_refund(
            {
                "object": "refund",
                "id": f"re_{name}_{amount}",
                "payment_intent": f"pi_{name}",
                "metadata": {},
                "amount": amount,
                "status": "succeeded",
                "reason": None,
                "created": int(timezone.now().timestamp()),
            }
        )

    def questions(self, name, status):
        return lambda: disputes.record_dispute(
            {
                "object": "dispute",
                "id": f"du_{name}",
                "payment_intent": f"pi_{name}",
                "amount": 5000,
                "currency": "usd",
                "status": status,
                "reason": "fraudulent",
                "created": int(timezone.now().timestamp()),
                "evidence_details": None,
                "balance_transactions": [],
            }
        )


@pytest.mark.django_db
def test_real_time_batch_twice_and_batch_killed_leave_the_same_rows(
    time_machine, settings, monkeypatch, run_jobs, django_capture_on_commit_callbacks
):
    """Where no signal is heard, a batch at night finds what real time left at once.

    A batch that comes weeks late knows the end before the beginning: it moves less, and
    the same is left.
    """
    monkeypatch.setattr(killed, "_asked", [])
    deaths, at_once = [], []

    def hear(fact):
        with django_capture_on_commit_callbacks(execute=True):
            fact()
        run_jobs()
        at_once.append(Unsettled.objects.count())

    def sweep():
        with django_capture_on_commit_callbacks(execute=True):
            jobs.release_due_rewards.enqueue()
        run_jobs()

    def dying():
        """Every third decision ends its run; the next run finishes the night."""
        settings.REFERRAL_RULE = f"{TESTS}.killed.by_exception"
        try:
            nightly()
        except SystemExit:
            deaths.append(timezone.now())
        settings.REFERRAL_RULE = "referrals.rules.standard"
        nightly()

    def deaf(fact):
        fact()

    ways = {
        "real time": (hear, sweep),
        "batch": (deaf, nightly),
        "batch twice": (deaf, lambda: (nightly(), nightly())),
        "batch killed half way": (deaf, dying),
        "one batch in the end": (deaf, lambda: None),
    }
    found = {}
    for name, (heard, night) in ways.items():
        with undone():
            Story(time_machine, heard, night).tell()
            if name == "one batch in the end":
                nightly()
            found[name] = rows()

    live, late = found["real time"], found.pop("one batch in the end")
    assert amounts(live) == [
        *(400, 500, 500, 1000),  # the hold ends, and Ben reaches a milestone
        *(500, 1000, 500),  # the second one ends, and Anna reaches hers
        *(500, 200, 300, 1000),  # questioned; a part back, the rest, the milestone
        *(500, 500),  # lost
    ]
    assert [row[:2] for row in live["settlements"] if row[1]] == [
        ("dora@example.com", "refunded"),
        ("ella@example.com", "dispute_lost"),
        ("fay@example.com", "refunded"),
        ("ivy@example.com", "over_cap"),
    ]
    assert set(at_once) == {0}
    assert len(deaths) > 2
    for name, left in found.items():
        assert left == live, name
    assert sums(late) == sums(live)


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
    run = batch if what == "settle" else sweeps.release_due
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
    assert before < half < len(expected["moves"])
    assert amounts(left) == [500, 500, 1000, 500, 500]
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
