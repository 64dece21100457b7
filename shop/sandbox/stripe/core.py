"""The one door: an HTTP request in, an HTTP reply out, however it travelled."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from shop.sandbox.config import Config

from . import api, dashboard, pay_page, replies
from .replies import Reply

MARKER = "X-Tandem-Sandbox"


def handle(
    config: Config,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes = b"",
) -> Reply:
    """Answer one request; `target` is path and query below the sandbox's base.

    Every reply carries the marker header, so that a smoke test of a deployment can
    tell that the stand-in is where it should not be. Raises faults.ConnectionLost when
    a switch says so: the caller then closes the connection without a word.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    path = urlsplit(target).path
    if path.startswith("/v1/") or path.startswith("/v2/"):
        reply = api.call(config, method, target, lowered, body)
    elif path == "/health":
        reply = replies.as_json(200, '{"sandbox": "ok"}')
    elif method == "POST" and lowered.get("sec-fetch-site") == "cross-site":
        reply = Reply(403, {"Content-Type": "text/plain"}, b"Cross-site form refused.")
    elif path.startswith("/pay/"):
        reply = pay_page.page(config, method, target, body)
    else:
        reply = dashboard.page(config, method, path, body)
    reply.headers[MARKER] = "1"
    reply.headers.setdefault("Cache-Control", "no-store")
    return reply
