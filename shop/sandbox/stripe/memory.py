"""The sandbox without sockets: an HTTP client for `stripe.StripeClient`."""

import stripe

from shop.sandbox.config import Config

from . import core, faults


class MemoryClient(stripe.HTTPClient):
    """Hands each request of the `stripe` package straight to `core.handle`.

    `seen` collects (method, path, idempotency key) of every call made.
    """

    name = "sandbox-memory"

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.seen: list[tuple[str, str, str | None]] = []

    def request(self, method, url, headers, post_data=None, *, _usage=None):
        """One round trip; answers (body, status, headers) as the package expects."""
        # Whatever base the client was given, this is the only Stripe it can reach.
        target = url[url.index("/v1/") :]
        headers = dict(headers or {})
        self.seen.append(
            (method.upper(), target.partition("?")[0], headers.get("Idempotency-Key"))
        )
        try:
            reply = core.handle(
                self.config, method.upper(), target, headers, (post_data or "").encode()
            )
        except faults.ConnectionLost as loss:
            raise stripe.APIConnectionError(str(loss), should_retry=True) from loss
        lowered = {name.lower(): value for name, value in reply.headers.items()}
        return reply.body.decode(), reply.status, lowered

    def close(self):
        """Nothing is held open."""
