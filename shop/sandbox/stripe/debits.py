"""Bank debits: the session is complete at once, the money comes days later or never."""

import hashlib
from typing import Any

from . import agenda, balance, charges, events, payments, sessions, store
from .errors import refused
from .store import Tx, new_id

FOUR_DAYS = 4 * 24 * 60 * 60
# How a refund travels back, by the means of payment.
TRANSFERS = {"us_bank_account": "us_bank_transfer", "sepa_debit": "eu_bank_transfer"}
TAKEN = {"code": "", "decline_code": "", "message": ""}
REFUSED = "The customer's bank account could not be debited."


def method_of(session: dict[str, Any]) -> str:
    """The bank debit that the session allows, or nothing."""
    return next((m for m in session["payment_method_types"] if m in TRANSFERS), "")


def submit(tx: Tx, session: dict[str, Any], who: dict[str, str], *, fails: bool):
    """The customer chose the bank debit; `fails` tells how it will end."""
    intent = payments.intent_for(tx, session)
    intent["payment_method"] = new_id("pm")
    intent["last_payment_error"] = None
    intent["next_action"] = None
    intent["status"] = "processing"
    waiting = {"session": session["id"], "who": who, "fails": fails}
    store.update(tx, intent, {"debit": waiting})
    events.emit(tx, "payment_intent.processing", intent)
    sessions.complete(tx, session, who["email"], who["name"], delayed=True)
    agenda.plan(tx, "debit settles", intent["id"], FOUR_DAYS)


def settle(tx: Tx, intent_id: str, *, fails: bool | None = None) -> dict[str, Any]:
    """The bank answers, as was chosen on the page or as `fails` says now.

    Raises ApiError unless the payment intent is processing.
    """
    intent = store.get(tx, "payment_intent", intent_id)
    if not intent or intent["status"] != "processing":
        raise refused(f"No debit is under way for {intent_id}.")
    agenda.forget(tx, intent_id)
    waiting = store.get_private(tx, intent_id)["debit"]
    failed = waiting["fails"] if fails is None else fails
    if failed:
        error = {"message": REFUSED, "type": "invalid_request_error"}
        payments.fail(tx, intent, error)
    else:
        _take(tx, intent, waiting)
    sessions.settle(tx, waiting["session"], paid=not failed)
    return intent


def _take(tx: Tx, intent: dict[str, Any], waiting: dict[str, Any]) -> None:
    method = method_of(intent)
    charge = charges.new(
        tx,
        intent,
        TAKEN,
        waiting["who"],
        intent["payment_method"],
        {method: _account(method), "type": method},
    )
    fee = balance.debit_fee(charge["amount"])
    taken = balance.record(tx, "payment", charge, charge["amount"], fee=fee)
    charge["balance_transaction"] = taken["id"]
    # Banks are slow both ways.
    store.insert(tx, charge, {"later": "refund pending"})
    intent["amount_received"] = intent["amount"]
    intent["latest_charge"] = charge["id"]
    intent["status"] = "succeeded"
    store.update(tx, intent, {})
    events.emit(tx, "charge.succeeded", charge)
    events.emit(tx, "payment_intent.succeeded", intent)


def _account(method: str) -> dict[str, Any]:
    mark = hashlib.sha256(f"tandem-sandbox:{method}".encode()).hexdigest()[:16]
    if method == "us_bank_account":
        return {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "fingerprint": mark,
            "last4": "6789",
            "mandate": None,
            "payment_reference": None,
            "routing_number": "110000000",
        }
    return {
        "bank_code": "37040044",
        "branch_code": "",
        "country": "DE",
        "fingerprint": mark,
        "last4": "3000",
        "mandate": None,
    }
