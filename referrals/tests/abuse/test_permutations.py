"""Script 46: events in every order there is."""

from datetime import timedelta
from itertools import permutations

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import CreditLot
from orders.models import Dispute, Order
from referrals import budgets, settlement, sweeps
from referrals.models import InviterQuota, Reward
from referrals.tests.afterwards import pots
from referrals.tests.factories import make_attribution, make_order, set_terms

pytestmark = pytest.mark.django_db

State = Reward.State

# All orders make two thousand settlements; so many of them, spread evenly, where that
# would take too long.
SAMPLE = 24


class Undone(Exception):
    """Takes a branch of the tree back."""


class Events:
    """Six events about one order of 50 dollars; each may come any number of times."""

    def __init__(self, order):
        self.order, self.payment = order, order.payments.get()
        self.now = timezone.now()
        self.by_name = {
            "paid": self.paid,
            "a part back": lambda: self.refund("a", 1000, "succeeded"),
            "most back": lambda: self.refund("b", 3500, "succeeded"),
            "that one failed": lambda: self.refund("b", 3500, "failed"),
            "questioned": lambda: self.question("needs_response"),
            "won": lambda: self.question("won"),
        }

    def arrive(self, name):
        """Twice, and settled at once."""
        self.by_name[name]()
        self.by_name[name]()
        settlement.settle(self.order.pk)

    def paid(self):
        self.order.payments.filter(status="open").update(
            status="paid", paid_at=self.now, amount_received=self.order.amount_due
        )
        Order.objects.filter(pk=self.order.pk, status="pending").update(
            status="confirmed", confirmed_at=self.now
        )

    def refund(self, name, amount, state):
        row, is_new = self.order.refunds.get_or_create(
            idempotency_key=name,
            defaults={
                "payment": self.payment,
                "amount_card": amount,
                "currency": "USD",
                "origin": "stripe",
                "state": state,
                "accepted_at": self.now if state == "succeeded" else None,
            },
        )
        if not is_new and state == "failed":
            self.order.refunds.filter(pk=row.pk).update(state="failed")

    def question(self, status):
        closed_at = self.now if status == "won" else None
        said = {"status": status, "closed_at": closed_at}
        row, is_new = Dispute.objects.get_or_create(
            stripe_id="du_1",
            payment=self.payment,
            defaults={"amount": 5000, "currency": "USD", **said},
        )
        if not is_new and status == "won":
            Dispute.objects.filter(pk=row.pk).update(**said)


# A share of what counts, so that every cent of every refund shows.
SHARE = {"inviter_amount": 0, "inviter_basis_points": 1000}


@pytest.mark.postgres
def test_abuse_46_six_events_in_all_720_orders_leave_one_ledger(record_property):
    """A dead end is taken back and retried."""
    terms = set_terms(hold_days=0, **SHARE)
    ben = make_attribution(terms=terms).invitee
    events = Events(make_order(ben, status=Order.Status.PENDING))
    ends = []

    def walk(left):
        if not left:
            reward = Reward.objects.get()
            ends.append(
                (
                    reward.state,
                    reward.amount,
                    reward.amount_reversed,
                    reward.amount_frozen,
                    *pots(ben.attribution.inviter),
                )
            )
            return
        for name in left:
            try:
                with transaction.atomic():
                    events.arrive(name)
                    walk([other for other in left if other != name])
                    raise Undone
            except Undone:
                pass

    walk(list(events.by_name))

    assert len(ends) == 720
    assert set(ends) == {(State.AVAILABLE, 500, 100, 0, 400, 0)}
    record_property(
        "Six events in every order", {"orders": len(ends), "ledgers": len(set(ends))}
    )


@pytest.mark.parametrize("hold_days", [0, 14])
def test_abuse_46_with_a_cap_a_budget_and_a_hold_any_order_ends_alike(
    hold_days, time_machine
):
    """The cap has one place and the budget the money of one reward, whole: a place or
    an amount that was counted twice, or not given back, would show."""
    start = timezone.now()
    terms = set_terms(hold_days=hold_days, cap_per_month=1, credit_days=90, **SHARE)
    ben = make_attribution(terms=terms).invitee
    inviter = ben.attribution.inviter
    events = Events(make_order(ben, status=Order.Status.PENDING))
    budget = budgets.set_limit(terms.campaign, "USD", 500)
    ways = list(permutations(events.by_name))
    tried = ways[:: len(ways) // SAMPLE]
    ends = set()

    for way in tried:
        with transaction.atomic():
            for name in way:
                events.arrive(name)
            time_machine.move_to(start + timedelta(days=hold_days + 1))
            sweeps.release_due()
            reward = Reward.objects.get()
            budget.refresh_from_db()
            used = InviterQuota.objects.filter(inviter=inviter)
            lots = CreditLot.objects.filter(owner=inviter)
            ends.add(
                (
                    reward.state,
                    reward.amount_kept,
                    reward.amount_frozen,
                    *pots(inviter),
                    budget.amount_committed,
                    tuple(used.order_by("period").values_list("period", "used")),
                    sum(lot.remaining for lot in lots),
                    reward.settlement.reason,
                )
            )
            transaction.set_rollback(True)
        time_machine.move_to(start)

    assert len(tried) == SAMPLE
    places = (("life", 1), ("month", 1), ("year", 1))
    assert ends == {(State.AVAILABLE, 400, 0, 400, 0, 400, places, 400, "")}
