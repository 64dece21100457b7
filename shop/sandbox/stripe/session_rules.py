"""What the types cannot say about creating a Checkout Session."""

import re
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import urlsplit

from . import amounts, metadata
from .errors import invalid, not_modelled

HALF_HOUR = 30 * 60
DAY = 24 * 60 * 60
# Stripe measures with its own clock; a little slack forgives a round trip.
SLACK = 30

SUPPORTED = frozenset(
    [
        "adaptive_pricing",
        "allowed_payment_method_types",
        "billing_address_collection",
        "branding_settings",
        "cancel_url",
        "client_reference_id",
        "currency",
        "custom_text",
        "customer",
        "customer_creation",
        "customer_email",
        "discounts",
        "expand",
        "expires_at",
        "line_items",
        "locale",
        "metadata",
        "mode",
        "payment_intent_data",
        "payment_method_collection",
        "shipping_options",
        "submit_type",
        "success_url",
        "ui_mode",
    ]
)
SUPPORTED_INTENT = frozenset(
    [
        "capture_method",
        "description",
        "metadata",
        "receipt_email",
        "statement_descriptor_suffix",
    ]
)
# The payment methods of the page, and the one currency in which each can be used.
METHODS = {"card": None, "us_bank_account": "usd", "sepa_debit": "eur"}
ONLY = {
    "adaptive_pricing": [{"enabled": False}],
    "billing_address_collection": ["auto"],
    "customer_creation": ["if_required"],
    "mode": ["payment"],
    "ui_mode": ["hosted_page"],
}


def check(params: dict[str, Any], now: int) -> None:
    """Raise ApiError for what Stripe refuses, or what the sandbox cannot do."""
    if "mode" not in params:
        raise invalid("Missing required param: mode.", "mode", "parameter_missing")
    _check_discounts(params)
    _check_supported(params)
    _check_urls(params)
    _check_expiry(params.get("expires_at"), now)
    metadata.check(params.get("metadata"), "metadata")
    metadata.check(
        params.get("payment_intent_data", {}).get("metadata"),
        "payment_intent_data[metadata]",
    )
    if len(params.get("client_reference_id", "")) > 200:
        raise invalid(
            "Invalid client_reference_id: at most 200 characters.",
            "client_reference_id",
        )
    if "customer" in params and "customer_email" in params:
        raise invalid(
            "You may only specify one of these parameters: customer, customer_email.",
            "customer_email",
        )
    email = params.get("customer_email")
    if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise invalid(f"Invalid email address: {email}", "customer_email")
    _check_lines(params.get("line_items", []))
    _check_shipping(params.get("shipping_options", []))
    _check_methods(params, _check_one_currency(params))


def _check_supported(params: dict[str, Any]) -> None:
    refuse_others(params, SUPPORTED, "The parameter {}")
    refuse_others(
        params.get("payment_intent_data", {}),
        SUPPORTED_INTENT,
        "The parameter payment_intent_data[{}]",
    )
    for name, values in ONLY.items():
        if name in params and params[name] not in values:
            raise not_modelled(f"{name} = {params[name]}", name)
    for method in params.get("allowed_payment_method_types", []):
        if method not in METHODS:
            raise not_modelled(
                f"The payment method {method}", "allowed_payment_method_types"
            )
    capture = params.get("payment_intent_data", {}).get("capture_method", "automatic")
    if capture not in ("automatic", "automatic_async"):
        raise not_modelled("Manual capture", "payment_intent_data[capture_method]")


def refuse_others(given: Iterable[str], supported: Collection[str], words: str) -> None:
    """Raise ApiError for a parameter that Stripe knows and the sandbox does not."""
    for name in given:
        if name not in supported:
            raise not_modelled(words.format(name), name)


def _check_urls(params: dict[str, Any]) -> None:
    if "success_url" not in params:
        raise invalid(
            "Missing required param: success_url.", "success_url", "parameter_missing"
        )
    for name in ("success_url", "cancel_url"):
        url = urlsplit(params.get(name, "https://example.com/"))
        if url.scheme not in ("http", "https") or not url.netloc:
            raise invalid(
                "Not a valid URL: an explicit scheme (such as https) must be provided.",
                name,
                "url_invalid",
            )


def _check_expiry(expires_at: int | None, now: int) -> None:
    if expires_at is None:
        return
    if expires_at < now + HALF_HOUR - SLACK:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout "
            "Session creation.",
            "expires_at",
        )
    if expires_at > now + DAY + SLACK:
        raise invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout "
            "Session creation.",
            "expires_at",
        )


def _check_lines(lines: list[dict[str, Any]]) -> None:
    if not lines:
        raise invalid(
            "Missing required param: line_items.", "line_items", "parameter_missing"
        )
    if len(lines) > 100:
        raise invalid("You may pass up to 100 line items.", "line_items")
    for n, line in enumerate(lines):
        _check_line(line, f"line_items[{n}]")


