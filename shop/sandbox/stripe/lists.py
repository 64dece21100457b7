"""Lists: newest first, a page at a time, filtered by exact values."""

from typing import Any

from . import events, store
from .errors import invalid, missing, not_modelled
from .store import Tx

PAGING = frozenset(["created", "ending_before", "expand", "limit", "starting_after"])
COMPARE = {
    "gt": lambda have, want: have > want,
    "gte": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "lte": lambda have, want: have <= want,
}


def objects(
    tx: Tx, kind: str, url: str, params: dict[str, Any], filters: frozenset[str]
) -> dict[str, Any]:
    """A page of stored objects; `filters` names the fields that may be matched."""
    for name in params:
        if name not in PAGING | filters:
            raise not_modelled(f"Filtering by {name}", name)
    found = [
        obj
        for obj in store.every(tx, kind)
        if all(obj.get(name) == params[name] for name in filters & params.keys())
    ]
    return page(found, url, params)


def happenings(tx: Tx, url: str, params: dict[str, Any]) -> dict[str, Any]:
    """A page of events, by type or types and by whether the shop has answered."""
    types = params.get("types", [params["type"]] if "type" in params else None)
    found = [e for e in events.recent(tx) if types is None or e["type"] in types]
    if "delivery_success" in params:
        wanted = params["delivery_success"]
        found = [e for e in found if (e["pending_webhooks"] == 0) == wanted]
    return page(found, url, params)


def page(found: list[dict[str, Any]], url: str, params: dict[str, Any]):
    """The part of `found` (newest first) that the paging parameters ask for.

    Raises ApiError for a limit outside 1..100 or a cursor that is not in the list.
    """
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("Invalid limit: must be between 1 and 100.", "limit")
    found = [obj for obj in found if _in_time(obj, params.get("created"))]
    if "starting_after" in params and "ending_before" in params:
        raise invalid("Pass either starting_after or ending_before.", "ending_before")
    if "starting_after" in params:
        found = found[_place(found, params, "starting_after") + 1 :]
        part = found[:limit]
    elif "ending_before" in params:
        found = found[: _place(found, params, "ending_before")]
        part = found[-limit:]
    else:
        part = found[:limit]
    return {
        "object": "list",
        "data": part,
        "has_more": len(found) > len(part),
        "url": url,
    }


def _in_time(obj: dict[str, Any], created: Any) -> bool:
    if created is None:
        return True
    if isinstance(created, int):
        return obj["created"] == created
    return all(COMPARE[how](obj["created"], when) for how, when in created.items())


def _place(found: list[dict[str, Any]], params: dict[str, Any], cursor: str) -> int:
    for place, obj in enumerate(found):
        if obj["id"] == params[cursor]:
            return place
    raise missing("object", params[cursor], cursor)
