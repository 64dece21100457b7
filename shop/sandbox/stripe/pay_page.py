"""The hosted payment page: `/pay/<session>` and its 3-D Secure step.

It stands for Stripe, so it has its own look and sets no cookies. Every POST ends in
one transaction; the page then waits a moment for the shop's webhook, as Stripe does,
before it sends the customer back.
"""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shop.sandbox import html
from shop.sandbox.config import Config

from . import (
    amounts,
    cards,
    clock,
    debits,
    deliveries,
    pay_form,
    pay_views,
    payments,
    replies,
    sessions,
    store,
)
from .errors import ApiError
from .replies import Reply
from .store import Tx


def page(config: Config, method: str, target: str, body: bytes) -> Reply:
    """Show or handle the payment page of one session."""
    url = urlsplit(target)
    match = re.fullmatch(r"/pay/([A-Za-z0-9_]+)(/authenticate)?", url.path)
    if not match or method not in ("GET", "HEAD", "POST"):
        return _gone(config, 404)
    session_id, step = match[1], match[2]
    with store.transaction(config) as tx:
        clock.sweep(tx)
        try:
            session = sessions.load(tx, session_id)
        except ApiError:
            return _gone(config, 404)
        if session["status"] != "open":
            return _closed(config, method, session)
        if step:
            reply = _authenticate(tx, method, session, body)
        elif method == "POST":
            reply = _pay(tx, session, body)
        else:
            form = pay_form.blank(session, url.query)
            if "failed=1" in url.query:
                form.errors[""] = _last_error(tx, session)
            reply = _form(tx, session, form, 200)
    deliveries.wake(config)
    completed = tx.event_ids.get("checkout.session.completed")
    if completed and config.background and config.webhook_url:
        deliveries.wait_for(config, completed)
    return reply


def _pay(tx: Tx, session: dict[str, Any], body: bytes) -> Reply:
    form = pay_form.read(session, body, tx.now)
    if form.errors:
        return _form(tx, session, form, 422)
    email, name = form.values["email"], form.values["name"]
    if not session["amount_total"]:
        sessions.complete(tx, session, email, name)
        return replies.redirect(sessions.success_url(session))
    if form.debit:
        who = {"name": name, "email": email}
        debits.submit(tx, session, who, fails=form.debit == "fails")
        return replies.redirect(sessions.success_url(session))
    card = cards.described(form.card, *form.expires)
    intent = payments.submit(tx, session, card, name, email)
    if intent["status"] == "requires_action":
        return replies.redirect(intent["next_action"]["redirect_to_url"]["url"])
    if intent["status"] == "succeeded":
        return replies.redirect(sessions.success_url(session))
    form.errors[""] = intent["last_payment_error"]["message"]
    return _form(tx, session, form, 402)


def _authenticate(tx: Tx, method: str, session: dict[str, Any], body: bytes) -> Reply:
    intent = store.get(tx, "payment_intent", session["payment_intent"] or "")
    if not intent or intent["status"] != "requires_action":
        return replies.redirect(session["url"])
    if method != "POST":
        last4 = store.get_private(tx, intent["id"])["card"]["last4"]
        return _html(
            200,
            session,
            pay_views.challenge(tx.config, session, _total(session), last4),
        )
    passed = parse_qs(body.decode(errors="replace")).get("outcome") == ["complete"]
    intent = payments.authenticate(tx, session, passed=passed)
    if intent["status"] == "succeeded":
        return replies.redirect(sessions.success_url(session))
    return replies.redirect(f"{session['url']}?failed=1")


def _last_error(tx: Tx, session: dict[str, Any]) -> str:
    intent = store.get(tx, "payment_intent", session["payment_intent"] or "")
    error = intent and intent["last_payment_error"]
    return error["message"] if error else "The payment did not go through."


def _form(tx: Tx, session: dict[str, Any], form: pay_form.PayForm, status: int):
    lines = sessions.lines_of(tx, session["id"])
    return _html(status, session, pay_views.checkout(tx.config, session, lines, form))


def _closed(config: Config, method: str, session: dict[str, Any]) -> Reply:
    paid = session["status"] == "complete"
    if paid and method == "POST":
        # A second press of the button: the first one has paid.
        return replies.redirect(sessions.success_url(session))
    return _html(200 if paid else 410, session, pay_views.closed(config, session))


def _gone(config: Config, status: int) -> Reply:
    return Reply(status, html.headers(), pay_views.unknown(config))


def _html(status: int, session: dict[str, Any], body: bytes) -> Reply:
    shop = urlsplit(session["success_url"])
    origins = f"'self' {shop.scheme}://{shop.netloc}"
    return Reply(status, html.headers(form_action=origins), body)


def _total(session: dict[str, Any]) -> str:
    return amounts.shown(session["amount_total"], session["currency"])
