"""The dashboard: what the sandbox holds, and switches for the hard cases."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from shop.sandbox import html
from shop.sandbox.config import Config

from . import (
    acts,
    clock,
    dashboard_views,
    deliveries,
    faults,
    replies,
    store,
)
from .errors import ApiError
from .replies import Reply
from .store import Tx

STYLESHEET = Path(__file__).parent.parent / "sandbox.css"
SHOWN = 50
LONGEST = 366 * 24 * 60 * 60


def page(config: Config, method: str, path: str, body: bytes) -> Reply:
    """Everything below the base that is neither the API nor the payment page."""
    again = re.fullmatch(r"/deliveries/(\d{1,18})/again", path)
    act = re.fullmatch(r"/acts/(\w{1,80})", path)
    typed = {
        name: values[0] for name, values in parse_qs(body.decode("latin-1")).items()
    }
    match method, path:
        case (("GET" | "HEAD"), "/sandbox.css"):
            kind = {"Content-Type": "text/css; charset=utf-8"}
            return Reply(200, kind | {"Cache-Control": "no-cache"}, _css())
        case (("GET" | "HEAD"), ("" | "/")):
            # After a restart nothing else may come by to start the worker.
            deliveries.wake(config)
            return Reply(200, html.headers(), _overview(config))
        case "POST", "/deliveries/hold":
            deliveries.hold(config, typed.get("held") == "1")
        case "POST", _ if again:
            deliveries.deliver_again(config, int(again[1]))
        case "POST", "/switches":
            with store.transaction(config) as tx:
                for name in faults.DELIVERY.keys() - {faults.HOLD}:
                    faults.switch(tx, name, name in typed)
        case "POST", "/faults":
            with store.transaction(config) as tx:
                _arm(tx, typed)
        case "POST", "/clock":
            clock.advance(config, min(_number(typed.get("seconds")), LONGEST))
        case "POST", _ if act:
            return _act(config, act[1], typed.get("verb", ""))
        case _:
            return Reply(404, {"Content-Type": "text/plain"}, b"Not in the sandbox.\n")
    deliveries.wake(config)
    return replies.redirect(f"{config.base_path}/")


def _css() -> bytes:
    return STYLESHEET.read_bytes()


def _number(typed: str | None) -> int:
    return int(typed) if typed and re.fullmatch(r"[0-9]{1,9}", typed) else 0


def _arm(tx: Tx, typed: dict[str, str]) -> None:
    times, status = min(_number(typed.get("times")), 99), typed.get("status", "")
    if "clear" in typed:
        faults.clear(tx)
    elif status == "drop":
        faults.drop_after_executing(tx, times)
    elif status == "stored":
        faults.answer(tx, "500", times, stored=True)
    elif status in faults.ANSWERS:
        # Longer than the shop waits, shorter than a person does.
        faults.answer(tx, status, times, seconds=15)


def _act(config: Config, object_id: str, verb: str) -> Reply:
    try:
        with store.transaction(config) as tx:
            clock.sweep(tx)
            acts.do(tx, verb, object_id)
    except ApiError as error:
        # The page was older than the world.
        return Reply(409, {"Content-Type": "text/plain"}, f"{error}\n".encode())
    deliveries.wake(config)
    return replies.redirect(f"{config.base_path}/#money")


def _overview(config: Config) -> bytes:
    with store.transaction(config) as tx:
        return dashboard_views.overview(
            tx,
            {
                "events": _rows(tx, EVENTS),
                "sessions": _rows(tx, SESSIONS),
                "money": acts.possible(tx, SHOWN),
            },
        )


def _rows(tx: Tx, query: str) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.db.execute(query, (SHOWN,)).fetchall()]


SESSIONS = """
SELECT id, json_extract(json, '$.status') AS status,
    json_extract(json, '$.payment_status') AS paid,
    json_extract(json, '$.amount_total') AS amount,
    json_extract(json, '$.currency') AS currency,
    json_extract(json, '$.client_reference_id') AS reference
FROM object WHERE kind = 'checkout.session' ORDER BY seq DESC LIMIT ?
"""
EVENTS = """
SELECT event.id, event.type, datetime(event.created, 'unixepoch') AS at,
    delivery.id AS delivery, delivery.state, delivery.attempts, delivery.status,
    delivery.answer
FROM event LEFT JOIN delivery ON delivery.event_id = event.id
ORDER BY event.seq DESC LIMIT ?
"""
