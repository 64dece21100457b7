"""The shop open for a moment, so that people can pay while the demo is loaded."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

from shop.sandbox import conf
from shop.sandbox.stripe import deliveries, store


class _Quiet(WSGIRequestHandler):
    def log_message(self, format, *args):
        """Nobody reads along while the demo is loaded."""


@contextmanager
def shop_open() -> Iterator[None]:
    """Open the shop at SITE_URL, for Stripe alone: nobody else is to meet its past.

    Raises CommandError where a shop is open already, which would know no other day.
    """
    port = urlsplit(settings.SITE_URL).port or 8000
    try:
        server = ThreadedWSGIServer(("127.0.0.1", port), _Quiet)
    except OSError as error:
        raise CommandError(
            f"The demo opens the shop at {settings.SITE_URL} by itself. Close what "
            "is open there first."
        ) from error
    server.set_app(_for_stripe(get_wsgi_application()))
    # While one connection stays open, closing another writes nothing to the disk.
    kept = store.connect(conf.from_settings().path)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        # Nothing is sent any more that nobody would hear.
        deliveries.stop_worker(conf.from_settings())
        server.shutdown()
        server.server_close()
        kept.close()


def _for_stripe(shop):
    paths = tuple(
        urlsplit(url).path
        for url in (settings.STRIPE_API_BASE, settings.SANDBOX_WEBHOOK_URL)
    )

    def answer(environ, start_response):
        if environ["PATH_INFO"].startswith(paths):
            return shop(environ, start_response)
        headers = [("Content-Type", "text/plain"), ("Retry-After", "5")]
        start_response("503 Service Unavailable", headers)
        return [b"The demo is being loaded. Come back in a moment.\n"]

    return answer


def hear() -> None:
    """Wait until everything that Stripe has said so far has reached the shop."""
    deliveries.wait_until_quiet(conf.from_settings())
