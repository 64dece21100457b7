"""What becomes of an order, and of the credit, after it was paid."""

from django.utils import timezone

from accounts import ledger
from orders.models import Dispute

Kind = ledger.Kind


def pots(user):
    return [ledger.balance(user, "USD", kind) for kind in (Kind.WALLET, Kind.OWED)]


def give_back(order, amount, state="succeeded", **fields):
    return order.refunds.create(
        payment=order.payments.get(),
        idempotency_key=f"test:{order.pk}:{order.refunds.count()}",
        amount_card=amount,
        currency=order.currency,
        state=state,
        accepted_at=timezone.now(),
        origin="stripe",
        **fields,
    )


def dispute(order, status, closed=False):
    payment = order.payments.get()
    return Dispute.objects.create(
        payment=payment,
        stripe_id=f"du_{status}",
        amount=payment.amount,
        currency="USD",
        status=status,
        closed_at=timezone.now() if closed else None,
    )


def spend(user, amount):
    ledger.post(
        key="test:spent",
        debit=(user, Kind.WALLET),
        credit=(None, Kind.SALES),
        amount=amount,
        currency="USD",
        kind="spend",
        reason="Spent",
    )
