"""The refusals that keep the sandbox and real money apart."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from shop import locks
from shop.sandbox.config import KEY_PREFIX

OFFICIAL = "https://api.stripe.com"
LOCAL = "http://localhost:8000/sandbox/stripe"


def refuse(env, secret_key, api_base, sandbox_on):
    locks.refuse_unsafe(
        env=env, secret_key=secret_key, api_base=api_base, sandbox_on=sandbox_on
    )


@pytest.mark.parametrize(
    ("env", "key", "base", "on", "named"),
    [
        ("production", "sk_test_sandbox_x", OFFICIAL, False, "STRIPE_SECRET_KEY"),
        ("production", "sk_test_1", LOCAL, False, "STRIPE_API_BASE"),
        ("production", "sk_live_1", LOCAL, False, "STRIPE_API_BASE"),
        ("production", "sk_live_1", OFFICIAL, True, "SANDBOX"),
        ("development", "sk_test_sandbox_x", OFFICIAL, False, "STRIPE_SECRET_KEY"),
        ("development", "sk_live_1", LOCAL, False, "STRIPE_API_BASE"),
        ("development", "rk_live_1", LOCAL, False, "STRIPE_API_BASE"),
        ("development", "sk_live_1", OFFICIAL, True, "SANDBOX"),
    ],
)
def test_an_unsafe_mixture_does_not_start(env, key, base, on, named):
    with pytest.raises(ImproperlyConfigured, match=named):
        refuse(env, key, base, on)


@pytest.mark.parametrize(
    ("env", "key", "base", "on"),
    [
        ("production", "sk_live_1", OFFICIAL, False),
        ("production", "rk_live_1", OFFICIAL, False),
        ("production", "sk_test_1", OFFICIAL, False),
        ("development", "sk_test_sandbox_x", LOCAL, True),
        ("development", "sk_test_1", OFFICIAL, False),
    ],
)
def test_a_safe_mixture_starts(env, key, base, on):
    refuse(env, key, base, on)


def test_shop_and_sandbox_agree_on_the_keys_of_the_sandbox():
    assert locks.SANDBOX_KEY_PREFIX == KEY_PREFIX
