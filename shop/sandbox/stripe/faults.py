"""Switches for the hard cases: what the next calls and deliveries suffer.

They live in the store's `setting` table, so that a switch of the dashboard works on
every process that shares the file.
"""

import json
from dataclasses import dataclass
from typing import Any

from . import store
from .errors import ApiError
from .store import Tx

ANSWER, DROP = "fault_answer", "fault_drop"
HOLD, TWICE, REVERSE = "hold_deliveries", "deliver_twice", "deliver_in_reverse"
STALE, FORGED = "stale_timestamp", "wrong_signature"
DELIVERY = {
    HOLD: "Hold everything",
    TWICE: "Send everything twice",
    REVERSE: "Newest first",
    STALE: "Sign with a stale timestamp",
    FORGED: "Sign with a wrong secret",
}
ANSWERS = ("500", "429", "timeout")
TIMEOUT = "timeout"


class ConnectionLost(Exception):
    """The caller gets no answer at all, after `seconds` of silence."""

    def __init__(self, seconds: float = 0):
        super().__init__("The sandbox was told to lose this connection.")
        self.seconds = seconds


@dataclass(frozen=True)
class Fault:
    """What one call suffers instead of (or on top of) its answer."""

    status: str
    stored: bool = False
    seconds: float = 0

    def error(self) -> ApiError:
        """The refusal that Stripe would send."""
        if self.status == "429":
            return ApiError(429, "Too many requests, too quickly.", code="rate_limit")
        # One that struck during execution is kept under the idempotency key.
        return ApiError(
            500,
            "An unknown error occurred.",
            kind="api_error",
            executed=self.stored,
        )


def answer(
    tx: Tx, status: str, times: int = 1, *, stored: bool = False, seconds: float = 0
) -> None:
    """Let the next calls fail: `500`, `429`, or `timeout` after silent `seconds`.

    None of them executes. A `stored` 500 struck after execution had begun: it is
    replayed to whoever repeats its idempotency key. Zero times turns it off.
    """
    fault = {"status": status, "times": times, "stored": stored, "seconds": seconds}
    store.set_setting(tx, ANSWER, json.dumps(fault) if times else "")


def drop_after_executing(tx: Tx, times: int = 1) -> None:
    """Let the next calls that change something succeed and their answers be lost."""
    store.set_setting(tx, DROP, json.dumps({"times": times}) if times else "")


def switch(tx: Tx, name: str, on: bool) -> None:
    """Turn one of `DELIVERY` on or off; it stays so."""
    store.set_setting(tx, name, "1" if on else "")


def clear(tx: Tx) -> None:
    """Everything works again."""
    for name in (ANSWER, DROP, *DELIVERY):
        store.set_setting(tx, name, "")


def take_answer(tx: Tx) -> Fault | None:
    """The fault of this call, if any is left; counts it down."""
    found = _take(tx, ANSWER)
    return found and Fault(found["status"], found["stored"], found["seconds"])


def take_drop(tx: Tx) -> bool:
    """Whether the answer of this call is to be lost; counts it down."""
    return bool(_take(tx, DROP))


def left(tx: Tx, name: str) -> dict[str, Any] | None:
    """A fault of calls as it stands, with the `times` it will strike, or None."""
    return json.loads(store.setting(tx, name) or "null")


def delivery(tx: Tx) -> set[str]:
    """The switches of `DELIVERY` that are on."""
    return {name for name in DELIVERY if store.setting(tx, name)}


def _take(tx: Tx, name: str) -> dict[str, Any] | None:
    found = left(tx, name)
    if found:
        found["times"] -= 1
        store.set_setting(tx, name, json.dumps(found) if found["times"] else "")
    return found
