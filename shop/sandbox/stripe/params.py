"""Decode and check parameters against the types that ship with `stripe`.

The installed package is the contract: the same TypedDicts that a type checker uses
decide here which names exist, which are required and what they may hold.
"""

import re
import types
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin
from urllib.parse import parse_qsl

from stripe import RequestOptions
from typing_extensions import get_type_hints, is_typeddict

from .errors import ApiError, invalid

# A TypedDict of parameters also lists these; they never travel as parameters.
OPTIONS = frozenset(RequestOptions.__annotations__)
MISSPELT = object()
DEEPEST = 12


def decode(encoded: str) -> dict[str, Any]:
    """`a[0][b]=1` becomes `{"a": [{"b": "1"}]}`; values stay strings.

    Raises ApiError when a name is malformed or used both as value and as container.
    """
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        if not re.fullmatch(r"[^\[\]]+(\[[^\[\]]*\])*", name):
            raise invalid(f"Invalid parameter name: {name}", name)
        keys = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        if len(keys) > DEEPEST:
            raise invalid(f"Invalid parameter name: {name[:100]}", name[:100])
        node = tree
        for key in keys[:-1]:
            node = node.setdefault(key or str(len(node)), {})
            if not isinstance(node, dict):
                raise invalid(f"Invalid parameter: {name}", name)
        node[keys[-1] or str(len(node))] = value
    return {key: _as_list(value) for key, value in tree.items()}


def _as_list(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    children = {key: _as_list(value) for key, value in node.items()}
    if children and all(re.fullmatch(r"[0-9]{1,9}", key) for key in children):
        return [children[key] for key in sorted(children, key=int)]
    return children


def check(params_class: type, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters with their real types (int, bool, list…).

    Raises ApiError for an unknown name, a missing one, a wrong type, a value outside
    its list, or an empty string where Stripe does not allow clearing.
    """
    return _check_dict(params_class, given, path="")


@lru_cache(maxsize=256)
def _hints(params_class: type) -> dict[str, Any]:
    return get_type_hints(
        params_class,
        localns={"StripeContext": str, "Mapping": Mapping},
        include_extras=True,
    )


def _check_dict(params_class: type, given: Any, path: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise invalid("Invalid object", path)
    hints = {k: v for k, v in _hints(params_class).items() if path or k not in OPTIONS}
    for name in given:
        if name not in hints:
            where = _join(path, name)
            raise invalid(
                f"Received unknown parameter: {where}", where, "parameter_unknown"
            )
    for name, hint in hints.items():
        if get_origin(hint) is not NotRequired and name not in given:
            where = _join(path, name)
            raise invalid(
                f"Missing required param: {where}.", where, "parameter_missing"
            )
    return {
        name: _check_value(_bare(hints[name]), value, _join(path, name))
        for name, value in given.items()
    }


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) in (NotRequired, Required) else hint


def _join(path: str, name: str | int) -> str:
    return f"{path}[{name}]" if path else str(name)


def _check_value(hint: Any, value: Any, path: str) -> Any:
    choices = _choices(hint)
    if value == "":
        if Literal[""] in choices or "" in _literals(choices):
            return ""
        raise invalid(
            f"You passed an empty string for '{path}'. We assume empty values are an "
            f"attempt to unset a parameter; however '{path}' cannot be unset. You "
            f"should remove '{path}' from your request or supply a non-empty value.",
            path,
            "parameter_invalid_empty",
        )
    allowed = [literal for literal in _literals(choices) if literal != ""]
    if allowed and isinstance(value, str):
        if value in allowed:
            return value
        # `Literal[...] | int` and its kin leave another door open; `| str` is only
        # how the package says that the list may grow.
        choices = [c for c in choices if c is not str and get_origin(c) is not Literal]
        if not choices:
            raise invalid(
                f"Invalid {path}: must be one of {', '.join(sorted(allowed))}", path
            )
    choices = [c for c in choices if get_origin(c) is not Literal]
    return _first_fit(choices, value, path)


def _choices(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return [choice for arg in get_args(hint) for choice in _choices(arg)]
    return [hint]


def _literals(choices: list[Any]) -> list[Any]:
    return [v for c in choices if get_origin(c) is Literal for v in get_args(c)]


def _first_fit(choices: list[Any], value: Any, path: str) -> Any:
    if isinstance(value, dict):
        for choice in choices:
            if is_typeddict(choice):
                return _check_dict(choice, value, path)
            if get_origin(choice) is dict:
                return _check_mapping(choice, value, path)
    elif isinstance(value, list):
        for choice in choices:
            if get_origin(choice) is list:
                (item,) = get_args(choice)
                return [
                    _check_value(item, entry, _join(path, n))
                    for n, entry in enumerate(value)
                ]
            if get_origin(choice) is dict:
                # Keys that are all digits look like a list on the wire.
                keyed = {str(n): entry for n, entry in enumerate(value)}
                return _check_mapping(choice, keyed, path)
    else:
        for choice in choices:
            scalar = _scalar(choice, value)
            if scalar is not MISSPELT:
                return scalar
    raise _wrong_type(choices, value, path)


def _check_mapping(hint: Any, value: dict[str, Any], path: str) -> dict[str, Any]:
    _, item = get_args(hint)
    return {
        key: entry if entry == "" else _check_value(item, entry, _join(path, key))
        for key, entry in value.items()
    }


def _scalar(choice: Any, value: str) -> Any:
    if choice is bool:
        return {"true": True, "false": False}.get(value, MISSPELT)
    if choice is int:
        return int(value) if re.fullmatch(r"-?\d{1,18}", value) else MISSPELT
    if choice in (float, Decimal):
        try:
            number = Decimal(value)
        except InvalidOperation:
            return MISSPELT
        return number if number.is_finite() else MISSPELT
    return value if choice is str else MISSPELT


def _wrong_type(choices: list[Any], value: Any, path: str) -> ApiError:
    shown = value if isinstance(value, str) else "an object or a list"
    if bool in choices:
        return invalid(f"Invalid boolean: {shown}", path)
    if int in choices:
        return invalid(f"Invalid integer: {shown}", path, "parameter_invalid_integer")
    if any(get_origin(choice) is list for choice in choices):
        return invalid("Invalid array", path)
    if str in choices:
        return invalid(f"Invalid string: {shown}", path)
    return invalid("Invalid object", path)
