"""Refunds: money back on a succeeded charge, never more than was taken."""

from typing import Any

from . import amounts, events, session_rules, store
from .errors import invalid, missing, refused
from .store import Tx, new_id

SUPPORTED = frozenset(
    ["amount", "charge", "currency", "expand", "metadata", "payment_intent", "reason"]
)


def create(tx: Tx, params: dict[str, Any]) -> dict[str, Any]:
    """Refund a charge, in part or in full. Raises ApiError beyond what is left."""
    session_rules.refuse_others(params, SUPPORTED, "The parameter {}")
    session_rules.check_metadata(params.get("metadata") or None, "metadata")
    charge = _charge_for(tx, params)
    left = charge["amount"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if not left:
        raise refused(
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
        )
    if amount < 1:
        raise invalid("Invalid positive integer", "amount", "parameter_invalid_integer")
    if amount > left:
        currency = charge["currency"]
        raise refused(
            f"Refund amount ({amounts.shown(amount, currency)}) is greater than "
            f"unrefunded amount on charge ({amounts.shown(left, currency)})",
            "amount",
        )
    refund = _new_refund(tx, charge, amount, params)
    store.insert(tx, refund)
    before = {key: charge[key] for key in ("amount_refunded", "refunded")}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    store.update(tx, charge)
    events.emit(tx, "refund.created", refund)
    events.emit(
        tx,
        "charge.refunded",
        charge,
        {key: old for key, old in before.items() if old != charge[key]},
    )
    return refund


def _charge_for(tx: Tx, params: dict[str, Any]) -> dict[str, Any]:
    charge_id = params.get("charge")
    if not charge_id:
        if "payment_intent" not in params:
            raise invalid(
                "One of the following params should be provided for this request: "
                "payment_intent or charge."
            )
        intent = store.get(tx, "payment_intent", params["payment_intent"])
        if not intent:
            raise missing("payment_intent", params["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            raise refused(
                f"This PaymentIntent ({intent['id']}) does not have a successful "
                "charge to refund.",
                "payment_intent",
            )
        charge_id = intent["latest_charge"]
    charge = store.get(tx, "charge", charge_id)
    if not charge:
        raise missing("charge", charge_id, "charge")
    if not charge["paid"]:
        raise refused(f"Charge {charge_id} was not paid.", code="charge_not_refundable")
    if (
        params.get("payment_intent", charge["payment_intent"])
        != (charge["payment_intent"])
    ):
        raise invalid(
            "The charge does not belong to the payment_intent.", "payment_intent"
        )
    return charge


def _new_refund(tx, charge, amount, params) -> dict[str, Any]:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": new_id("txn"),
        "charge": charge["id"],
        "created": tx.now,
        "currency": charge["currency"],
        "customer": None,
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": {k: v for k, v in (params.get("metadata") or {}).items() if v},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
