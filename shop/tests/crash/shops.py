"""A shop of its own for a crash test: a scratch database, and each part a process."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import psycopg
from django.conf import settings

from shop.management.commands.dev import gunicorn

CARD = {"number": "4242424242424242", "expiry": "12 / 34", "cvc": "123"}
CARD |= {"name": "Ada Lovelace", "email": "ada@example.com"}


class Process:
    """One part of the shop that may be killed, children and all, and started again."""

    def __init__(self, *arguments: str, env: dict, log: Path):
        self.command = [sys.executable, *arguments]
        self.env = env
        self.log = log
        self.running = None

    def start(self) -> None:
        with self.log.open("a") as log:
            # A session of its own, so that its children can be killed along with it.
            self.running = subprocess.Popen(
                self.command,
                cwd=settings.BASE_DIR,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """kill -9; nothing happens to what does not run."""
        if self.running:
            with suppress(ProcessLookupError):
                os.killpg(self.running.pid, signal.SIGKILL)
            self.running.wait()

    def stop(self) -> None:
        """Let it finish what it has in hand."""
        self.running.terminate()
        self.running.wait(timeout=60)


class Shop:
    """Its addresses, its processes, and one-off commands in its environment."""

    def __init__(self, env: dict, folder: Path):
        self.env = env
        self.address = env["SITE_URL"]
        self.sandbox = env["STRIPE_API_BASE"]
        log = folder / "log.txt"
        self.stripe = Process(
            *("manage.py", "stripe_sandbox", "--port", _port(self.sandbox)),
            env=env,
            log=log,
        )
        self.web = Process(
            *("-m", "gunicorn", "shop.wsgi", *gunicorn(int(_port(self.address)))),
            env=env,
            log=log,
        )
        self.worker = Process("manage.py", "worker", env=env, log=log)

    def run(self, *arguments: str, crash_at="") -> tuple[bool, str]:
        """Whether it was killed, and what was printed."""
        done = subprocess.run(
            [sys.executable, "-m", "shop.tests.crash.launch", *arguments],
            cwd=settings.BASE_DIR,
            env=self.env | ({"CRASH_AT": crash_at} if crash_at else {}),
            capture_output=True,
            text=True,
            timeout=300,
        )
        killed = done.returncode == -signal.SIGKILL
        assert killed or done.returncode == 0, done.stdout + done.stderr
        return killed, done.stdout

    def told(self, email: str) -> dict:
        return json.loads(self.run("act", "tell", email)[1])

    def pay(self, session: str) -> None:
        where = urlsplit(self.sandbox)
        http = HTTPConnection(where.hostname, where.port, timeout=10)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        http.request("POST", f"/pay/{session}", urlencode(CARD), kind)
        assert http.getresponse().status in (302, 303)
        http.close()

    def work(self) -> None:
        """What the worker does by itself after a crash, an hour in two steps."""
        for _ in range(2):  # the dead job is noticed, then its turn comes
            self.run("act", "wait")
            self.run("manage", "worker", "--once")

    def recover(self) -> None:
        """What happens by itself after a crash: the worker, and one reconciler run."""
        self.run("manage", "reconcile")
        self.work()

    def books(self) -> dict:
        return json.loads(self.run("manage", "dump_books", "--json")[1])

    def ask(self, sql: str) -> list[tuple]:
        with psycopg.connect(self.env["DATABASE_URL"]) as connection:
            return connection.execute(sql).fetchall()


@contextmanager
def opened(folder: Path, *, with_webhooks: bool) -> Iterator[Shop]:
    """A shop whose sandbox runs, over an empty database; afterwards all is gone."""
    name = f"tandem_crash_{secrets.token_hex(4)}"
    server = settings.DATABASE_URL
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    web, stripe = _free_ports()
    address, sandbox = f"http://localhost:{web}", f"http://127.0.0.1:{stripe}"
    env = os.environ | {
        "SHOP_ENV": "development",
        "SITE_URL": address,
        "DATABASE_URL": f"{server.rpartition('/')[0]}/{name}",
        "STRIPE_API_BASE": sandbox,
        "SANDBOX_DB": str(folder / "sandbox.sqlite3"),
        "REDIS_URL": "",
        "WORKER_PAUSE_SECONDS": "0.2",
        "TRUSTED_PROXY_COUNT": "1",  # everybody of a crowd has an address of their own
        "STEP_UP_AMOUNT": "1000000",  # who spends much balance is asked elsewhere
        "no_proxy": "127.0.0.1,localhost",
    }
    if not with_webhooks:
        env["SANDBOX_WEBHOOK_URL"] = ""
    shop = Shop(env, folder)
    # Who ends the tests politely is not left with processes that nobody ends.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        shop.stripe.start()
        shop.run("manage", "migrate", "--verbosity=0")
        shop.run("manage", "createcachetable")
        wait_for(sandbox)
        yield shop
    finally:
        for process in (shop.web, shop.worker, shop.stripe):
            process.kill()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        signal.signal(signal.SIGTERM, before)


def wait_for(address: str) -> None:
    """Until somebody answers there, whatever the answer."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(address, timeout=2)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nobody answers at {address}")


def _free_ports():
    with socket.socket() as one, socket.socket() as two:
        for probe in (one, two):
            probe.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def _port(address):
    return str(urlsplit(address).port)
