"""Metadata: what the shop writes on Stripe's objects for itself."""

from typing import Any

from .errors import invalid


def check(metadata: Any, param: str) -> None:
    """Raise ApiError beyond 50 keys, 40 characters a key, 500 a value."""
    for key, value in (metadata or {}).items():
        if len(key) > 40:
            raise invalid(
                f"Metadata keys can have up to 40 characters: {key}",
                f"{param}[{key}]",
            )
        if len(value) > 500:
            raise invalid(
                "Metadata values can have up to 500 characters, but you passed in a "
                f"value that is {len(value)} characters.",
                f"{param}[{key}]",
            )
    if len(metadata or {}) > 50:
        raise invalid("You can only have 50 metadata keys.", param)


def given(metadata: dict[str, str] | str | None) -> dict[str, str]:
    """What a new object keeps: an empty value is no value."""
    return {key: value for key, value in (metadata or {}).items() if value}


def new(params: dict[str, Any]) -> dict[str, str]:
    """The metadata of an object that these parameters make. Raises ApiError."""
    check(params.get("metadata"), "metadata")
    return given(params.get("metadata"))


def update(obj: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """Write `params["metadata"]` on the object; answers what was there, if it changed.

    Keys are merged; an empty value removes its key, and an empty string in place of
    the whole removes everything. Raises ApiError beyond the limits.
    """
    if "metadata" not in params:
        return {}
    old, changes = obj["metadata"], params["metadata"]
    new = given({**old, **changes}) if changes else {}
    check(changes, "metadata")
    check(new, "metadata")
    obj["metadata"] = new
    return {"metadata": old} if new != old else {}
