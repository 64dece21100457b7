"""The HTML of the mailbox."""

import re
from datetime import UTC, datetime
from html import escape
from typing import Any

from django.urls import reverse
from django.utils import timezone

from . import html
from .config import Config

BANNER = "Development mailbox <span>Nothing here was really sent</span>"
PREVIEW = 140


def index(config: Config, messages: list[dict[str, Any]], to: str) -> bytes:
    """All messages, newest first, each with enough text to read a code."""
    rows = "\n".join(_row(message) for message in messages)
    none = f"No mail to “{escape(to)}”." if to else "No mail yet."
    listed = (
        f'<ul class="mails">{rows}</ul>' if rows else f'<p class="empty">{none}</p>'
    )
    everything = f' <a href="{reverse("sandbox:mail")}">Show all</a>' if to else ""
    return _document(
        "Mailbox",
        f"""{_head(config, "Mailbox")}
<form class="search" role="search"><label for="to">Recipient</label>
<input id="to" name="to" value="{escape(to)}" autocomplete="off">
<button class="button quiet">Search</button>{everything}</form>
{listed}""",
    )


def message(config: Config, mail: dict[str, Any]) -> bytes:
    """One message: text, HTML in a sandboxed frame, headers folded away."""
    text = f'<div class="text">{linked(mail["text"])}</div>' if mail["text"] else ""
    frame = ""
    if mail["html"]:
        address = reverse("sandbox:mail_html", args=[mail["id"]])
        frame = (
            '<h2>As HTML</h2><iframe title="The message as HTML" '
            'sandbox="allow-popups allow-top-navigation-by-user-activation" '
            f'src="{address}"></iframe>'
        )
    headers = "\n".join(f"{name}: {value}" for name, value in mail["headers"])
    return _document(
        mail["subject"],
        f"""<p><a class="back" href="{reverse("sandbox:mail")}">
<span aria-hidden="true">←</span> All mail</a></p>
<article class="mail"><h1>{escape(mail["subject"]) or "(no subject)"}</h1>
<dl class="facts"><div><dt>To</dt><dd>{escape(mail["recipients"])}</dd></div>
<div><dt>From</dt><dd>{escape(mail["sender"])}</dd></div>
<div><dt>Kept</dt><dd>{_when(mail["created"])}</dd></div></dl>
{text}
{frame}
<details><summary>Headers</summary><pre>{escape(headers)}</pre></details></article>
<p><a href="{escape(config.shop_url)}/">Back to {escape(config.shop_name)}</a></p>""",
    )


def missing(config: Config) -> bytes:
    """No message has that number."""
    return _document("No such mail", _head(config, "No such mail"))


def framed(content: str) -> str:
    """The HTML of a mail, its links leading out of the frame (the shop is in none)."""
    way_out = '<base target="_top">'
    head = re.search(r"<head[^>]*>", content, re.IGNORECASE)
    place = head.end() if head else 0
    return content[:place] + way_out + content[place:]


def linked(text: str) -> str:
    """Escaped text whose web addresses are links."""
    parts = re.split(r"(https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]])", text)
    return "".join(
        f'<a href="{escape(part)}">{escape(part)}</a>' if n % 2 else escape(part)
        for n, part in enumerate(parts)
    )


def _row(mail: dict[str, Any]) -> str:
    address = reverse("sandbox:mail_message", args=[mail["id"]])
    preview = re.sub(r"\s+", " ", re.sub(r"https?://\S+", "", mail["text"])).strip()
    cut = preview[:PREVIEW] + ("…" if len(preview) > PREVIEW else "")
    code = re.search(r"(?<![\w#/=-])\d{6}(?![\w/-])", preview)
    shown = f'<span class="code">{code[0]}</span>' if code else ""
    return (
        f'<li><a href="{address}"><strong>{escape(mail["subject"])}</strong>'
        f'<span class="to">{escape(mail["recipients"])}</span>'
        f'<span class="when">{_when(mail["created"])}</span>'
        f'<span class="preview">{shown}{escape(cut)}</span></a></li>'
    )


def _when(created: float) -> str:
    moment = timezone.localtime(datetime.fromtimestamp(created, UTC))
    return f'<time datetime="{moment.isoformat()}">{moment:%d %b %Y, %H:%M:%S}</time>'


def _head(config: Config, title: str) -> str:
    return (
        f'<header class="head"><h1>{title}</h1><p><a href="{escape(config.shop_url)}/">'
        f"Back to {escape(config.shop_name)}</a></p></header>"
    )


def _document(title: str, main: str) -> bytes:
    return html.document(
        title=title,
        main=main,
        stylesheet=reverse("sandbox:stripe", args=["sandbox.css"]),
        look="desk",
        banner=BANNER,
    )
