"""Stripe for the shop's tests: no sockets, no sleeping, the same rules."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import stripe

from shop.sandbox import levers, shuffle
from shop.sandbox.config import Config
from shop.sandbox.stripe import core, events, server, sessions, signing, store
from shop.sandbox.stripe.memory import MemoryClient
from shop.sandbox.stripe.replies import Reply

SECRET = "whsec_sandbox_test"
KEY = "sk_test_sandbox_memory"


class MemoryStripe:
    """A Stripe of one's own in one file, to be made per test in `tmp_path`.

    Nothing is delivered by itself: fetch events with `events()` and post
    `signed(event)` to the webhook, so that a test chooses order and repetition.
    What happens at Stripe later is in the levers `clock`, `refunds`, `disputes` and
    `debits`; what goes wrong on the way is in `faults`.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        webhook_secret: str = SECRET,
        public_base: str = "http://localhost:8000/sandbox/stripe",
    ):
        self.config = Config(
            path=Path(folder) / "sandbox.sqlite3",
            public_base=public_base,
            webhook_secret=webhook_secret,
            background=False,
        )
        # While one connection stays open, closing another writes nothing to the disk.
        self._kept_open = store.connect(self.config.path)
        self._http = MemoryClient(self.config)
        self.clock = levers.Clock(self)
        self.refunds = levers.Refunds(self)
        self.disputes = levers.Disputes(self)
        self.debits = levers.Debits(self)
        self.faults = levers.Faults(self)

    def client_http(self) -> stripe.HTTPClient:
        """For `StripeClient(http_client=…, base_addresses={"api": public_base})`."""
        return self._http

    def client(self, key: str = KEY) -> stripe.StripeClient:
        """A ready client that talks to this Stripe."""
        return stripe.StripeClient(
            key,
            http_client=self._http,
            base_addresses={"api": self.config.public_base},
        )

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The same Stripe over real HTTP on a free port; gives its address.

        For a shop whose `STRIPE_API_BASE` is to be a socket. Payment pages made
        meanwhile are at that address, too.
        """
        http = server.make_server(self.config, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{http.server_port}"
        at_home = self.config
        self.config = replace(at_home, public_base=address)
        http.RequestHandlerClass.config = self.config
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield address
        finally:
            self.config = at_home
            http.shutdown()
            http.server_close()

    @property
    def requests(self) -> list[tuple[str, str, str | None]]:
        """API calls so far: (method, path, idempotency key)."""
        return self._http.seen

    def pay(
        self,
        session_id: str,
        number: str = "4242424242424242",
        *,
        outcome: str = "complete",
        email: str = "ada@example.com",
    ) -> str | None:
        """Pay as a customer would; answers where the page leads, None if it stays.

        A card that asks for 3-D Secure is answered with `outcome`: "complete" or
        "fail". A declined card stays on the page. Raises ValueError for a number that
        is no test card.
        """
        fields = {"number": number, "expiry": "12 / 34", "name": "Ada Lovelace"}
        fields |= {"cvc": "1234" if len(number) == 15 else "123", "email": email}
        reply = self.post(f"/pay/{session_id}", fields)
        if reply.status == 422:
            raise ValueError(f"{number} does not pass the form of the payment page")
        where = reply.headers.get("Location")
        if where and where.endswith("/authenticate"):
            path = f"/pay/{session_id}/authenticate"
            where = self.post(path, {"outcome": outcome}).headers["Location"]
            if urlsplit(where).path.endswith(f"/pay/{session_id}"):
                return None
        return where

    def pay_by_debit(self, session_id: str, *, fails: bool = False) -> str | None:
        """Choose the delayed bank debit; answers where the page leads.

        The session must allow it (`allowed_payment_method_types`). The money moves
        with `clock.advance` (four days), or by `debits.arrive` and `debits.fail`.
        """
        fields = {"debit": "fails" if fails else "arrives", "name": "Ada Lovelace"}
        fields["email"] = "ada@example.com"
        return self.post(f"/pay/{session_id}", fields).headers.get("Location")

    def get(self, target: str) -> Reply:
        """A page of the sandbox, by path below its base."""
        return core.handle(self.config, "GET", target, {})

    def post(self, target: str, fields: dict[str, str]) -> Reply:
        """Submit a form of the sandbox."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return core.handle(
            self.config, "POST", target, kind, urlencode(fields).encode()
        )

    def expire(self, session_id: str) -> dict[str, Any]:
        """Expire an open session as its time running out would. Raises ApiError."""
        with store.transaction(self.config) as tx:
            return sessions.expire(tx, session_id)

    def events(self, type: str | None = None) -> list[dict[str, Any]]:
        """What happened, oldest first, of one type if given."""
        with store.transaction(self.config) as tx:
            return events.recent(tx, type)[::-1]

    def signed(
        self, event: dict[str, Any], *, at: int | None = None
    ) -> tuple[bytes, str]:
        """The body and `Stripe-Signature` to post to the shop's webhook.

        `at` (unix seconds) ages the signature; now by default.
        """
        body = events.body(event)
        stamp = int(time.time()) if at is None else at
        return body, signing.header(self.config.webhook_secret, body, stamp)

    def deliver(
        self, client_post: shuffle.Post, events: list[dict[str, Any]], **how: Any
    ) -> shuffle.Delivered:
        """Post signed events to a webhook: see `shuffle.deliver` for what may go wrong.

        `client_post(body, signature)` answers something with a `status_code`.
        """
        how.setdefault("secret", self.config.webhook_secret)
        return shuffle.deliver(client_post, events, **how)

    def object(self, kind: str, object_id: str) -> dict[str, Any] | None:
        """A stored object such as `("charge", "ch_…")`, as plain JSON."""
        with store.transaction(self.config) as tx:
            return store.get(tx, kind, object_id)
