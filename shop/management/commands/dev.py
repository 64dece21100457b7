"""Web server, Stripe sandbox and worker as one process tree, on this machine only."""

import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from shop.demo import clock, people, story


class Command(BaseCommand):
    help = "Migrate, load the demo shop and run everything until Ctrl-C."

    def get_check_kwargs(self, options):
        # What is asked of the database, too: in which currency its money is.
        return super().get_check_kwargs(options) | {"databases": ["default"]}

    def handle(self, **options):
        if settings.PRODUCTION:
            raise CommandError("`dev` runs the demo shop; SHOP_ENV is production.")
        port = urlsplit(settings.SITE_URL).port or 8000
        refuse_taken(port)
        try:
            self.prepare()
        except KeyboardInterrupt:
            return
        with Family() as family:
            family.start(sys.executable, "-m", "gunicorn", "shop.wsgi", *gunicorn(port))
            answers = family.wait_for(f"{settings.SITE_URL}/healthz")
            # The worker asks the sandbox, which lives in the web server: it comes
            # later and goes first.
            family.start(sys.executable, "manage.py", "worker")
            if answers:
                self.stdout.write(welcome())
            family.wait()
        if family.lost:
            raise CommandError(f"{family.lost} ended by itself, so the rest did too.")

    def prepare(self):
        if connection.introspection.table_names():
            call_command("migrate", verbosity=0)
        else:
            self.stdout.write("Making the database …")
            # The first version of the offer is as old as the demo's past.
            with clock.lent() as moved:
                moved.move_to(story.Calendar(timezone.now()).day(story.OPENED, 7))
                call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("demo")


def gunicorn(port: int) -> list[str]:
    # Threads: a request of the shop waits for one to the sandbox in the same server.
    return [
        f"--bind=127.0.0.1:{port}",
        "--workers=1",
        "--threads=8",
        "--no-control-socket",
        "--log-level=warning",
        *(["--reload"] if settings.DEBUG else []),
    ]


def refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        # What a server that stopped a moment ago leaves on the port is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise CommandError(
                f"Port {port} is taken. Choose another: make run PORT={port + 1}"
            ) from None


def welcome() -> str:
    logins = "\n".join(
        f"    {person.what:<24}{person.email:<24}{person.shows}"
        for person in story.cast()
    )
    return f"""
  {settings.SHOP_NAME} is open at {settings.SITE_URL}

{logins}

    Password of each        {people.PASSWORD}
    Test card               4242 4242 4242 4242     any future date, any CVC
    Mailbox                 {settings.SITE_URL}/sandbox/mail/
    Staff                   {settings.SITE_URL}/{settings.ADMIN_PATH}

  Stop with Ctrl-C.
"""


class Family:
    """Child processes that live and die together; `lost` is the one that began it."""

    def __enter__(self):
        self.children = []
        self.lost = ""
        self.stopping = threading.Event()
        # SIGHUP: the terminal was closed; orphans would keep the port.
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, lambda *_: self.stopping.set())
        return self

    def start(self, *command: str) -> None:
        # A session of its own: Ctrl-C reaches us alone, and we stop the children.
        self.children.append(subprocess.Popen(command, start_new_session=True))

    def wait_for(self, url: str, seconds: float = 30) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._all_alive():
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return True
            except OSError:
                self.stopping.wait(0.1)
        return False

    def wait(self) -> None:
        """Until a signal arrives, or the first child ends."""
        while self._all_alive():
            self.stopping.wait(0.3)

    def _all_alive(self):
        if self.stopping.is_set():
            return False
        for child in self.children:
            if child.poll() is not None:
                self.lost = " ".join(child.args[1:4])
                return False
        return True

    def __exit__(self, *_):
        for child in reversed(self.children):
            child.terminate()
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
