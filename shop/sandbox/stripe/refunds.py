"""Refunds: money back on a succeeded charge, never more than was taken.

A refund may start `pending` and succeed later, or succeed and fail days later: the
test cards that do so are in `cards`.
"""

from typing import Any

from . import (
    agenda,
    amounts,
    balance,
    debits,
    disputes,
    events,
    metadata,
    session_rules,
    store,
)
from .errors import invalid, missing, refused
from .store import Tx, new_id

FEW_DAYS = 5 * 24 * 60 * 60
SUPPORTED = frozenset(
    ["amount", "charge", "currency", "expand", "metadata", "payment_intent", "reason"]
)


def create(tx: Tx, params: dict[str, Any]) -> dict[str, Any]:
    """Refund a charge, in part or in full. Raises ApiError beyond what is left."""
    session_rules.refuse_others(params, SUPPORTED, "The parameter {}")
    charge = _charge_for(tx, params)
    amount = _amount_for(tx, charge, params)
    later = store.get_private(tx, charge["id"]).get("later")
    refund = _new_refund(tx, charge, amount, params)
    paid_back = balance.record(tx, "refund", refund, -amount)
    refund["balance_transaction"] = paid_back["id"]
    if later == "refund pending":
        refund |= {"status": "pending", "pending_reason": "processing"}
        agenda.plan(tx, "refund succeeds", refund["id"], FEW_DAYS)
    elif later == "refund fails":
        agenda.plan(tx, "refund fails", refund["id"], FEW_DAYS)
    store.insert(tx, refund)
    before = _move(tx, charge, amount)
    events.emit(tx, "refund.created", refund)
    events.emit(tx, "charge.refunded", charge, before)
    disputes.after_refund(tx, charge)
    return refund


def update(tx: Tx, refund_id: str, params: dict[str, Any]) -> dict[str, Any]:
    """Change the shop's notes on a refund; nothing else about it can change."""
    refund = load(tx, refund_id)
    before = metadata.update(refund, params)
    store.update(tx, refund)
    if before:
        events.emit(tx, "refund.updated", refund, before)
    return refund


def cancel(tx: Tx, refund_id: str) -> dict[str, Any]:
    """Cancel as the API can: only a refund that still waits for the customer."""
    refund = load(tx, refund_id)
    if refund["status"] != "requires_action":
        raise refused(
            f"This refund ({refund_id}) cannot be canceled: only a refund with a "
            f"status of requires_action can be, and its status is {refund['status']}.",
        )
    return call_off(tx, refund_id)


def load(tx: Tx, refund_id: str) -> dict[str, Any]:
    """The refund as it is now. Raises ApiError (404) for an unknown id."""
    refund = store.get(tx, "refund", refund_id)
    if not refund:
        raise missing("refund", refund_id, "refund")
    return refund


def succeed(tx: Tx, refund_id: str) -> dict[str, Any]:
    """The money of a waiting refund reaches the customer."""
    refund = _open(tx, refund_id, "pending", "requires_action")
    return _turn(tx, refund, "succeeded")


def ask(tx: Tx, refund_id: str) -> dict[str, Any]:
    """A pending refund waits for the customer's bank details from here on."""
    return _turn(tx, _open(tx, refund_id, "pending"), "requires_action")


def fail(
    tx: Tx, refund_id: str, reason: str = "expired_or_canceled_card"
) -> dict[str, Any]:
    """The customer's bank sends the money back, even after days of success."""
    refund = _open(tx, refund_id, "pending", "requires_action", "succeeded")
    _return_money(tx, refund, reason)
    _turn(tx, refund, "failed")
    events.emit(tx, "refund.failed", refund)
    return refund


def call_off(tx: Tx, refund_id: str) -> dict[str, Any]:
    """Cancel as Stripe's dashboard can: any refund that has not arrived yet."""
    refund = _open(tx, refund_id, "pending", "requires_action")
    _return_money(tx, refund, "merchant_request")
    return _turn(tx, refund, "canceled")


def _open(tx: Tx, refund_id: str, *statuses: str) -> dict[str, Any]:
    refund = load(tx, refund_id)
    if refund["status"] not in statuses:
        raise refused(f"The refund {refund_id} is {refund['status']} already.")
    agenda.forget(tx, refund_id)
    return refund


def _turn(tx: Tx, refund: dict[str, Any], status: str) -> dict[str, Any]:
    before = {"status": refund["status"]}
    refund["status"] = status
    refund.pop("pending_reason", None)
    store.update(tx, refund)
    events.emit(tx, "refund.updated", refund, before)
    return refund


def _return_money(tx: Tx, refund: dict[str, Any], reason: str) -> None:
    back = balance.record(tx, "refund_failure", refund, refund["amount"])
    refund["failure_balance_transaction"] = back["id"]
    refund["failure_reason"] = reason
    _move(tx, store.get(tx, "charge", refund["charge"]), -refund["amount"])


def _move(tx: Tx, charge: dict[str, Any], amount: int) -> dict[str, Any]:
    """Add to what was refunded of the charge; answers the fields as they were."""
    before = {key: charge[key] for key in ("amount_refunded", "refunded")}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    store.update(tx, charge)
    return {key: old for key, old in before.items() if old != charge[key]}


def _amount_for(tx: Tx, charge: dict[str, Any], params: dict[str, Any]) -> int:
    left = charge["amount"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if disputes.blocks_refund(tx, charge):
        raise refused(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if not left:
        raise refused(
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
        )
    if amount < 1:
        raise invalid("Invalid positive integer", "amount", "parameter_invalid_integer")
    currency = charge["currency"]
    amounts.check_step(amount, currency, "amount")
    if amount > left:
        raise refused(
            f"Refund amount ({amounts.shown(amount, currency)}) is greater than "
            f"unrefunded amount on charge ({amounts.shown(left, currency)})",
            "amount",
        )
    return amount


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
    if "currency" in params and params["currency"].lower() != charge["currency"]:
        raise invalid(f"The charge is in {charge['currency']}.", "currency")
    return charge


def _new_refund(tx, charge, amount, params) -> dict[str, Any]:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": tx.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": _destination(charge),
        "metadata": metadata.new(params),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def _destination(charge: dict[str, Any]) -> dict[str, Any]:
    if charge["payment_method_details"]["type"] != "card":
        kind = debits.TRANSFERS[charge["payment_method_details"]["type"]]
        return {kind: {"reference_status": "pending"}, "type": kind}
    return {
        "card": {
            "reference_status": "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        },
        "type": "card",
    }
