"""The sandbox as a process of its own, so that killing the shop leaves it alive."""

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shop.sandbox.config import Config

from . import core, deliveries, faults

LARGEST = 1_000_000
# A client that announces more than it sends must not hold a thread for ever.
PATIENCE = 30


def make_server(config: Config, host: str, port: int) -> ThreadingHTTPServer:
    """A server that is bound but not yet serving; port 0 picks a free one."""

    class Handler(_Handler):
        pass

    Handler.config = config
    return ThreadingHTTPServer((host, port), Handler)


def serve(config: Config, host: str, port: int) -> None:
    """Answer until interrupted, delivering webhooks meanwhile."""
    with make_server(config, host, port) as server:
        if config.webhook_url:
            deliveries.ensure_worker(config)
        try:
            server.serve_forever()
        finally:
            deliveries.stop_worker(config)


class _Handler(BaseHTTPRequestHandler):
    config: Config
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE
    disable_nagle_algorithm = True

    def _answer(self):
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > LARGEST:
            self.send_error(413)
            return
        body = self.rfile.read(int(length))
        try:
            reply = core.handle(
                self.config, self.command, self.path, self.headers, body
            )
        except faults.ConnectionLost as loss:
            time.sleep(loss.seconds)
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    do_GET = do_HEAD = do_POST = do_DELETE = _answer

    def log_message(self, format, *args):
        """Keep quiet: a request line may carry a session id."""
