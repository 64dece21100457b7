"""The outbox: sign events, post them to the shop, try again until it answers 2xx.

Rows are written by `events.emit` in the transaction of the change. A crash after
the POST and before the note leads to a second POST when the lease ends: at least
once, like the real thing.
"""

import logging
import threading
import time
from pathlib import Path
from typing import Any

import requests

from shop.sandbox.config import Config

from . import clock, events, faults, signing, store, webhook_endpoints

logger = logging.getLogger(__name__)

WAITS = (2, 10, 60, 300, 3600)
TIMEOUT = 10
# Longer than a POST can take, so a live sender never loses its row.
LEASE = 30
STALE_AGE = 600
WRONG_SECRET = "whsec_of_somebody_else"
IDLE = 1.0
POLL = 0.05


def deliver_due(config: Config, *, now: float | None = None, limit: int = 100) -> int:
    """Send what is due, oldest first; answers how many were tried.

    `now` (unix seconds) may look ahead, so that a test need not wait for a retry.
    """
    for tried in range(limit):
        claimed = _claim(config, time.time() if now is None else now)
        if not claimed:
            return tried
        _send(config, claimed)
    return limit


def deliver_again(config: Config, delivery_id: int) -> None:
    """Send one now, whatever its state and even while deliveries are held."""
    with store.transaction(config) as tx:
        tx.db.execute(
            "UPDATE delivery SET state = 'due', lease_until = ? WHERE id = ?",
            (time.time() + LEASE, delivery_id),
        )
        row = _with_body(tx, delivery_id)
    if row:
        _send(config, row)


def hold(config: Config, held: bool) -> None:
    """Stop sending, or start again. Events keep piling up meanwhile."""
    with store.transaction(config) as tx:
        faults.switch(tx, faults.HOLD, held)
    wake(config)


def wait_for(config: Config, event_id: str, seconds: float = 5) -> None:
    """Return once the event's first delivery was tried, or when time is up.

    Stripe, too, holds the customer's redirect a moment for the shop's answer.
    """
    # Counted, not clocked: a test may have stopped the clock.
    for _ in range(int(seconds / POLL)):
        with store.transaction(config) as tx:
            waiting = tx.db.execute(
                "SELECT 1 FROM delivery WHERE event_id = ? AND attempts = 0",
                (event_id,),
            ).fetchone()
            held = faults.HOLD in faults.delivery(tx)
        if not waiting or held:
            return
        time.sleep(POLL)


def wait_until_quiet(config: Config, seconds: float = 20) -> None:
    """Return once nothing is due or on its way any more, or when time is up.

    For whoever moves the clock on: what was signed before would be too old after.
    """
    for _ in range(int(seconds / POLL)):
        deliver_due(config)
        with store.transaction(config) as tx:
            waiting = tx.db.execute(
                "SELECT 1 FROM delivery WHERE state = 'due' AND next_at <= ? LIMIT 1",
                (time.time(),),
            ).fetchone()
        if not waiting:
            return
        time.sleep(POLL)


def _claim(config: Config, now: float) -> dict[str, Any] | None:
    """Take the oldest due row for a while. Two workers never take the same one."""
    with store.transaction(config) as tx:
        switches = faults.delivery(tx)
        if faults.HOLD in switches:
            return None
        order = "DESC" if faults.REVERSE in switches else "ASC"
        row = tx.db.execute(
            "SELECT id FROM delivery WHERE state = 'due' AND next_at <= ?1 "
            "AND (lease_until IS NULL OR lease_until < ?1) "
            f"ORDER BY id {order} LIMIT 1",
            (now,),
        ).fetchone()
        if not row:
            return None
        tx.db.execute(
            "UPDATE delivery SET lease_until = ? WHERE id = ?", (now + LEASE, row["id"])
        )
        return _with_body(tx, row["id"])


def _with_body(tx: store.Tx, delivery_id: int) -> dict[str, Any] | None:
    row = tx.db.execute(
        "SELECT id, event_id, url, attempts FROM delivery WHERE id = ?", (delivery_id,)
    ).fetchone()
    if not row:
        return None
    return {
        **row,
        "body": events.body(events.load(tx, row["event_id"])),
        "switches": faults.delivery(tx),
        "secret": webhook_endpoints.secret_for(tx, row["url"]),
    }


def _send(config: Config, row: dict[str, Any]) -> None:
    status, answer = _post(row)
    if faults.TWICE in row["switches"]:
        status, answer = _post(row)
    _note(config, row, status, answer)


def _post(row: dict[str, Any]) -> tuple[int | None, str]:
    body, switches = row["body"], row["switches"]
    # Signed at each try: the shop refuses a signature older than five minutes.
    age = STALE_AGE if faults.STALE in switches else 0
    secret = WRONG_SECRET if faults.FORGED in switches else row["secret"]
    signature = signing.header(secret, body, int(time.time()) - age)
    try:
        response = requests.post(
            row["url"],
            data=body,
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "Stripe-Signature": signature,
                "User-Agent": "Stripe/1.0 (Tandem sandbox)",
            },
            timeout=TIMEOUT,
            allow_redirects=False,
        )
        return response.status_code, response.text[:500]
    except requests.RequestException as error:
        return None, f"{type(error).__name__}: is the shop running?"


def _note(config: Config, row: dict[str, Any], status: int | None, answer: str) -> None:
    attempts = row["attempts"] + 1
    state, next_at = "done", time.time()
    if status is None or not 200 <= status < 300:
        logger.warning("Webhook %s not accepted: %s", row["event_id"], status)
        state = "due" if attempts <= len(WAITS) else "failed"
        next_at += WAITS[min(attempts, len(WAITS)) - 1]
    with store.transaction(config) as tx:
        tx.db.execute(
            "UPDATE delivery SET state = ?, attempts = ?, next_at = ?, "
            "lease_until = NULL, status = ?, answer = ? WHERE id = ?",
            (state, attempts, next_at, status, answer, row["id"]),
        )


class Worker(threading.Thread):
    """Delivers in the background, and lets time pass."""

    def __init__(self, config: Config):
        super().__init__(name="sandbox-deliveries", daemon=True)
        self.config = config
        self.woken = threading.Event()
        self.stopping = False

    def run(self) -> None:
        while not self.stopping:
            try:
                with store.transaction(self.config) as tx:
                    clock.sweep(tx)
                deliver_due(self.config)
            except Exception:
                # One bad row or a locked file must not end all deliveries.
                logger.exception("The sandbox's delivery round failed")
            self.woken.wait(IDLE)
            self.woken.clear()


_workers: dict[Path, Worker] = {}
_starting = threading.Lock()


def ensure_worker(config: Config) -> Worker:
    """The one worker of this process for that file, started on first use."""
    with _starting:
        worker = _workers.get(config.path)
        if worker is None or not worker.is_alive():
            worker = _workers[config.path] = Worker(config)
            worker.start()
        return worker


def stop_worker(config: Config) -> None:
    """End the worker of that file after its present round, and wait for it."""
    with _starting:
        worker = _workers.pop(config.path, None)
    if worker:
        worker.stopping = True
        worker.woken.set()
        worker.join()


def wake(config: Config) -> None:
    """Something was committed: send it now rather than at the next round."""
    if config.background and config.webhook_url:
        ensure_worker(config).woken.set()
