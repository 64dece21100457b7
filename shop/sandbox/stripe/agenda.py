"""What will happen later by itself, one plan an object.

The sandbox's clock may be ahead of the world's: advancing it ages everything that is
planned. The shop's clock does not move, so what it makes afterwards is born today and
lives its full time.
"""

from . import store
from .store import Tx

OFFSET = "clock_offset"


def offset(tx: Tx) -> int:
    """How many seconds the clock was advanced so far."""
    return int(store.setting(tx, OFFSET) or 0)


def plan(tx: Tx, what: str, object_id: str, seconds: int) -> None:
    """Let `clock.sweep` do `what` to the object; replaces its earlier plan."""
    tx.db.execute(
        "INSERT OR REPLACE INTO due (object_id, what, at) VALUES (?, ?, ?)",
        (object_id, what, tx.now + offset(tx) + seconds),
    )


def forget(tx: Tx, object_id: str) -> None:
    """Drop the plan: it has happened, or never will."""
    tx.db.execute("DELETE FROM due WHERE object_id = ?", (object_id,))


def take_due(tx: Tx) -> tuple[str, str] | None:
    """Remove the earliest plan whose time has come: (what, object id), or None."""
    row = tx.db.execute(
        "DELETE FROM due WHERE object_id = (SELECT object_id FROM due WHERE at <= ? "
        "ORDER BY at, rowid LIMIT 1) RETURNING what, object_id",
        (tx.now + offset(tx),),
    ).fetchone()
    return tuple(row) if row else None
