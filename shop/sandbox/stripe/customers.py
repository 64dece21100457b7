"""Customers, in the modest form that a shop with hosted pages needs."""

import re
from typing import Any

from . import metadata, session_rules, store
from .errors import invalid, missing
from .store import Tx, new_id

FIELDS = ("description", "email", "name", "phone")
SUPPORTED = frozenset(["expand", "metadata", *FIELDS])


def create(tx: Tx, params: dict[str, Any]) -> dict[str, Any]:
    """A new customer. Raises ApiError."""
    session_rules.refuse_others(params, SUPPORTED, "The parameter {}")
    _check_email(params)
    customer_id = new_id("cus")
    customer = {
        "id": customer_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": tx.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": params.get("description") or None,
        "discount": None,
        "email": params.get("email") or None,
        "invoice_prefix": customer_id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": metadata.new(params),
        "name": params.get("name") or None,
        "next_invoice_sequence": 1,
        "phone": params.get("phone") or None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    store.insert(tx, customer)
    return customer


def update(tx: Tx, customer_id: str, params: dict[str, Any]) -> dict[str, Any]:
    """Change how a customer is reached; Raises ApiError."""
    session_rules.refuse_others(params, SUPPORTED, "The parameter {}")
    _check_email(params)
    customer = load(tx, customer_id)
    metadata.update(customer, params)
    customer |= {name: params[name] for name in FIELDS if name in params}
    store.update(tx, customer)
    return customer


def load(tx: Tx, customer_id: str, param: str = "customer") -> dict[str, Any]:
    """The customer as it is now. Raises ApiError (404) for an unknown id."""
    customer = store.get(tx, "customer", customer_id)
    if not customer:
        raise missing("customer", customer_id, param)
    return customer


def _check_email(params: dict[str, Any]) -> None:
    email = params.get("email")
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise invalid(f"Invalid email address: {email}", "email", "email_invalid")
