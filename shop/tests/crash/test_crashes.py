"""kill -9 at every point of a purchase: nothing is lost, nothing is doubled."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest
from django.conf import settings

from shop.tests.crash.launch import POINTS

pytestmark = pytest.mark.postgres

CARD = {"number": "4242424242424242", "expiry": "12 / 34", "cvc": "123"}
CARD |= {"name": "Ada Lovelace", "email": "ada@example.com"}


class Shop:
    """A shop of its own: a scratch database, and the sandbox as its own process."""

    def __init__(self, env, sandbox):
        self.env = env
        self.sandbox = sandbox

    def run(self, *arguments, crash_at=""):
        """The exit status and what was printed."""
        done = subprocess.run(
            [sys.executable, "-m", "shop.tests.crash.launch", *arguments],
            cwd=settings.BASE_DIR,
            env=self.env | ({"CRASH_AT": crash_at} if crash_at else {}),
            capture_output=True,
            text=True,
            timeout=120,
        )
        killed = done.returncode == -signal.SIGKILL
        assert killed or done.returncode == 0, done.stdout + done.stderr
        return killed, done.stdout

    def told(self, email):
        return json.loads(self.run("act", "tell", email)[1])

    def pay(self, session):
        where = urlsplit(self.sandbox)
        http = HTTPConnection(where.hostname, where.port, timeout=10)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        http.request("POST", f"/pay/{session}", urlencode(CARD), kind)
        assert http.getresponse().status in (302, 303)
        http.close()

    def recover(self):
        """What happens by itself after a crash: the worker, and one reconciler run."""
        self.run("manage", "reconcile")
        for _ in range(2):  # the dead job is noticed, then its turn comes
            self.run("act", "wait")
            self.run("manage", "worker", "--once")

    def books(self):
        self.run("manage", "prove_books")
        return json.loads(self.run("manage", "dump_books", "--json")[1])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crash")
    name = f"tandem_crash_{secrets.token_hex(4)}"
    server = settings.DATABASE_URL
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sandbox = f"http://127.0.0.1:{port}"
    env = os.environ | {
        "SHOP_ENV": "development",
        "DATABASE_URL": f"{server.rpartition('/')[0]}/{name}",
        "STRIPE_API_BASE": sandbox,
        "SANDBOX_DB": str(folder / "sandbox.sqlite3"),
        "SANDBOX_WEBHOOK_URL": "",
        "REDIS_URL": "",
        "no_proxy": "127.0.0.1,localhost",
    }
    shop = Shop(env, sandbox)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "stripe_sandbox", "--port", str(port)],
        cwd=settings.BASE_DIR,
        env=env,
    )
    try:
        shop.run("manage", "migrate", "--verbosity=0")
        shop.run("manage", "createcachetable")
        shop.run("act", "open_shop")
        _wait_for(sandbox)
        yield shop
    finally:
        process.kill()
        process.wait()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _wait_for(address):
    for _ in range(100):
        try:
            urllib.request.urlopen(address, timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the sandbox did not start")


def of(rows, order):
    return [row for row in rows if row["order"] == order]


REFUNDING = [name for name in POINTS if name.startswith("refund")]
BUYING = [name for name in POINTS if name[:6] not in ("expiry", "refund")]


@pytest.mark.parametrize("point", BUYING)
def test_inv_34_a_purchase_survives_a_crash(shop, point):
    email = f"{point}@example.com".replace("_", "-")
    shop.run("act", "join", email)
    killed = []

    def step(*arguments):
        killed.append(shop.run(*arguments, crash_at="" if any(killed) else point)[0])
        return killed[-1]

    if step("act", "buy", email):
        assert not step("act", "buy", email)  # the customer presses again
    told = shop.told(email)
    assert len(told["sessions"]) == 1
    shop.pay(told["sessions"][0])
    step("act", "hear", email)  # and nobody tells it again
    step("manage", "worker", "--once")
    shop.recover()

    assert any(killed), f"{point} was never passed"
    books = shop.books()
    order = told["order"]
    row = next(row for row in books["orders"] if row["number"] == order)
    assert (row["state"], row["captured"]) == ("confirmed", row["total"])
    assert [row["to"] for row in of(books["audit"], order)] == ["pending", "confirmed"]
    sent = [row["kind"] for row in of(books["mails"], order)]
    assert sent == ["order_confirmed"]
    assert len(of(books["rewards"], order)) == 1
    steps = [row["source"] for row in books["ledger"] if f":{order}:" in row["source"]]
    assert sorted(steps) == sorted(
        2 * [f"order:{order}:spend", f"order:{order}:capture"]
    )
    assert {row["processed"] for row in books["events"]} == {True}
    assert unsent(shop) == 0
    said = shop.run("manage", "reconcile")[1]
    assert "0 settled. 0 events had not arrived, 0 were replayed. 0 failures" in said


@pytest.mark.parametrize("point", REFUNDING)
def test_inv_34_a_refund_survives_a_crash(shop, point):
    email = f"{point}@example.com".replace("_", "-")
    for step in ("join", "buy"):
        shop.run("act", step, email)
    shop.pay(shop.told(email)["sessions"][0])
    shop.run("act", "hear", email)

    killed, _ = shop.run("act", "refund", email, crash_at=point)
    shop.recover()

    assert killed
    books, told = shop.books(), shop.told(email)
    row = next(row for row in books["orders"] if row["number"] == told["order"])
    assert told["refunds"] == [row["captured"]]
    assert (row["refunded"], row["state"]) == (row["captured"], "confirmed")
    back = [leg for leg in books["ledger"] if leg["source"].startswith("refund:")]
    to_friend = [leg["amount"] for leg in back if leg["account"].startswith("user:")]
    assert to_friend == [700] * (1 + REFUNDING.index(point))


def test_inv_34_an_expiry_survives_a_crash(shop):
    email = "expiry@example.com"
    shop.run("act", "join", email)
    shop.run("act", "buy", email)

    killed, _ = shop.run("act", "expire", email, crash_at="expiry_released")
    shop.run("act", "expire", email)
    shop.recover()

    assert killed
    books = shop.books()
    order = shop.told(email)["order"]
    row = next(row for row in books["orders"] if row["number"] == order)
    assert (row["state"], row["restocked"]) == ("expired", True)
    assert [row["to"] for row in of(books["audit"], order)] == ["pending", "expired"]


def unsent(shop):
    with psycopg.connect(shop.env["DATABASE_URL"]) as connection:
        unsent = "SELECT count(*) FROM kit_message WHERE state <> 'sent'"
        return connection.execute(unsent).fetchone()[0]
