"""Checkout Sessions: open, then complete or expired, and never back."""

import secrets
from typing import Any

from . import (
    agenda,
    amounts,
    coupons,
    customers,
    events,
    line_items,
    metadata,
    session_rules,
    store,
)
from .errors import missing, refused
from .store import Tx

KIND = "checkout.session"
SUPPORTED_UPDATE = frozenset(["expand", "metadata"])


def create(tx: Tx, params: dict[str, Any]) -> dict[str, Any]:
    """A new open session. Raises ApiError; see `session_rules` for the reasons."""
    session_rules.check(params, tx.now)
    currency = params["line_items"][0]["price_data"]["currency"].lower()
    lines = [line_items.line(tx, line, currency) for line in params["line_items"]]
    subtotal = sum(line["amount_subtotal"] for line in lines)
    discount = coupons.for_session(tx, params, currency)
    if discount:
        coupons.take_off(lines, discount[1])
    shipping = line_items.shipping(tx, params)
    total = sum(line["amount_total"] for line in lines)
    total += shipping["cost"]["amount_total"] if shipping else 0
    amounts.check_total(total, currency)

    session_id = "cs_test_" + secrets.token_hex(29)
    session = {
        "id": session_id,
        "object": KIND,
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": subtotal,
        "amount_total": total,
        "automatic_tax": {
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": tx.now,
        "currency": currency,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            name: params.get("custom_text", {}).get(name) or None
            for name in (
                "after_submit",
                "shipping_address",
                "submit",
                "terms_of_service_acceptance",
            )
        },
        "customer": params.get("customer"),
        "customer_account": None,
        "customer_creation": params.get("customer_creation", "if_required"),
        "customer_details": _known(tx, params),
        "customer_email": params.get("customer_email"),
        "discounts": [discount[0]] if discount else [],
        "expires_at": params.get("expires_at", tx.now + session_rules.DAY),
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": None,
                "footer": None,
                "issuer": None,
                "metadata": {},
                "rendering_options": None,
            },
        },
        "livemode": False,
        "locale": params.get("locale"),
        "managed_payments": {"enabled": False},
        "metadata": metadata.given(params.get("metadata")),
        "mode": "payment",
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": params.get("allowed_payment_method_types", ["card"]),
        "payment_status": "unpaid" if total else "no_payment_required",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": shipping["cost"] if shipping else None,
        "shipping_options": [shipping["option"]] if shipping else [],
        "status": "open",
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "success_url": params["success_url"],
        "total_details": {
            "amount_discount": sum(line["amount_discount"] for line in lines),
            "amount_shipping": shipping["cost"]["amount_total"] if shipping else 0,
            "amount_tax": 0,
        },
        "ui_mode": "hosted_page",
        "url": f"{tx.config.public_base}/pay/{session_id}",
        "wallet_options": None,
    }
    intent_data = params.get("payment_intent_data", {})
    store.insert(
        tx,
        session,
        {
            "line_items": lines,
            "payment_intent_data": {
                **intent_data,
                "metadata": metadata.given(intent_data.get("metadata")),
            },
        },
    )
    agenda.plan(tx, "expire", session_id, session["expires_at"] - tx.now)
    return session


def load(tx: Tx, session_id: str) -> dict[str, Any]:
    """The session as it is now. Raises ApiError (404) for an unknown id."""
    session = store.get(tx, KIND, session_id)
    if not session:
        raise missing("checkout.session", session_id, "session")
    return session


def expire(tx: Tx, session_id: str) -> dict[str, Any]:
    """Close an open session for good. Raises ApiError unless it is open."""
    session = load(tx, session_id)
    if session["status"] != "open":
        raise refused(
            'Only Checkout Sessions with a status in ["open"] can be expired. This '
            f"Checkout Session has a status of {session['status']}.",
        )
    agenda.forget(tx, session_id)
    session["status"] = "expired"
    session["url"] = None
    store.update(tx, session)
    events.emit(tx, "checkout.session.expired", session)
    return session


def update(tx: Tx, session_id: str, params: dict[str, Any]) -> dict[str, Any]:
    """Change the shop's notes on a session; it tells nobody. Raises ApiError."""
    session_rules.refuse_others(params, SUPPORTED_UPDATE, "The parameter {}")
    session = load(tx, session_id)
    metadata.update(session, params)
    store.update(tx, session)
    return session


def complete(
    tx: Tx, session: dict[str, Any], email: str, name: str, *, delayed: bool = False
) -> None:
    """Mark an open session paid (or free), and tell about it.

    When the money is `delayed`, the session is complete but unpaid; see `settle`.
    """
    agenda.forget(tx, session["id"])
    session["status"] = "complete"
    if session["payment_status"] == "unpaid" and not delayed:
        session["payment_status"] = "paid"
    session["customer_details"] = _customer(email, name or None)
    # A finished page has no address to pay at.
    session["url"] = None
    store.update(tx, session)
    coupons.redeem(tx, session)
    events.emit(tx, "checkout.session.completed", session)


def settle(tx: Tx, session_id: str, *, paid: bool) -> None:
    """The delayed money of a complete session arrived, or never will."""
    session = load(tx, session_id)
    if paid:
        session["payment_status"] = "paid"
        store.update(tx, session)
    outcome = "succeeded" if paid else "failed"
    events.emit(tx, f"checkout.session.async_payment_{outcome}", session)


def known_email(session: dict[str, Any]) -> str:
    """The address that the shop gave, so that the page need not ask; or nothing."""
    return (session["customer_details"] or {}).get("email") or ""


def lines_of(tx: Tx, session_id: str) -> list[dict[str, Any]]:
    """The lines of a session that is known to exist."""
    return store.get_private(tx, session_id)["line_items"]


def success_url(session: dict[str, Any]) -> str:
    """Where a finished payment leads, with the id filled in."""
    return session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])


def _known(tx: Tx, params: dict[str, Any]) -> dict[str, Any] | None:
    if "customer" in params:
        customer = customers.load(tx, params["customer"])
        return _customer(customer["email"], customer["name"])
    return _customer(params.get("customer_email"), None)


def _customer(email: str | None, name: str | None) -> dict[str, Any] | None:
    if not email:
        return None
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
