"""What a true Stripe object looks like: the package's classes, and Stripe's schemas.

The schemas are a second opinion that lies outside the repository; where the file is
absent, the installed package alone decides.
"""

import json
import os
import re
import types
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, ForwardRef, Literal, Union, get_args, get_origin

import stripe
from stripe import StripeObject

REPOSITORY = Path(__file__).resolve().parents[3]
CLASSES = {
    "checkout.session": stripe.checkout.Session,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "dispute": stripe.Dispute,
    "radar.early_fraud_warning": stripe.radar.EarlyFraudWarning,
    "balance_transaction": stripe.BalanceTransaction,
    "event": stripe.Event,
    "coupon": stripe.Coupon,
    "promotion_code": stripe.PromotionCode,
    "customer": stripe.Customer,
    "webhook_endpoint": stripe.WebhookEndpoint,
    "item": stripe.LineItem,
    "price": stripe.Price,
}
ERRORS = {"api_error", "card_error", "idempotency_error", "invalid_request_error"}


def check(obj: dict[str, Any]) -> None:
    """Fail, naming the place, unless `obj` is a complete object of its kind."""
    kind = obj["object"]
    if obj.get("deleted"):  # all that is left of it
        assert obj.keys() == {"id", "object", "deleted"}, f"deleted {kind}: {obj}"
        return
    if kind == "list":
        assert obj.keys() == {"object", "data", "has_more", "url"}, f"list: {[*obj]}"
        for entry in obj["data"]:
            check(entry)
        return
    _check_class(CLASSES[kind], obj, kind)
    schema = _subset("components")["schemas"].get(kind)
    if schema:
        lacking = set(schema["x-always-present"]) - obj.keys()
        assert not lacking, f"{kind} lacks {lacking}"
        _check_schema(schema, obj, kind)
    if kind == "event":
        subject = obj["data"]["object"]
        check(subject)
        before = obj["data"].get("previous_attributes", {})
        assert before.keys() <= subject.keys(), f"{obj['type']} was {before}"


def check_answer(method: str, path: str, status: int, answer: dict[str, Any]) -> None:
    """Fail unless Stripe answers such a call with such an object, or such an error."""
    if status != 200:
        assert status >= 400, f"{method} {path} answers {status}"
        assert answer.keys() == {"error"}, f"{method} {path} answers {[*answer]}"
        _check_class(stripe.ErrorObject, answer["error"], "error")
        assert answer["error"]["type"] in ERRORS, f"error {answer['error']['type']}"
        return
    check(answer)
    schema = _response(method, path)
    if schema and not answer.get("deleted"):
        _check_schema(schema, answer, f"{method} {path}")


@cache
def _subset(part: str) -> dict[str, Any]:
    shared = Path(os.environ.get("TANDEM_SHARED", REPOSITORY.parent / "shared"))
    path = shared / "stripe" / "openapi-subset.json"
    if not path.exists():
        return {"schemas": {}} if part == "components" else {}
    return json.loads(path.read_text())[part]


def requests() -> dict[tuple[str, str], dict[str, Any]]:
    """What may be asked, by (method, path with {id}); nothing without the schemas."""
    return {
        (verb.upper(), re.sub(r"{\w+}", "{id}", path)): call["request"]
        for path, verbs in _subset("paths").items()
        for verb, call in verbs.items()
    }


@cache
def _response(method: str, path: str) -> dict[str, Any] | None:
    # A fixed last part (`/search`) is more than any id.
    for known in sorted(_subset("paths"), key=lambda known: known.count("{")):
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", known), path):
            return _subset("paths")[known].get(method.lower(), {}).get("response")
    return None


def _check_class(cls: type, obj: Any, path: str) -> None:
    hints = _hints(cls)
    for name, hint in hints.items():
        if name in obj:
            _check_hint(hint, obj[name], f"{path}.{name}")
        else:
            assert _is_optional(hint), f"{path}.{name} is missing"
    unknown = obj.keys() - hints.keys() - {"id", "object"}
    assert not unknown, f"{path} has unknown {unknown}"


@cache
def _hints(cls: type) -> dict[str, Any]:
    return {
        name: hint
        for name, hint in cls.__annotations__.items()
        if get_origin(hint) is not ClassVar
    }


def _is_optional(hint: Any) -> bool:
    return type(None) in get_args(hint)


def _check_hint(hint: Any, value: Any, path: str) -> None:
    choices = _choices(hint)
    if value is None:
        assert type(None) in choices, f"{path} is null"
        return
    literals = [v for c in choices if get_origin(c) is Literal for v in get_args(c)]
    if literals:
        # `| str` only says that Stripe may add values; the sandbox invents none.
        assert value in literals, f"{path} is {value!r}"
    elif isinstance(value, dict):
        for choice in choices:
            if isinstance(choice, type) and issubclass(choice, StripeObject):
                if choice.__annotations__:
                    _check_class(choice, value, path)
                return
        assert any(isinstance(c, ForwardRef) or get_origin(c) for c in choices), path
        if value.get("object") in CLASSES:  # expanded
            check(value)
    elif isinstance(value, list):
        (items,) = (get_args(c)[0] for c in choices if get_origin(c) is list)
        for n, entry in enumerate(value):
            _check_hint(items, entry, f"{path}[{n}]")
    elif bool in choices or int in choices or str in choices:
        assert type(value) in choices, f"{path} is {value!r}"


@cache
def _choices(hint: Any) -> list[Any]:
    return list(_flat(hint))


def _flat(hint: Any):
    if get_origin(hint) in (Union, types.UnionType):
        for choice in get_args(hint):
            yield from _flat(choice)
    else:
        yield hint


def _check_schema(schema: dict[str, Any], value: Any, path: str) -> None:
    if value is None:
        assert schema.get("nullable"), f"{path} is null"
        return
    if "anyOf" in schema:
        errors = [_why_not(choice, value, path) for choice in schema["anyOf"]]
        assert None in errors, f"{path}: {errors}"
        return
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        _check_schema(_subset("components")["schemas"][name], value, path)
        return
    if "enum" in schema:
        assert value in schema["enum"], f"{path} is {value!r}"
    {"object": _check_object, "array": _check_array}.get(
        schema.get("type"), _check_scalar
    )(schema, value, path)


def _why_not(schema: dict[str, Any], value: Any, path: str) -> str | None:
    try:
        _check_schema(schema, value, path)
    except AssertionError as error:
        return str(error)
    return None


def _check_object(schema, value, path) -> None:
    assert isinstance(value, dict), f"{path} is no object"
    lacking = set(schema.get("required", [])) - value.keys()
    assert not lacking, f"{path} lacks {lacking}"
    properties = schema.get("properties")
    for name, entry in value.items():
        if properties is not None and "additionalProperties" not in schema:
            assert name in properties, f"{path} has unknown {name}"
            _check_schema(properties[name], entry, f"{path}.{name}")


def _check_array(schema, value, path) -> None:
    assert isinstance(value, list), f"{path} is no array"
    for n, entry in enumerate(value):
        _check_schema(schema["items"], entry, f"{path}[{n}]")


def _check_scalar(schema, value, path) -> None:
    expected = {
        "string": (str,),
        "integer": (int,),
        "boolean": (bool,),
        "number": (int, float),
    }
    assert type(value) in expected[schema["type"]], f"{path} is {value!r}"
