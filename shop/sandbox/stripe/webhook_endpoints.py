"""Webhook endpoints: who is told what.

The address of the configuration is always told everything; more can be added here,
each with a secret of its own that is shown only once.
"""

import secrets
from typing import Any
from urllib.parse import urlsplit

from shop.sandbox.config import API_VERSION, Config

from . import metadata, session_rules, store
from .errors import invalid
from .store import Tx, new_id

SUPPORTED = frozenset(
    ["api_version", "description", "enabled_events", "expand", "metadata", "url"]
)


def create(tx: Tx, params: dict[str, Any]) -> dict[str, Any]:
    """A new endpoint with its secret. Raises ApiError."""
    session_rules.refuse_others(params, SUPPORTED, "The parameter {}")
    url = urlsplit(params["url"])
    if url.scheme not in ("http", "https") or not url.netloc:
        raise invalid("Invalid URL: an explicit scheme must be provided.", "url")
    if params.get("api_version", API_VERSION) != API_VERSION:
        raise invalid(f"The sandbox speaks {API_VERSION}.", "api_version")
    secret = "whsec_" + secrets.token_hex(16)
    if params["url"] == tx.config.webhook_url:
        # The configured address has a secret already; two could never both be right.
        secret = tx.config.webhook_secret
    endpoint = {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": tx.now,
        "description": params.get("description") or None,
        "enabled_events": params["enabled_events"],
        "livemode": False,
        "metadata": metadata.new(params),
        "status": "enabled",
        "url": params["url"],
    }
    store.insert(tx, endpoint, {"secret": secret})
    return {**endpoint, "secret": secret}


def addresses(tx: Tx, kind: str) -> list[str]:
    """Every address that wants to hear of such an event, each once."""
    urls = [tx.config.webhook_url] if tx.config.webhook_url else []
    for endpoint in store.every(tx, "webhook_endpoint"):
        if {"*", kind} & set(endpoint["enabled_events"]):
            urls.append(endpoint["url"])
    return list(dict.fromkeys(urls))


def secret_for(tx: Tx, url: str) -> str:
    """What to sign with for that address."""
    config: Config = tx.config
    if url != config.webhook_url:
        for endpoint in store.every(tx, "webhook_endpoint"):
            if endpoint["url"] == url:
                return store.get_private(tx, endpoint["id"])["secret"]
    return config.webhook_secret
