"""The HTML of the dashboard."""

from collections.abc import Iterable
from html import escape
from typing import Any

from shop.sandbox import html
from shop.sandbox.config import Config

from . import agenda, amounts, faults
from .store import Tx

Row = dict[str, Any]
HOURS = {"3600": "1 hour", "86400": "1 day", "604800": "1 week"}


def overview(tx: Tx, found: dict[str, list[Row]]) -> bytes:
    """Switches first, then what there is, newest first."""
    config = tx.config
    main = f"""<header class="head">
<h1>Stripe sandbox</h1>
<p><a href="{escape(config.shop_url)}/">Back to {escape(config.shop_name)}</a></p>
</header>
{_switch(config, faults.HOLD in faults.delivery(tx))}
{_trouble(tx)}
<section aria-labelledby="events"><h2 id="events">Events and deliveries</h2>
{_events(config, found["events"])}</section>
<section aria-labelledby="sessions"><h2 id="sessions">Checkout sessions</h2>
{_sessions(config, found["sessions"])}</section>
<section aria-labelledby="money"><h2 id="money">Payments</h2>
{_money(config, found["money"])}</section>"""
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
    return _table("events", ("Event", "Created", "Shop's answer", ""), lines)


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
    return _table("sessions", ("Session", "Status", "Total"), lines)


def _trouble(tx: Tx) -> str:
    base = tx.config.base_path
    on = faults.delivery(tx)
    boxes = "\n".join(
        f'<label><input type="checkbox" name="{name}"'
        f"{' checked' if name in on else ''}> {label}</label>"
        for name, label in faults.DELIVERY.items()
        if name != faults.HOLD  # it has a button of its own
    )
    ahead = agenda.offset(tx)
    told = f"{ahead // 3600:,} hours ahead" if ahead else "on time"
    steps = "\n".join(
        f'<button class="small" name="seconds" value="{seconds}">+ {words}</button>'
        for seconds, words in HOURS.items()
    )
    opened = " open" if _armed(tx) or on - {faults.HOLD} else ""
    return f"""<details class="trouble"{opened}>
<summary>Make trouble, or let time pass</summary>
<div class="levers">
<form method="post" action="{base}/switches"><fieldset><legend>Deliveries</legend>
{boxes}
<button class="small">Set</button></fieldset></form>
<form method="post" action="{base}/faults"><fieldset><legend>API calls</legend>
<p>{_armed(tx) or "Calls are answered."}</p>
<label>The next <input type="number" name="times" value="1" min="1" max="99"> end in
<select name="status"><option value="500">500</option>
<option value="stored">500, kept under its key</option>
<option value="429">429</option><option value="timeout">a timeout</option>
<option value="drop">a lost answer</option></select></label>
<p><button class="small">Set</button>
<button class="small" name="clear" value="1">Everything works again</button></p>
</fieldset></form>
<form method="post" action="{base}/clock"><fieldset><legend>Clock</legend>
<p>Stripe's clock is {told}. What exists now grows older; the shop's clock stays.</p>
<p>{steps}</p></fieldset></form>
</div>
</details>"""


def _armed(tx: Tx) -> str:
    answer, drop = faults.left(tx, faults.ANSWER), faults.left(tx, faults.DROP)
    words = []
    if answer:
        words.append(f"The next {answer['times']} will end in: {answer['status']}.")
    if drop:
        words.append(f"The next {drop['times']} answers to a change will be lost.")
    return " ".join(words)


def _money(config: Config, rows: list[Row]) -> str:
    if not rows:
        return '<p class="empty">No money has moved yet.</p>'
    lines = "\n".join(
        f"<tr><td><code>{row['id']}</code><small>{escape(row['what'])}</small></td>"
        f'<td>{escape(row["amount"])}</td><td><span class="state">'
        f"{escape(row['status'].replace('_', ' '))}</span></td>"
        f"<td>{_acts(config, row)}</td></tr>"
        for row in rows
    )
    return _table(
        "money", ("Payment, refund or dispute", "Amount", "Status", ""), lines
    )


def _acts(config: Config, row: Row) -> str:
    buttons = "\n".join(
        f'<button class="small" name="verb" value="{verb}">{label}'
        f'<span class="hidden"> {row["id"]}</span></button>'
        for verb, label in row["acts"].items()
    )
    if not buttons:
        return ""
    action = f"{config.base_path}/acts/{row['id']}"
    return f'<form class="acts" method="post" action="{action}">{buttons}</form>'


def _table(name: str, heads: Iterable[str], lines: str) -> str:
    cells = "".join(
        f"<th>{head}</th>" if head else '<th><span class="hidden">Action</span></th>'
        for head in heads
    )
    return f"""<div class="scroll" tabindex="0" role="region" aria-labelledby="{name}">
<table><thead><tr>{cells}</tr></thead>
<tbody>{lines}</tbody></table></div>"""
