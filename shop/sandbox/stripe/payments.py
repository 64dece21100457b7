"""Payment intents and their charges: one intent a session, one charge a try."""

import secrets
from typing import Any

from . import aftermath, balance, charges, events, sessions, store
from .store import Tx, new_id


def submit(
    tx: Tx, session: dict[str, Any], card: dict[str, Any], name: str, email: str
) -> dict[str, Any]:
    """The customer pressed Pay with this card; answers the payment intent.

    Its status tells the outcome: `succeeded`, `requires_action` (ask for 3-D
    Secure), or `requires_payment_method` (declined, see `last_payment_error`).
    `card` comes from `cards.described`, so it never holds a number.
    """
    intent = intent_for(tx, session)
    who = {"name": name, "email": email}
    if card["challenge"]:
        intent["status"] = "requires_action"
        intent["payment_method"] = new_id("pm")
        intent["last_payment_error"] = None
        intent["next_action"] = {
            "type": "redirect_to_url",
            "redirect_to_url": {
                "return_url": session["url"],
                "url": f"{session['url']}/authenticate",
            },
        }
        store.update(tx, intent, {"card": card, "who": who})
        events.emit(tx, "payment_intent.requires_action", intent)
        return intent
    return _charge(tx, session, intent, card, who)


def authenticate(tx: Tx, session: dict[str, Any], *, passed: bool) -> dict[str, Any]:
    """The customer finished 3-D Secure; answers the payment intent.

    The session's intent must be in `requires_action`.
    """
    intent = store.get(tx, "payment_intent", session["payment_intent"])
    waiting = store.get_private(tx, intent["id"])
    intent["next_action"] = None
    if passed:
        card = {**waiting["card"], "authenticated": True}
        return _charge(tx, session, intent, card, waiting["who"])
    message = (
        "We are unable to authenticate your payment method. "
        "Please choose a different payment method and try again."
    )
    fail(
        tx,
        intent,
        {
            "code": "payment_intent_authentication_failure",
            "message": message,
            "payment_method": charges.payment_method(
                tx, intent["payment_method"], waiting["card"], waiting["who"]
            ),
            "type": "invalid_request_error",
        },
    )
    return intent


def intent_for(tx: Tx, session: dict[str, Any]) -> dict[str, Any]:
    """The session's intent, made when the customer first submits the page."""
    if session["payment_intent"]:
        return store.get(tx, "payment_intent", session["payment_intent"])
    data = store.get_private(tx, session["id"])["payment_intent_data"]
    intent_id = new_id("pi")
    intent = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": session["amount_total"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": data.get("capture_method", "automatic_async"),
        "client_secret": f"{intent_id}_secret_{secrets.token_hex(12)}",
        "confirmation_method": "automatic",
        "created": tx.now,
        "currency": session["currency"],
        "customer": session["customer"],
        "customer_account": None,
        "description": data.get("description"),
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": data["metadata"],
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": session["payment_method_types"],
        "processing": None,
        "receipt_email": data.get("receipt_email"),
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": data.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    store.insert(tx, intent)
    session["payment_intent"] = intent_id
    store.update(tx, session)
    events.emit(tx, "payment_intent.created", intent)
    return intent


def _charge(tx, session, intent, card, who) -> dict[str, Any]:
    method_id = intent["payment_method"] or new_id("pm")
    declined = bool(card["code"])
    charge = charges.new(tx, intent, card, who, method_id)
    if not declined:
        fee = balance.card_fee(charge["amount"])
        taken = balance.record(tx, "charge", charge, charge["amount"], fee=fee)
        charge["balance_transaction"] = taken["id"]
    store.insert(tx, charge, {"later": card["later"]})
    intent["latest_charge"] = charge["id"]
    if declined:
        events.emit(tx, "charge.failed", charge)
        error = {
            "charge": charge["id"],
            "code": card["code"],
            "doc_url": f"https://stripe.com/docs/error-codes/{card['code']}",
            "message": card["message"],
            "payment_method": charges.payment_method(tx, method_id, card, who),
            "type": "card_error",
        }
        if card["decline_code"]:
            error["decline_code"] = card["decline_code"]
        fail(tx, intent, error)
        return intent
    intent["amount_received"] = intent["amount"]
    intent["last_payment_error"] = None
    intent["payment_method"] = method_id
    intent["status"] = "succeeded"
    # The card's details were kept for 3-D Secure only.
    store.update(tx, intent, {})
    events.emit(tx, "charge.succeeded", charge)
    events.emit(tx, "payment_intent.succeeded", intent)
    sessions.complete(tx, session, who["email"], who["name"])
    aftermath.follow(tx, charge, card["later"])
    return intent


def fail(tx: Tx, intent: dict[str, Any], error: dict[str, Any]) -> None:
    """The try is over; another means of payment may follow."""
    intent["last_payment_error"] = error
    intent["payment_method"] = None
    intent["status"] = "requires_payment_method"
    store.update(tx, intent, {})
    events.emit(tx, "payment_intent.payment_failed", intent)
