"""Coupons and promotion codes, and what they take off a Checkout Session."""

import secrets
from typing import Any

from . import amounts, metadata, session_rules, store
from .errors import invalid, missing
from .store import Tx, new_id

SUPPORTED = frozenset(
    ["amount_off", "currency", "duration", "duration_in_months", "expand", "id"]
    + ["max_redemptions", "metadata", "name", "percent_off", "redeem_by"]
)
SUPPORTED_UPDATE = frozenset(["expand", "metadata", "name"])
SUPPORTED_CODE = frozenset(
    ["active", "code", "expand", "expires_at", "max_redemptions", "metadata"]
    + ["promotion"]
)
SUPPORTED_CODE_UPDATE = frozenset(["active", "expand", "metadata"])


def create(tx: Tx, params: dict[str, Any]) -> dict[str, Any]:
    """A coupon over an amount or over a percentage. Raises ApiError."""
    session_rules.refuse_others(params, SUPPORTED, "The parameter {}")
    _check_worth(params)
    months = params.get("duration_in_months")
    if (params.get("duration") == "repeating") != (months is not None):
        raise invalid(
            "duration_in_months goes with a duration of repeating, and only with it.",
            "duration_in_months",
        )
    coupon_id = params.get("id") or secrets.token_hex(4).upper()
    if store.get(tx, "coupon", coupon_id):
        raise invalid(
            f"Coupon already exists: {coupon_id}", "id", "resource_already_exists"
        )
    percent = params.get("percent_off")
    coupon = {
        "id": coupon_id,
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": tx.now,
        "currency": params["currency"].lower() if "amount_off" in params else None,
        "duration": params.get("duration", "once"),
        "duration_in_months": months,
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": metadata.new(params),
        "name": params.get("name"),
        "percent_off": None if percent is None else float(percent),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    store.insert(tx, coupon)
    return coupon


def update(tx: Tx, coupon_id: str, params: dict[str, Any]) -> dict[str, Any]:
    """Change name and metadata; what a coupon is worth can never change."""
    session_rules.refuse_others(params, SUPPORTED_UPDATE, "The parameter {}")
    coupon = load(tx, coupon_id)
    metadata.update(coupon, params)
    if "name" in params:
        coupon["name"] = params["name"] or None
    store.update(tx, coupon)
    return coupon


def load(tx: Tx, coupon_id: str, param: str = "coupon") -> dict[str, Any]:
    """The coupon with today's `valid`. Raises ApiError (404) for an unknown id."""
    coupon = store.get(tx, "coupon", coupon_id)
    if not coupon:
        raise missing("coupon", coupon_id, param)
    coupon["valid"] = _is_valid(coupon, coupon["redeem_by"], tx.now)
    return coupon


def create_code(tx: Tx, params: dict[str, Any]) -> dict[str, Any]:
    """A code that customers type, standing for a coupon. Raises ApiError."""
    session_rules.refuse_others(params, SUPPORTED_CODE, "The parameter {}")
    coupon_id = params["promotion"].get("coupon")
    if not coupon_id:
        raise invalid(
            "Missing required param: promotion[coupon].",
            "promotion[coupon]",
            "parameter_missing",
        )
    load(tx, coupon_id, "promotion[coupon]")
    code = {
        "id": new_id("promo"),
        "object": "promotion_code",
        "active": params.get("active", True),
        "code": params.get("code") or secrets.token_hex(4).upper(),
        "created": tx.now,
        "customer": None,
        "customer_account": None,
        "expires_at": params.get("expires_at"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": metadata.new(params),
        "promotion": {"coupon": coupon_id, "type": "coupon"},
        "restrictions": {
            "first_time_transaction": False,
            "minimum_amount": None,
            "minimum_amount_currency": None,
        },
        "times_redeemed": 0,
    }
    store.insert(tx, code)
    return code


def update_code(tx: Tx, code_id: str, params: dict[str, Any]) -> dict[str, Any]:
    """Switch a code on or off, and change its metadata."""
    session_rules.refuse_others(params, SUPPORTED_CODE_UPDATE, "The parameter {}")
    code = _load_code(tx, code_id, "promotion_code")
    metadata.update(code, params)
    code["active"] = params.get("active", code["active"])
    store.update(tx, code)
    return code


def for_session(
    tx: Tx, params: dict[str, Any], currency: str
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The session's one discount: the entry it shows, and the coupon behind it.

    Raises ApiError for one that is unknown, used up, or in another currency.
    """
    if not params.get("discounts"):
        return None
    (given,) = params["discounts"]
    where = "discounts[0]"
    code_id, coupon_id = given.get("promotion_code"), given.get("coupon")
    if code_id:
        code = _load_code(tx, code_id, f"{where}[promotion_code]")
        if not (code["active"] and _is_valid(code, code["expires_at"], tx.now)):
            raise invalid("This promotion code is not active.", where)
        coupon_id = code["promotion"]["coupon"]
    coupon = load(tx, coupon_id, f"{where}[coupon]")
    if not coupon["valid"]:
        raise invalid(f"Coupon {coupon_id} is used up or expired.", where)
    if coupon["currency"] not in (None, currency):
        raise invalid(
            f"The coupon {coupon_id} is in {coupon['currency']}, but the session is in "
            f"{currency}.",
            where,
        )
    return {"coupon": coupon_id, "promotion_code": code_id}, coupon


def take_off(lines: list[dict[str, Any]], coupon: dict[str, Any]) -> None:
    """Share the coupon's worth among the lines; shipping is never discounted.

    A percentage is rounded line by line, so it may differ by a cent from the same
    percentage of the sum; a fixed amount is split exactly.
    """
    left = sum(line["amount_subtotal"] for line in lines)
    fixed = min(coupon["amount_off"] or 0, left)
    for line in lines:
        amount = line["amount_subtotal"]
        if coupon["percent_off"] is not None:
            off = (amount * round(coupon["percent_off"] * 100) + 5000) // 10000
        else:
            # In proportion to what is left, so that the last line takes the rest.
            off = (fixed * amount + left // 2) // left if left else 0
            fixed, left = fixed - off, left - amount
        line["amount_discount"] = off
        line["amount_total"] = amount - off


def redeem(tx: Tx, session: dict[str, Any]) -> None:
    """A completed session has used its coupon, and its code, once."""
    for entry in session["discounts"]:
        for kind in ("coupon", "promotion_code"):
            used = store.get(tx, kind, entry[kind] or "")
            if used:
                used["times_redeemed"] += 1
                store.update(tx, used)


def _load_code(tx: Tx, code_id: str, param: str) -> dict[str, Any]:
    code = store.get(tx, "promotion_code", code_id)
    if not code:
        raise missing("promotion code", code_id, param)
    return code


def _is_valid(used: dict[str, Any], until: int | None, now: int) -> bool:
    most = used["max_redemptions"]
    if most is not None and used["times_redeemed"] >= most:
        return False
    return until is None or now < until


def _check_worth(params: dict[str, Any]) -> None:
    if ("amount_off" in params) == ("percent_off" in params):
        raise invalid("You must pass either amount_off or percent_off.", "amount_off")
    if "percent_off" in params and not 0 < params["percent_off"] <= 100:
        raise invalid("percent_off must be more than 0 and at most 100.", "percent_off")
    if "amount_off" in params:
        if "currency" not in params:
            raise invalid(
                "You must pass currency when passing amount_off.",
                "currency",
                "parameter_missing",
            )
        amounts.check_currency(params["currency"], "currency")
        if params["amount_off"] < 1:
            raise invalid(
                "Invalid positive integer", "amount_off", "parameter_invalid_integer"
            )
    if params.get("max_redemptions", 1) < 1:
        raise invalid(
            "Invalid positive integer", "max_redemptions", "parameter_invalid_integer"
        )
