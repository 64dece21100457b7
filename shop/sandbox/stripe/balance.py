"""Balance transactions: every movement of the shop's money at Stripe."""

from typing import Any

from . import store
from .store import Tx, new_id

CARD_FEE_PARTS = 29  # of a thousand
CARD_FEE_FIXED = 30
DISPUTE_FEE = 1500
TWO_DAYS = 2 * 24 * 60 * 60
CATEGORIES = {"payment": "charge", "adjustment": "dispute"}


def record(
    tx: Tx,
    kind: str,
    source: dict[str, Any],
    amount: int,
    *,
    fee: int = 0,
    category: str = "",
    description: str | None = None,
) -> dict[str, Any]:
    """Store one movement caused by `source`; money that leaves is negative."""
    currency = source["currency"]
    transaction = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": tx.now + TWO_DAYS,
        "balance_type": "payments",
        "created": tx.now,
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [_fee(fee, currency)] if fee else [],
        "net": amount - fee,
        "reporting_category": category or CATEGORIES.get(kind, kind),
        "source": source["id"],
        "status": "pending",
        "type": kind,
    }
    store.insert(tx, transaction)
    return transaction


def card_fee(amount: int) -> int:
    """What Stripe keeps of a payment: 2.9 percent and 30 minor units, rounded up."""
    return min(amount, -(-amount * CARD_FEE_PARTS // 1000) + CARD_FEE_FIXED)


def debit_fee(amount: int) -> int:
    """What Stripe keeps of a bank debit: 0.8 percent, five units of money at most."""
    return min(-(-amount * 8 // 1000), 500)


def _fee(amount: int, currency: str) -> dict[str, Any]:
    return {
        "amount": amount,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
