"""What a person may do to one object in the dashboard, and what to call it."""

import json
from collections.abc import Callable
from typing import Any

from . import aftermath, amounts, debits, disputes, refunds
from .errors import refused
from .store import Tx

VERBS: dict[str, Callable[[Tx, str], object]] = {
    "refund": lambda tx, id_: refunds.create(tx, {"charge": id_}),
    "dispute": disputes.open_for,
    "inquire": lambda tx, id_: disputes.open_for(tx, id_, inquiry=True),
    "warn": aftermath.warn,
    "arrive": lambda tx, id_: debits.settle(tx, id_, fails=False),
    "bounce": lambda tx, id_: debits.settle(tx, id_, fails=True),
    "succeed": refunds.succeed,
    "fail": refunds.fail,
    "call off": refunds.call_off,
    "win": disputes.win,
    "lose": disputes.lose,
    "escalate": disputes.escalate,
}
PAID = {"refund": "Refund", "dispute": "Dispute", "inquire": "Inquire"}
PAID |= {"warn": "Fraud warning"}
ACTS = {
    ("payment_intent", "processing"): {"arrive": "Arrives", "bounce": "Fails"},
    ("refund", "pending"): {"succeed": "Arrives", "fail": "Fails"}
    | {"call off": "Call off"},
    ("refund", "requires_action"): {"call off": "Call off"},
    ("refund", "succeeded"): {"fail": "Fails after all"},
    ("dispute", "needs_response"): {"win": "Won", "lose": "Lost"},
    ("dispute", "under_review"): {"win": "Won", "lose": "Lost"},
    ("dispute", "warning_needs_response"): {"escalate": "Escalate", "lose": "Close"},
    ("dispute", "warning_under_review"): {"escalate": "Escalate", "lose": "Close"},
}
NAMES = {"charge": "Payment", "payment_intent": "Bank debit", "refund": "Refund"}


def do(tx: Tx, verb: str, object_id: str) -> None:
    """Let it happen. Raises ApiError where it cannot."""
    if verb not in VERBS:
        raise refused(f"The dashboard cannot {verb}.")
    VERBS[verb](tx, object_id)


def possible(tx: Tx, limit: int) -> list[dict[str, Any]]:
    """Payments, refunds and disputes, newest first, with what can be done to each."""
    rows = tx.db.execute(
        "SELECT json FROM object WHERE kind IN ('charge', 'refund', 'dispute') "
        "OR (kind = 'payment_intent' AND json_extract(json, '$.status') = 'processing')"
        " ORDER BY seq DESC LIMIT ?",
        (limit,),
    )
    return [_described(json.loads(row["json"])) for row in rows.fetchall()]


def _described(obj: dict[str, Any]) -> dict[str, Any]:
    kind, status = obj["object"], obj["status"]
    found = dict(ACTS.get((kind, status), {}))
    what = NAMES.get(kind, "Inquiry" if status.startswith("warning") else "Dispute")
    if kind == "charge" and obj["paid"]:
        found = {} if obj["refunded"] or obj["disputed"] else dict(PAID)
        back = amounts.shown(obj["amount_refunded"], obj["currency"])
        what += f", {back} refunded" if obj["amount_refunded"] else ""
        what += ", disputed" if obj["disputed"] else ""
    if obj.get("reason"):
        what += f": {obj['reason'].replace('_', ' ')}"
    return {
        "id": obj["id"],
        "what": what,
        "amount": amounts.shown(obj["amount"], obj["currency"]),
        "status": status,
        "acts": found,
    }
