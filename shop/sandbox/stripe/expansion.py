"""The `expand` parameter: replace an id by the object it names."""

from typing import Any

from . import lists, sessions, store
from .errors import invalid
from .store import Tx

FIELDS = {
    "checkout.session": {"customer": "customer", "payment_intent": "payment_intent"},
    "payment_intent": {"customer": "customer", "latest_charge": "charge"},
    "charge": {
        "payment_intent": "payment_intent",
        "balance_transaction": "balance_transaction",
    },
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "radar.early_fraud_warning": {
        "charge": "charge",
        "payment_intent": "payment_intent",
    },
    "refund": {
        "charge": "charge",
        "payment_intent": "payment_intent",
        "balance_transaction": "balance_transaction",
        "failure_balance_transaction": "balance_transaction",
    },
}
DEEPEST = 4


def expand(tx: Tx, answer: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """The answer with each dotted path expanded; `data.` walks into a list.

    Raises ApiError for a path that cannot be expanded.
    """
    for path in paths:
        if path.count(".") >= DEEPEST:
            raise invalid("You cannot expand more than 4 levels.", "expand")
        names = path.split(".")
        if answer["object"] == "list":
            if names[0] != "data":
                raise _impossible(path)
            for obj in answer["data"]:
                _walk(tx, obj, names[1:], path)
        else:
            _walk(tx, answer, names, path)
    return answer


def _walk(tx: Tx, obj: Any, names: list[str], path: str) -> None:
    if not names or not isinstance(obj, dict):
        return
    name, *rest = names
    kind = obj.get("object", "")
    if (kind, name) == ("checkout.session", "line_items"):
        url = f"/v1/checkout/sessions/{obj['id']}/line_items"
        obj[name] = lists.page(sessions.lines_of(tx, obj["id"]), url, {})
    elif (kind, name) == ("charge", "refunds"):
        url = f"/v1/charges/{obj['id']}/refunds"
        mine = {"charge": obj["id"]}
        obj[name] = lists.objects(tx, "refund", url, mine, frozenset(mine))
    elif name in FIELDS.get(kind, {}):
        if isinstance(obj[name], str):
            obj[name] = store.get(tx, FIELDS[kind][name], obj[name])
        _walk(tx, obj[name], rest, path)
    else:
        raise _impossible(path)


def _impossible(path: str):
    return invalid(f"This property cannot be expanded ({path}).", "expand")
