"""Script 46: events in every order there is."""

import pytest
from django.db import transaction
from django.utils import timezone

from orders.models import Dispute, Order
from referrals import settlement
from referrals.models import Reward
from referrals.tests.factories import make_attribution, make_order, set_terms
from referrals.tests.test_refunded import pots

# Two thousand settlements take a while: with the tests that take their time.
pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

State = Reward.State


class Undone(Exception):
    """Takes a branch of the tree back."""


def test_abuse_46_six_events_in_all_720_orders_leave_one_ledger(record_property):
    """Each arrives twice and is settled at once; a dead end is taken back and retried.

    A share of what counts, so that every cent of every refund shows.
    """
    terms = set_terms(hold_days=0, inviter_amount=0, inviter_basis_points=1000)
    ben = make_attribution(terms=terms).invitee
    order = make_order(ben, status=Order.Status.PENDING)
    payment, now = order.payments.get(), timezone.now()

    def paid():
        order.payments.filter(status="open").update(
            status="paid", paid_at=now, amount_received=order.amount_due
        )
        Order.objects.filter(pk=order.pk, status="pending").update(
            status="confirmed", confirmed_at=now
        )

    def refund(name, amount, **said):
        row, is_new = order.refunds.get_or_create(
            idempotency_key=name,
            defaults={
                "payment": payment,
                "amount_card": amount,
                "currency": "USD",
                "origin": "stripe",
                **said,
            },
        )
        if not is_new and said["state"] == "failed":
            order.refunds.filter(pk=row.pk).update(state="failed")

    def question(**said):
        row, is_new = Dispute.objects.get_or_create(
            stripe_id="du_1",
            payment=payment,
            defaults={"amount": 5000, "currency": "USD", **said},
        )
        if not is_new and said["status"] == "won":
            Dispute.objects.filter(pk=row.pk).update(**said)

    events = {
        "paid": paid,
        "a part back": lambda: refund("a", 1000, state="succeeded", accepted_at=now),
        "most back": lambda: refund("b", 3500, state="succeeded", accepted_at=now),
        "that one failed": lambda: refund("b", 3500, state="failed"),
        "questioned": lambda: question(status="needs_response"),
        "won": lambda: question(status="won", closed_at=now),
    }
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
                    events[name]()
                    events[name]()
                    settlement.settle(order.pk)
                    walk([other for other in left if other != name])
                    raise Undone
            except Undone:
                pass

    walk(list(events))

    assert len(ends) == 720
    assert set(ends) == {(State.AVAILABLE, 500, 100, 0, 400, 0)}
    record_property(
        "Six events in every order", {"orders": len(ends), "ledgers": len(set(ends))}
    )
