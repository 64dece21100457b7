"""The sandbox's memory: one SQLite file that is never the shop's database.

A separate file lets the shop call the API from inside its own transaction without
deadlocking SQLite, and outlives both an autoreload and a killed shop.
"""

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shop.sandbox.config import Config

SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    json TEXT NOT NULL,
    private TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, seq);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    started REAL NOT NULL,
    status INTEGER,
    body TEXT
);
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    created INTEGER NOT NULL,
    json TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL REFERENCES event (id),
    url TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('due', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at REAL NOT NULL,
    lease_until REAL,
    status INTEGER,
    answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, next_at);
CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event_id);
CREATE TABLE IF NOT EXISTS setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created REAL NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    html TEXT NOT NULL,
    headers TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS due (
    object_id TEXT PRIMARY KEY,
    what TEXT NOT NULL,
    at INTEGER NOT NULL
);
"""


# Two threads switching one fresh file to WAL would meet "database is locked".
_creating = threading.Lock()


@dataclass
class Tx:
    """One write transaction: the open database, the clock, and who asked."""

    config: Config
    db: sqlite3.Connection
    now: int
    request_id: str | None = None
    idempotency_key: str | None = None
    event_ids: dict[str, str] = field(default_factory=dict)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, creating it and its tables if need be."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # isolation_level=None: the module must not open transactions of its own.
    db = sqlite3.connect(path, timeout=10, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA synchronous = NORMAL")
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'due'").fetchone():
        with _creating:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(SCHEMA)
    return db


@contextmanager
def transaction(
    config: Config,
    *,
    request_id: str | None = None,
    idempotency_key: str | None = None,
) -> Iterator[Tx]:
    """Everything inside happens, or none of it does.

    IMMEDIATE takes the write lock first: a reader that upgrades later would meet
    "database is locked" instead of waiting its turn.
    """
    db = connect(config.path)
    try:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield Tx(config, db, int(time.time()), request_id, idempotency_key)
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
    finally:
        db.close()


def new_id(prefix: str) -> str:
    """An identifier in Stripe's shape, such as `pi_3c1f…`."""
    return f"{prefix}_{secrets.token_hex(12)}"


def insert(tx: Tx, obj: dict[str, Any], private: dict[str, Any] | None = None) -> None:
    """Store a new object; `private` is what Stripe knows but does not show."""
    tx.db.execute(
        "INSERT INTO object (kind, id, created, json, private) VALUES (?, ?, ?, ?, ?)",
        (
            obj["object"],
            obj["id"],
            obj["created"],
            json.dumps(obj),
            json.dumps(private or {}),
        ),
    )


def update(tx: Tx, obj: dict[str, Any], private: dict[str, Any] | None = None) -> None:
    """Replace a stored object, and its private part when one is given."""
    tx.db.execute(
        "UPDATE object SET json = ?, private = coalesce(?, private) WHERE id = ?",
        (json.dumps(obj), None if private is None else json.dumps(private), obj["id"]),
    )


def get(tx: Tx, kind: str, object_id: str) -> dict[str, Any] | None:
    """The object of that kind and id, or None."""
    row = tx.db.execute(
        "SELECT json FROM object WHERE kind = ? AND id = ?", (kind, object_id)
    ).fetchone()
    return json.loads(row["json"]) if row else None


def every(tx: Tx, kind: str) -> list[dict[str, Any]]:
    """All objects of that kind, newest first."""
    rows = tx.db.execute(
        "SELECT json FROM object WHERE kind = ? ORDER BY seq DESC", (kind,)
    )
    return [json.loads(row["json"]) for row in rows]


def get_private(tx: Tx, object_id: str) -> dict[str, Any]:
    """The private part of an object that is known to exist."""
    row = tx.db.execute(
        "SELECT private FROM object WHERE id = ?", (object_id,)
    ).fetchone()
    return json.loads(row["private"])


def delete(tx: Tx, object_id: str) -> None:
    """Remove an object for good."""
    tx.db.execute("DELETE FROM object WHERE id = ?", (object_id,))


def setting(tx: Tx, name: str) -> str:
    """A switch of the dashboard, or an empty string."""
    row = tx.db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return row["value"] if row else ""


def set_setting(tx: Tx, name: str, value: str) -> None:
    """Turn a switch of the dashboard; an empty value is off."""
    tx.db.execute(
        "INSERT INTO setting (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
