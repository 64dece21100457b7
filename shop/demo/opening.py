"""The shop open for a moment, so that people can pay while the demo is loaded."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application


class _Quiet(WSGIRequestHandler):
    def log_message(self, format, *args):
        """Nobody reads along while the demo is loaded."""


@contextmanager
def shop_open() -> Iterator[None]:
    """Use the shop that answers at SITE_URL, or open one there meanwhile."""
    if _answers():
        yield
        return
    port = urlsplit(settings.SITE_URL).port or 8000
    server = ThreadedWSGIServer(("127.0.0.1", port), _Quiet)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _answers():
    try:
        with urllib.request.urlopen(f"{settings.SITE_URL}/healthz", timeout=2):
            return True
    except OSError:
        return False
