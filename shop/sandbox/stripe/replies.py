"""What goes back over the wire."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    """One HTTP answer: status, headers, and the bytes of the body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def as_json(status: int, text: str, headers: dict[str, str] | None = None) -> Reply:
    """A reply whose body is JSON already."""
    kind = {"Content-Type": "application/json"}
    return Reply(status, kind | (headers or {}), text.encode())


def dumps(answer: dict[str, Any]) -> str:
    """JSON as Stripe prints it, indented."""
    return json.dumps(answer, indent=2)


def redirect(url: str) -> Reply:
    """303: whatever was posted, the next page is fetched with GET."""
    return Reply(303, {"Location": url})
