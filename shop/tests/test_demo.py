"""The demo: whatever can be, can be seen; and its books are true.

The states are read from the models themselves, so that a new one without a case in the
demo is told here.
"""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandError
from django.db import models
from django.utils import timezone

from accounts.models import Adjustment, CreditLot, LedgerAccount, User
from orders.models import Order
from referrals import eligibility, rules
from shop.demo import clock, opening, people, story

# As `manage.py demo` does, but for the files of the pictures; and then the worker.
_TELL = """
from django.core.management import call_command
from shop.demo import catalogue, delivery, story
call_command("migrate", verbosity=0)
call_command("createcachetable")
catalogue.load(print)
delivery.load()
story.load(print)
"""
_WORK = """
from shop.demo import opening
from shop.kit import jobs
with opening.shop_open():
    jobs.tick()
    jobs.run_due()
"""
_PROVE = """
from django.core.management import call_command
from shop.demo import opening
with opening.shop_open():
    call_command("prove_books")
"""
MODELS = [*apps.get_app_config("referrals").get_models()]
MODELS += [Adjustment, CreditLot, LedgerAccount]

# What the demo must not show, and why.
LEFT_OUT = {
    ("ReleasePause", "is_standing", 1): "the first credit of a newcomer would wait",
    ("ReleasePause", "ended_at", None): "the first credit of a newcomer would wait",
    ("Budget", "warned_at", "a moment"): "no budget of this shop runs low",
    ("Terms", "hold_from", "delivery"): "this shop hears of no arrivals",
}


@dataclass(frozen=True)
class ToldShop:
    """A shop whose demo was loaded, and its database to look into."""

    database: Path
    environment: dict[str, str]

    def ask(self, sql: str) -> list[tuple]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(sql).fetchall()

    def run(self, script: str) -> str:
        answer = subprocess.run(
            [sys.executable, "manage.py", "shell", "-c", script],
            cwd=settings.BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-4000:]
        return answer.stdout + answer.stderr

    def rows(self) -> list[str]:
        """Every row of every table."""
        with closing(sqlite3.connect(self.database)) as connection:
            written = list(connection.iterdump())
        return [line for line in written if line.startswith("INSERT")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    database = folder / "shop.sqlite3"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "SHOP_ENV": "development",
        "SITE_URL": f"http://localhost:{port}",
        "DATABASE_URL": f"sqlite:///{database}",
        "REDIS_URL": "",
        "SANDBOX_DB": str(folder / "sandbox.sqlite3"),
        "MEDIA_ROOT": str(folder / "media"),
    }
    told = ToldShop(database, environment)
    told.run(_TELL + _WORK)
    return told


def states():
    """Each field of the programme that says how something stands, with what it may say.

    Choices, whether something is so, and whether a moment has come.
    """
    for model in MODELS:
        for field in model._meta.concrete_fields:
            if field.choices:
                said = [value for value, _ in field.flatchoices]
            elif isinstance(field, models.BooleanField):
                said = [0, 1]
            elif isinstance(field, models.DateTimeField) and field.null:
                said = [None, "a moment"]
            else:
                continue
            for value in said:
                if (model.__name__, field.name, value) not in LEFT_OUT:
                    yield pytest.param(
                        model, field, value, id=f"{model.__name__}.{field.name}={value}"
                    )


@pytest.mark.parametrize(("model", "field", "value"), list(states()))
def test_every_state_has_a_case_in_the_demo(shop, model, field, value):
    column = f'"{field.column}"'
    if isinstance(field, models.DateTimeField):
        is_so = f"{column} IS {'NOT ' if value else ''}NULL"
    else:
        is_so = f"{column} = {value!r}"

    found = shop.ask(f'SELECT 1 FROM "{model._meta.db_table}" WHERE {is_so} LIMIT 1')

    assert found


@pytest.mark.parametrize("path", settings.REFERRAL_SIGNALS)
def test_every_sign_that_speaks_against_a_friend_has_a_case(shop, path):
    code = path.rpartition(".")[2]

    found = shop.ask(f"SELECT 1 FROM referrals_risksignal WHERE code = '{code}'")

    assert found