def _check_line(line: dict[str, Any], path: str) -> None:
    for name in ("price", "adjustable_quantity", "tax_rates", "dynamic_tax_rates"):
        if name in line:
            raise not_modelled(f"{path}[{name}]", f"{path}[{name}]")
    for name in ("price_data", "quantity"):
        if name not in line:
            raise invalid(
                f"Missing required param: {path}[{name}].",
                f"{path}[{name}]",
                "parameter_missing",
            )
    metadata.check(line.get("metadata"), f"{path}[metadata]")
    if line["quantity"] < 1:
        raise invalid(
            "This value must be greater than or equal to 1.",
            f"{path}[quantity]",
            "parameter_invalid_integer",
        )
    _check_price(line["price_data"], f"{path}[price_data]")


def _check_price(price: dict[str, Any], path: str) -> None:
    for name in ("product", "recurring", "unit_amount_decimal"):
        if name in price:
            raise not_modelled(f"{path}[{name}]", f"{path}[{name}]")
    for name in ("product_data", "unit_amount"):
        if name not in price:
            raise invalid(
                f"Missing required param: {path}[{name}].",
                f"{path}[{name}]",
                "parameter_missing",
            )
    if price["unit_amount"] < 0:
        raise invalid(
            "This value must be greater than or equal to 0.",
            f"{path}[unit_amount]",
            "parameter_invalid_integer",
        )
    if price["unit_amount"] > amounts.MAXIMUM:
        raise invalid(
            "Invalid integer: at most 8 digits.",
            f"{path}[unit_amount]",
            "amount_too_large",
        )
    product = price["product_data"]
    if len(product["name"]) > 5000:
        raise invalid(
            "Invalid string: at most 5000 characters.", f"{path}[product_data][name]"
        )
    images = product.get("images", [])
    if len(images) > 8:
        raise invalid("You may pass up to 8 images.", f"{path}[product_data][images]")
    for n, image in enumerate(images):
        if urlsplit(image).scheme not in ("http", "https"):
            raise invalid(
                "Not a valid URL.", f"{path}[product_data][images][{n}]", "url_invalid"
            )
    metadata.check(product.get("metadata"), f"{path}[product_data][metadata]")


def _check_shipping(options: list[dict[str, Any]]) -> None:
    if len(options) > 1:
        raise not_modelled("A choice of shipping options", "shipping_options")
    for option in options:
        rate = option.get("shipping_rate_data")
        if rate is None or "fixed_amount" not in rate:
            raise not_modelled(
                "Shipping without shipping_rate_data[fixed_amount]",
                "shipping_options[0]",
            )
        if rate["fixed_amount"]["amount"] < 0:
            raise invalid(
                "This value must be greater than or equal to 0.",
                "shipping_options[0][shipping_rate_data][fixed_amount][amount]",
                "parameter_invalid_integer",
            )


def _check_methods(params: dict[str, Any], currency: str) -> None:
    for method in params.get("allowed_payment_method_types", []):
        if METHODS[method] not in (None, currency):
            raise invalid(
                f"The payment method {method} cannot be used with {currency}; it "
                f"takes {METHODS[method]} only.",
                "allowed_payment_method_types",
            )


def _check_discounts(params: dict[str, Any]) -> None:
    discounts = params.get("discounts") or []
    if discounts and "allow_promotion_codes" in params:
        raise invalid(
            "You may only specify one of these parameters: allow_promotion_codes, "
            "discounts.",
            "allow_promotion_codes",
        )
    if len(discounts) > 1:
        raise invalid(
            "You can apply at most one discount to a Checkout Session.", "discounts"
        )
    if discounts and len(discounts[0]) != 1:
        raise invalid(
            "You must pass either a coupon or a promotion_code.", "discounts[0]"
        )


def _check_one_currency(params: dict[str, Any]) -> str:
    named = [
        (line["price_data"]["currency"], f"line_items[{n}][price_data][currency]")
        for n, line in enumerate(params["line_items"])
    ]
    for n, option in enumerate(params.get("shipping_options", [])):
        path = f"shipping_options[{n}][shipping_rate_data][fixed_amount][currency]"
        named.append((option["shipping_rate_data"]["fixed_amount"]["currency"], path))
    if "currency" in params:
        named.append((params["currency"], "currency"))
    first = amounts.check_currency(*named[0])
    for currency, path in named[1:]:
        if amounts.check_currency(currency, path) != first:
            raise invalid(
                "You cannot combine currencies on a single Checkout Session: "
                f"{first} and {currency.lower()}.",
                path,
            )
    return first
