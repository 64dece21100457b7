"""Idempotency keys: the same request twice has one effect and one answer."""

import hashlib
import json
import time
from typing import Any

from shop.sandbox.config import Config

from . import store
from .errors import ApiError

# A call that crashed half-way frees its key after this many seconds.
ABANDONED = 60


def fingerprint(method: str, path: str, params: dict[str, Any]) -> str:
    """One value for one request, whatever the order of its parameters."""
    told = json.dumps([method, path, params], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def begin(config: Config, key: str, mark: str) -> tuple[int, str] | None:
    """Reserve the key, or answer the stored (status, body).

    Raises ApiError: 400 when the key came with another request, 409 while the first
    request still runs.
    """
    if len(key) > 255:
        raise ApiError(
            400,
            "Idempotency keys can have up to 255 characters.",
            kind="idempotency_error",
        )
    with store.transaction(config) as tx:
        row = tx.db.execute(
            "SELECT * FROM idempotency WHERE key = ?", (key,)
        ).fetchone()
        if row and row["fingerprint"] != mark:
            raise ApiError(
                400,
                "Keys for idempotent requests can only be used with the same "
                "parameters they were first used with. Try using a key other than "
                f"'{key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        if row and row["status"]:
            return row["status"], row["body"]
        if row and row["started"] > time.time() - ABANDONED:
            raise ApiError(
                409,
                "There is currently another in-progress request using this "
                f"Idempotent Key: {key}.",
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        tx.db.execute(
            "INSERT OR REPLACE INTO idempotency (key, fingerprint, started) "
            "VALUES (?, ?, ?)",
            (key, mark, time.time()),
        )
    return None


def keep(tx: store.Tx, key: str, status: int, body: str) -> None:
    """Store the answer, in the transaction that did the work."""
    tx.db.execute(
        "UPDATE idempotency SET status = ?, body = ? WHERE key = ?", (status, body, key)
    )


def release(config: Config, key: str) -> None:
    """Forget a key whose request was refused before anything ran."""
    with store.transaction(config) as tx:
        tx.db.execute("DELETE FROM idempotency WHERE key = ?", (key,))
