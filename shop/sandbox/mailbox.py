"""The development mailbox: what the shop sends is kept here and goes nowhere."""

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from django.core.mail.backends.base import BaseEmailBackend

from . import conf
from .stripe import store

LISTED = 200
LAST_ID = 2**63 - 1  # what SQLite can count to


class EmailBackend(BaseEmailBackend):
    """Set `EMAIL_BACKEND = "shop.sandbox.mailbox.EmailBackend"` to use it."""

    def send_messages(self, email_messages) -> int:
        """Keep every message; answers how many."""
        path = conf.from_settings().path
        for message in email_messages:
            keep(path, message)
        return len(email_messages)


def keep(path: Path, message) -> int:
    """Store one Django EmailMessage; answers its number in the mailbox.

    Blind copies are listed as recipients (they receive it) but appear in no header.
    """
    is_html = message.content_subtype == "html"
    alternatives = getattr(message, "alternatives", [])
    html = next((body for body, kind in alternatives if kind == "text/html"), "")
    headers = [[name, str(value)] for name, value in message.message().items()]
    row = (
        time.time(),
        message.from_email,
        ", ".join(message.recipients()),
        message.subject,
        "" if is_html else message.body,
        message.body if is_html else html,
        json.dumps(headers),
    )
    with closing(store.connect(path)) as db:
        return db.execute(
            "INSERT INTO mail "
            "(created, sender, recipients, subject, text, html, headers) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        ).lastrowid


def messages(path: Path, *, to: str = "") -> list[dict[str, Any]]:
    """The latest messages, newest first; `to` matches a part of a recipient."""
    with closing(store.connect(path)) as db:
        rows = db.execute(
            "SELECT * FROM mail WHERE instr(lower(recipients), lower(?)) "
            "ORDER BY id DESC LIMIT ?",
            (to, LISTED),
        ).fetchall()
    return [_message(row) for row in rows]


def message(path: Path, mail_id: int) -> dict[str, Any] | None:
    """One message by its number, or None."""
    if mail_id > LAST_ID:
        return None
    with closing(store.connect(path)) as db:
        row = db.execute("SELECT * FROM mail WHERE id = ?", (mail_id,)).fetchone()
    return _message(row) if row else None


def _message(row) -> dict[str, Any]:
    return {**row, "headers": json.loads(row["headers"])}
