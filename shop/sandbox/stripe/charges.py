"""Charges: one try to take the money, and what is known of the means of payment."""

from typing import Any

from .store import Tx, new_id


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


def payment_method(tx: Tx, method_id: str, card, who) -> dict[str, Any]:
    """The card as an error shows it."""
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


def new(tx: Tx, intent, card, who, method_id: str, details=None) -> dict[str, Any]:
    """A charge that was taken, or (a card with a `code`) refused; not yet stored.

    `details` tells of another means of payment than a card.
    """
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
        "customer": intent["customer"],
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
        "payment_method_details": details or _of_card(card, amount),
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


def _of_card(card: dict[str, Any], amount: int) -> dict[str, Any]:
    return {"card": _used(card, amount), "type": "card"}


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
