"""The settings of production, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SANE = {
    "SHOP_ENV": "production",
    "SECRET_KEY": "9Zk3vQ7mXw2pLr8tBn5yHc1sGd6jFa4eUo0iKzVxMqTbWnRyPl",
    "SITE_URL": "https://shop.example",
    "DEFAULT_FROM_EMAIL": "Shop <shop@shop.example>",
    "STRIPE_SECRET_KEY": "sk_test_of_a_real_account",
    "STRIPE_WEBHOOK_SECRETS": "whsec_of_a_real_endpoint",
}


def run(*arguments, **changes):
    """Run Python with an environment of production; a value of None is left out."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    named = {
        name: value for name, value in (SANE | changes).items() if value is not None
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=keep | named | {"DJANGO_SETTINGS_MODULE": "shop.settings"},
        capture_output=True,
        text=True,
    )


def start(**changes):
    return run("-c", "import django; django.setup()", **changes)


def test_production_starts_when_everything_is_named():
    answer = start()

    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    "name", [name for name in SANE if name not in ("SHOP_ENV", "SECRET_KEY")]
)
def test_production_does_not_start_without_a_value_and_names_it(name):
    answer = start(**{name: ""})  # empty, not absent: a `.env` would fill it in

    assert answer.returncode
    assert f"ImproperlyConfigured: {name} is not set" in answer.stderr


@pytest.mark.parametrize(
    ("mode", "starts"), [("on_accept", True), ("required", True), ("never", False)]
)
def test_the_shop_knows_three_ways_of_asking_for_consent(mode, starts):
    answer = start(REFERRAL_CONSENT=mode)

    assert (answer.returncode == 0) is starts, answer.stderr
    assert starts or "REFERRAL_CONSENT is exempt, on_accept" in answer.stderr


@pytest.mark.parametrize("key", [None, ""])
def test_production_does_not_start_without_a_key(key):
    answer = start(SECRET_KEY=key)

    assert answer.returncode
    assert "ImproperlyConfigured: SECRET_KEY is not set" in answer.stderr


def test_forgetting_to_say_where_we_are_means_production():
    answer = run("-c", "import shop.settings as s; print(s.PRODUCTION)", SHOP_ENV=None)

    assert answer.stdout.strip() == "True", answer.stderr


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"DEBUG": "on"}, "DEBUG"),
        ({"SHOP_ENV": "staging"}, "SHOP_ENV"),
        ({"SANDBOX": "on"}, "SANDBOX"),
        ({"STRIPE_SECRET_KEY": "sk_test_sandbox_tandem"}, "SANDBOX"),
        (
            {"STRIPE_SECRET_KEY": "sk_test_sandbox_tandem", "SANDBOX": "off"},
            "STRIPE_SECRET_KEY",
        ),
        ({"STRIPE_API_BASE": "http://localhost:12111"}, "STRIPE_API_BASE"),
        ({"STRIPE_WEBHOOK_SECRETS": ""}, "STRIPE_WEBHOOK_SECRETS"),
        ({"STRIPE_WEBHOOK_SECRETS": ","}, "STRIPE_WEBHOOK_SECRETS"),
        ({"REFERRAL_INVITATION_MAILS": "on"}, "needs SHOP_POSTAL_ADDRESS"),
        ({"SHOP_CURRENCY": "XXX"}, "SHOP_CURRENCY is 'XXX'"),
        ({"SHOP_CURRENCY": "usd"}, "SHOP_CURRENCY is 'usd'"),
    ],
)
def test_production_refuses_what_is_unsafe(changes, named):
    answer = start(**changes)

    assert answer.returncode
    assert named in answer.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in answer.stderr


def test_there_is_no_sandbox_in_production():
    code = """
import django; django.setup()
from django.apps import apps
from django.urls import resolve, Resolver404
try:
    resolve("/sandbox/")
except Resolver404:
    print("no page", apps.is_installed("shop.sandbox"))
"""
    answer = run("-c", code)

    assert answer.stdout.strip() == "no page False", answer.stderr


def test_a_sane_production_passes_the_deployment_checks():
    answer = run("manage.py", "check", "--deploy", "--fail-level", "WARNING")

    assert answer.returncode == 0, answer.stderr


def test_cookies_travel_encrypted_where_the_shop_does():
    code = "import shop.settings as s; print(s.SESSION_COOKIE_SECURE, s.LIVE_MODE)"

    assert run("-c", code).stdout.split() == ["True", "False"]
    live = run("-c", code, STRIPE_SECRET_KEY="sk_live_abc")
    assert live.stdout.split() == ["True", "True"]
