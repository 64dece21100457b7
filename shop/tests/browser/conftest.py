"""A really running shop: web server, sandbox and worker as `make run` starts them."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class RunningShop:
    """Its address, and its database to look into from outside."""

    url: str
    database: Path
    log: Path
    environment: dict[str, str]

    def stage(self, scene: str) -> None:
        """Let a function of `scenes` add what a test needs to the shop's rows."""
        code = f"from shop.tests.browser import scenes; scenes.{scene}()"
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def ask(self, sql: str, *values) -> list[tuple]:
        with closing(sqlite3.connect(self.database, timeout=20)) as connection:
            return connection.execute(sql, values).fetchall()

    def wait_until(self, sql: str, *values, seconds: float = 20):
        """The first answer of a query that has one; background work takes a moment."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            rows = self.ask(sql, *values)
            if rows and rows[0][0]:
                return rows[0][0]
            time.sleep(0.1)
        raise AssertionError(f"never true: {sql} {values}\n{self.log.read_text()}")


@pytest.fixture(scope="session")
def running_shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, database = f"http://localhost:{port}", folder / "shop.sqlite3"
    environment = {
        **os.environ,
        "SHOP_ENV": "development",
        "SITE_URL": url,
        "DATABASE_URL": f"sqlite:///{database}",
        "REDIS_URL": "",
        "SANDBOX_DB": str(folder / "sandbox.sqlite3"),
        "MEDIA_ROOT": str(folder / "media"),
        "WORKER_PAUSE_SECONDS": "0.2",
        "DUMMY_PROVIDER": "true",
        "PYTHONUNBUFFERED": "1",
    }
    shop = RunningShop(url, database, folder / "log.txt", environment)
    with shop.log.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "dev"],
            cwd=ROOT,
            env=shop.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_open(process, shop.log)
            yield shop
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)


def _wait_until_open(process, log, seconds=300):
    """Until it says so: while the demo is loaded, another server answers there."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"The shop did not start:\n{log.read_text()}")
        if "Stop with Ctrl-C" in log.read_text():
            return
        time.sleep(0.2)
    raise AssertionError(f"The shop did not open in time:\n{log.read_text()}")


@pytest.fixture(scope="session")
def chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, names)), None
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-background-networking", "--disable-sync"],
        )
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium, running_shop):
    """Make a browser of one's own: `visitor(width=390)` has its own cookies.

    At the end no page may have said anything on its console that a browser calls an
    error: a refused script or style, a missing file, an exception.
    """
    contexts, complaints = [], []

    def listen(message):
        # A form with errors and a refused card are answered so on purpose.
        meant = re.search(r"status of (402|422)", message.text)
        if message.type == "error" and not meant:
            complaints.append(f"{message.location}: {message.text}")

    def make(*, width=1280, height=800, scheme="light", javascript=True):
        context = chromium.new_context(
            base_url=running_shop.url,
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            java_script_enabled=javascript,
            reduced_motion="reduce",
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []
