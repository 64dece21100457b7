"""What a Checkout Session sells: lines, their products and prices, and shipping."""

from typing import Any

from . import metadata, store
from .store import Tx, new_id


def line(tx: Tx, line: dict[str, Any], currency: str) -> dict[str, Any]:
    """One line with its price, made from `price_data`."""
    data = line["price_data"]
    amount = data["unit_amount"] * line["quantity"]
    product = _product(tx, data["product_data"])
    store.insert(tx, product)
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": currency,
        "description": product["name"],
        "metadata": metadata.given(line.get("metadata")),
        "price": {
            "id": new_id("price"),
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "created": tx.now,
            "currency": currency,
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": {},
            "nickname": None,
            "product": product["id"],
            "recurring": None,
            "tax_behavior": data.get("tax_behavior", "unspecified"),
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "one_time",
            "unit_amount": data["unit_amount"],
            "unit_amount_decimal": str(data["unit_amount"]),
        },
        "quantity": line["quantity"],
    }


def _product(tx: Tx, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": new_id("prod"),
        "object": "product",
        "active": False,
        "created": tx.now,
        "default_price": None,
        "description": data.get("description"),
        "images": data.get("images", []),
        "livemode": False,
        "marketing_features": [],
        "metadata": metadata.given(data.get("metadata")),
        "name": data["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": data.get("tax_code"),
        "type": "service",
        "unit_label": data.get("unit_label"),
        "updated": tx.now,
        "url": None,
    }


def shipping(tx: Tx, params: dict[str, Any]) -> dict[str, Any] | None:
    """The one way of shipping: its `option` and its `cost`; None if not asked for."""
    if not params.get("shipping_options"):
        return None
    data = params["shipping_options"][0]["shipping_rate_data"]
    amount = data["fixed_amount"]["amount"]
    rate = {
        "id": new_id("shr"),
        "object": "shipping_rate",
        "active": False,
        "created": tx.now,
        "delivery_estimate": data.get("delivery_estimate"),
        "display_name": data["display_name"],
        "fixed_amount": {
            "amount": amount,
            "currency": data["fixed_amount"]["currency"].lower(),
        },
        "livemode": False,
        "metadata": metadata.given(data.get("metadata")),
        "tax_behavior": data.get("tax_behavior", "unspecified"),
        "tax_code": data.get("tax_code"),
        "type": "fixed_amount",
    }
    store.insert(tx, rate)
    return {
        "option": {"shipping_amount": amount, "shipping_rate": rate["id"]},
        "cost": {
            "amount_subtotal": amount,
            "amount_tax": 0,
            "amount_total": amount,
            "shipping_rate": rate["id"],
        },
    }
