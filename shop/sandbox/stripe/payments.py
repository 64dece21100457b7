"""Payment intents and their charges: one intent a session, one charge a try."""

import secrets
from typing import Any

from . import aftermath, balance, events, sessions, store
from .store import Tx, new_id


def submit(
    tx: Tx, session: dict[str, Any], card: dict[str, Any], name: str, email: str
) -> dict[str, Any]:
    """The customer pressed Pay with this card; answers the payment intent.

    Its status tells the outcome: `succeeded`, `requires_action` (ask for 3-D
    Secure), or `requires_payment_method` (declined, see `last_payment_error`).
    `card` comes from `cards.described`, so it never holds a number.
    """
    intent = _intent_for(tx, session, email)
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
    _fail(
        tx,
        intent,
        {
            "code": "payment_intent_authentication_failure",
            "message": message,
            "payment_method": _payment_method(
                tx, intent["payment_method"], waiting["card"], waiting["who"]
            ),
            "type": "invalid_request_error",
        },
    )
    return intent


def _intent_for(tx: Tx, session: dict[str, Any], email: str) -> dict[str, Any]:
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
        "customer": None,
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
        "payment_method_types": ["card"],
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
    charge = _new_charge(tx, intent, card, who, method_id)
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
            "payment_method": _payment_method(tx, method_id, card, who),
            "type": "card_error",
        }
        if card["decline_code"]:
            error["decline_code"] = card["decline_code"]
        _fail(tx, intent, error)
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


def _fail(tx: Tx, intent: dict[str, Any], error: dict[str, Any]) -> None:
    intent["last_payment_error"] = error
    intent["payment_method"] = None
    intent["status"] = "requires_payment_method"
    store.update(tx, intent, {})
    events.emit(tx, "payment_intent.payment_failed", intent)


def _billing(who: dict[str, str]) -> dict[str, Any]:
    blank = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {
        "address": blank,
        "email": who["email"],
        "name": who["name"],
        "phone": None,
        "tax_id": None,
    }


def _checks(card: dict[str, Any]) -> dict[str, Any]:
    cvc = "fail" if card["code"] == "incorrect_cvc" else "pass"
    return {
        "address_line1_check": None,
        "address_postal_code_check": None,
        "cvc_check": cvc,
    }


def _payment_method(tx, method_id, card, who) -> dict[str, Any]:
    return {
        "id": method_id,
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": _billing(who),
        "card": {
            "brand": card["brand"],
            "checks": _checks(card),
            "country": card["country"],
            "display_brand": card["brand"],
            "exp_month": card["exp_month"],
            "exp_year": card["exp_year"],
            "fingerprint": card["fingerprint"],
            "funding": card["funding"],
            "generated_from": None,
            "last4": card["last4"],
            "networks": {"available": [card["brand"]], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": tx.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def _new_charge(tx, intent, card, who, method_id) -> dict[str, Any]:
    declined = bool(card["code"])
    amount = intent["amount"]
    return {
        "id": new_id("ch"),
        "object": "charge",
        "amount": amount,
        "amount_captured": 0 if declined else amount,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": _billing(who),
        "calculated_statement_descriptor": tx.config.shop_name.upper()[:22],
        "captured": not declined,
        "created": tx.now,
        "currency": intent["currency"],
        "customer": None,
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": card["code"] or None,
        "failure_message": card["message"] or None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(card),
        "paid": not declined,
        "payment_intent": intent["id"],
        "payment_method": method_id,
        "payment_method_details": {"card": _used(card, amount), "type": "card"},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if declined else "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def _outcome(card: dict[str, Any]) -> dict[str, Any]:
    if card["decline_code"] == "fraudulent":
        kind, network, risk = "blocked", "not_sent_to_network", "highest"
        seller = "Stripe blocked this payment as too risky."
    elif card["code"]:
        kind, network, risk = "issuer_declined", "declined_by_network", "normal"
        seller = "The bank did not approve this payment."
    else:
        kind, network, risk = "authorized", "approved_by_network", "normal"
        seller = "Payment complete."
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network,
        "reason": card["decline_code"] or card["code"] or None,
        "risk_level": risk,
        "risk_score": 95 if risk == "highest" else 12,
        "seller_message": seller,
        "type": kind,
    }


def _used(card: dict[str, Any], amount: int) -> dict[str, Any]:
    """What a charge remembers of the card it was made with."""
    secure = None
    if card.get("authenticated"):
        secure = {
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": "05",
            "exemption_indicator": None,
            "result": "authenticated",
            "result_reason": None,
            "transaction_id": None,
            "version": "2.2.0",
        }
    return {
        "amount_authorized": None if card["code"] else amount,
        "authorization_code": None,
        "brand": card["brand"],
        "checks": _checks(card),
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {
            "maximum_amount_capturable": amount,
            "status": "unavailable",
        },
        "regulated_status": "unregulated",
        "three_d_secure": secure,
        "wallet": None,
    }