@pytest.mark.parametrize("reason", sorted(rules.TAKES_BACK))
def test_every_reason_that_takes_a_reward_back_has_a_case(shop, reason):
    found = shop.ask(f"SELECT 1 FROM referrals_settlement WHERE reason = '{reason}'")

    assert found


@pytest.mark.parametrize("reason", sorted(eligibility.AFTER_PAYMENT))
def test_every_reason_that_voids_a_friend_who_paid_has_a_case(shop, reason):
    found = shop.ask(
        f"SELECT 1 FROM referrals_attribution WHERE void_reason = '{reason}'"
    )

    assert found


def test_the_books_of_the_demo_are_true_at_stripe_too(shop):
    # It ends in an error where one row does not add up, or Stripe cannot be asked.
    assert "0  " in shop.run(_PROVE)


def test_a_second_loading_of_the_demo_changes_no_row(shop):
    before = shop.rows()

    shop.run(_TELL)

    assert shop.rows() == before


@pytest.mark.parametrize(
    ("table", "moment"),
    [
        ("orders_order", "placed_at"),
        ("accounts_transfer", "created_at"),
        ("referrals_claim", "created_at"),
    ],
    ids=["orders", "transfers", "claims"],
)
def test_the_past_of_the_demo_happened_in_its_order(shop, table, moment):
    moments = shop.ask(f"SELECT {moment} FROM {table} ORDER BY id")

    assert moments == sorted(moments)
    # Some months of it.
    assert moments[0][0] < str(datetime.now(UTC) - timedelta(days=60))


def test_the_fresh_member_begins_with_nothing(shop):
    of_jonas = f"(SELECT id FROM accounts_user WHERE email = '{people.MEMBER.email}')"

    for table, column in (
        ("referrals_attribution", "inviter_id"),
        ("referrals_referrallink", "owner_id"),
        ("referrals_notice", "user_id"),
        ("accounts_ledgeraccount", "owner_id"),
        ("orders_order", "user_id"),
    ):
        assert shop.ask(f"SELECT * FROM {table} WHERE {column} = {of_jonas}") == []


def test_everybody_who_is_named_at_the_start_can_sign_in(shop):
    known = {email for (email,) in shop.ask("SELECT email FROM accounts_user")}

    assert {person.email for person in story.cast()} <= known


@pytest.mark.django_db
def test_a_demo_that_was_interrupted_is_not_told_twice():
    people.join(people.CUSTOMER)
    said = []

    story.load(said.append)

    assert "interrupted" in said[0]
    assert User.objects.count() == len(story.cast())
    assert not Order.objects.exists()


def test_the_demo_is_told_where_no_shop_is_open(settings):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        settings.SITE_URL = f"http://localhost:{other.getsockname()[1]}"

        with pytest.raises(CommandError, match="Close what is open"):
            opening.shop_open().__enter__()


def test_nobody_but_stripe_meets_the_shop_while_its_past_is_told(settings, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings.SITE_URL = f"http://localhost:{probe.getsockname()[1]}"
    settings.SANDBOX_DB = str(tmp_path / "sandbox.sqlite3")
    settings.STRIPE_API_BASE = f"{settings.SITE_URL}/sandbox/stripe"
    settings.SANDBOX_WEBHOOK_URL = f"{settings.SITE_URL}/webhooks/stripe/"

    with opening.shop_open():
        home = requests.get(settings.SITE_URL, timeout=10)
        api = requests.get(f"{settings.STRIPE_API_BASE}/v1/refunds", timeout=10)

    assert (home.status_code, api.status_code) == (503, 401)


def test_a_lent_clock_moves_the_shop_and_its_sandbox():
    begin = datetime(2024, 2, 29, 12, tzinfo=UTC)

    with clock.lent() as moved:
        moved.move_to(begin)
        seen = (
            timezone.now(),
            User().date_joined,
            datetime.fromtimestamp(time.time(), UTC),
        )
        is_moment = isinstance(begin, timezone.datetime)

    assert all(timedelta(0) <= moment - begin < timedelta(minutes=1) for moment in seen)
    assert is_moment
    assert abs(timezone.now() - datetime.now(UTC)) < timedelta(minutes=1)
