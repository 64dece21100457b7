"""The dashboard: what the sandbox holds, and switches for the hard cases."""

import re
from html import escape
from pathlib import Path

from shop.sandbox import html
from shop.sandbox.config import Config

from . import amounts, deliveries, faults, replies, store
from .replies import Reply

STYLESHEET = Path(__file__).parent.parent / "sandbox.css"
SHOWN = 50


def page(config: Config, method: str, path: str, body: bytes) -> Reply:
    """Everything below the base that is neither the API nor the payment page."""
    again = re.fullmatch(r"/deliveries/(\d{1,18})/again", path)
    match method, path:
        case (("GET" | "HEAD"), "/sandbox.css"):
            kind = {"Content-Type": "text/css; charset=utf-8"}
            return Reply(200, kind | {"Cache-Control": "no-cache"}, _css())
        case (("GET" | "HEAD"), ("" | "/")):
            # After a restart nothing else may come by to start the worker.
            deliveries.wake(config)
            return Reply(200, html.headers(), _overview(config))
        case "POST", "/deliveries/hold":
            deliveries.hold(config, body == b"held=1")
        case "POST", _ if again:
            deliveries.deliver_again(config, int(again[1]))
        case _:
            return Reply(404, {"Content-Type": "text/plain"}, b"Not in the sandbox.\n")
    return replies.redirect(f"{config.base_path}/")


def _css() -> bytes:
    return STYLESHEET.read_bytes()


def _overview(config: Config) -> bytes:
    with store.transaction(config) as tx:
        held = bool(faults.HOLD in faults.delivery(tx))
        sessions = tx.db.execute(
            "SELECT id, json_extract(json, '$.status') AS status, "
            "json_extract(json, '$.payment_status') AS paid, "
            "json_extract(json, '$.amount_total') AS amount, "
            "json_extract(json, '$.currency') AS currency, "
            "json_extract(json, '$.client_reference_id') AS reference "
            "FROM object WHERE kind = 'checkout.session' ORDER BY seq DESC LIMIT ?",
            (SHOWN,),
        ).fetchall()
        events = tx.db.execute(
            "SELECT event.id, event.type, datetime(event.created, 'unixepoch') AS at, "
            "delivery.id AS delivery, delivery.state, delivery.attempts, "
            "delivery.status, delivery.answer FROM event "
            "LEFT JOIN delivery ON delivery.event_id = event.id "
            "ORDER BY event.seq DESC LIMIT ?",
            (SHOWN,),
        ).fetchall()
    main = f"""<header class="head">
<h1>Stripe sandbox</h1>
<p><a href="{escape(config.shop_url)}/">Back to {escape(config.shop_name)}</a></p>
</header>
{_switch(config, held)}
<section aria-labelledby="events"><h2 id="events">Events and deliveries</h2>
{_events(config, events)}</section>
<section aria-labelledby="sessions"><h2 id="sessions">Checkout sessions</h2>
{_sessions(config, sessions)}</section>"""
    return html.document(
        title="Stripe sandbox",
        main=main,
        stylesheet=f"{config.base_path}/sandbox.css",
        look="desk",
    )


def _switch(config: Config, held: bool) -> str:
    if not config.webhook_url:
        return '<p class="notice">No webhook address is set: events are only kept.</p>'
    words = "Deliveries are held." if held else "Deliveries go to"
    where = "" if held else f"<code>{escape(config.webhook_url)}</code>"
    label, value = ("Resume deliveries", "0") if held else ("Hold deliveries", "1")
    return f"""<form class="notice" method="post"
action="{config.base_path}/deliveries/hold"><p>{words} {where}</p>
<button class="button quiet" name="held" value="{value}">{label}</button></form>"""


def _events(config: Config, rows) -> str:
    if not rows:
        return '<p class="empty">Nothing has happened yet. Buy something.</p>'
    lines = "\n".join(
        f"<tr><td><code>{escape(row['type'])}</code><small>{row['id']}</small></td>"
        f"<td>{row['at']} UTC</td><td>{_answer(row)}</td>"
        f"<td>{_again(config, row)}</td></tr>"
        for row in rows
    )
    return f"""<div class="scroll" tabindex="0" role="region" aria-labelledby="events">
<table><thead><tr><th>Event</th><th>Created</th><th>Shop's answer</th>
<th><span class="hidden">Action</span></th></tr></thead>
<tbody>{lines}</tbody></table></div>"""


def _answer(row) -> str:
    if not row["delivery"]:
        return "not sent"
    if not row["attempts"]:
        return '<span class="state due">waiting</span>'
    what = row["status"] or "no answer"
    answer = f"<small>{escape(row['answer'][:120])}</small>" if row["answer"] else ""
    tries = f" after {row['attempts']} tries" if row["attempts"] > 1 else ""
    return f'<span class="state {row["state"]}">{what}</span>{tries}{answer}'


def _again(config: Config, row) -> str:
    if not row["delivery"]:
        return ""
    label = "Deliver again" if row["attempts"] else "Deliver now"
    return (
        f'<form method="post" action="{config.base_path}/deliveries/'
        f'{row["delivery"]}/again"><button class="small">{label}'
        f'<span class="hidden"> {escape(row["type"])}</span></button></form>'
    )


def _sessions(config: Config, rows) -> str:
    if not rows:
        return '<p class="empty">No session yet.</p>'
    lines = "\n".join(
        f'<tr><td><a href="{config.base_path}/pay/{row["id"]}"><code>'
        f"{row['id'][:20]}…</code></a><small>{escape(row['reference'] or '')}</small>"
        f'</td><td><span class="state {row["status"]}">{row["status"]}</span> '
        f"{row['paid'].replace('_', ' ')}</td>"
        f"<td>{escape(amounts.shown(row['amount'], row['currency']))}</td></tr>"
        for row in rows
    )
    return f"""<div class="scroll" tabindex="0" role="region"
aria-labelledby="sessions"><table><thead><tr><th>Session</th><th>Status</th>
<th>Total</th></tr></thead><tbody>{lines}</tbody></table></div>"""
