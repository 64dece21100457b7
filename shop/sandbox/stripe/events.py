"""Events: snapshots of what happened, written with the change they describe."""

import json
from typing import Any

from shop.sandbox.config import API_VERSION

from . import webhook_endpoints
from .store import Tx, new_id


def emit(
    tx: Tx,
    kind: str,
    obj: dict[str, Any],
    previous: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Record an event and, in the same transaction, the parcels that will carry it."""
    data: dict[str, Any] = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    urls = webhook_endpoints.addresses(tx, kind)
    event = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": tx.now,
        "data": data,
        "livemode": False,
        "pending_webhooks": len(urls),
        "request": {"id": tx.request_id, "idempotency_key": tx.idempotency_key},
        "type": kind,
    }
    tx.db.execute(
        "INSERT INTO event (id, type, created, json) VALUES (?, ?, ?, ?)",
        (event["id"], kind, tx.now, json.dumps(event)),
    )
    tx.db.executemany(
        "INSERT INTO delivery (event_id, url, state, next_at) VALUES (?, ?, 'due', ?)",
        [(event["id"], url, tx.now) for url in urls],
    )
    tx.event_ids[kind] = event["id"]
    return event


def body(event: dict[str, Any]) -> bytes:
    """The bytes to sign and send: indented, so that re-serialising them is caught."""
    return json.dumps(event, indent=2).encode()


def load(tx: Tx, event_id: str) -> dict[str, Any] | None:
    """A stored event with today's count of unanswered deliveries, or None."""
    row = tx.db.execute("SELECT json FROM event WHERE id = ?", (event_id,)).fetchone()
    return _counted(tx, row["json"]) if row else None


def recent(tx: Tx, kind: str | None = None) -> list[dict[str, Any]]:
    """Every event (of one type, if given), newest first."""
    rows = tx.db.execute(
        "SELECT json FROM event WHERE ?1 IS NULL OR type = ?1 ORDER BY seq DESC",
        (kind,),
    )
    return [_counted(tx, row["json"]) for row in rows.fetchall()]


def _counted(tx: Tx, stored: str) -> dict[str, Any]:
    event = json.loads(stored)
    (event["pending_webhooks"],) = tx.db.execute(
        "SELECT count(*) FROM delivery WHERE event_id = ? AND state != 'done'",
        (event["id"],),
    ).fetchone()
    return event
