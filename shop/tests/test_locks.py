"""The five locks between the Stripe sandbox and real money."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from shop import locks

SAFE = {
    "env": "production",
    "secret_key": "sk_live_abc",
    "api_base": locks.OFFICIAL_BASE,
    "sandbox_on": False,
}


@pytest.mark.parametrize(
    "allowed",
    [
        {},
        {"secret_key": "rk_live_abc"},
        {"secret_key": "sk_test_of_a_real_account"},
        {"api_base": locks.OFFICIAL_BASE + "/"},
        {"env": "development", "secret_key": "sk_test_of_a_real_account"},
        {
            "env": "development",
            "secret_key": "sk_test_sandbox_x",
            "api_base": "http://localhost:8000/sandbox/stripe",
            "sandbox_on": True,
        },
    ],
)
def test_what_is_safe_may_start(allowed):
    locks.refuse_unsafe(**SAFE | allowed)


@pytest.mark.parametrize(
    ("unsafe", "named"),
    [
        ({"sandbox_on": True}, "SANDBOX"),
        ({"secret_key": "sk_test_sandbox_x"}, "STRIPE_SECRET_KEY"),
        ({"api_base": "http://localhost:8000/sandbox/stripe"}, "STRIPE_API_BASE"),
        ({"api_base": "https://api.stripe.com.evil.example"}, "STRIPE_API_BASE"),
        ({"env": "development", "sandbox_on": True}, "SANDBOX"),
        (
            {"env": "development", "api_base": "http://localhost:8000/sandbox/stripe"},
            "STRIPE_API_BASE",
        ),
        (
            {
                "env": "development",
                "secret_key": "rk_live_abc",
                "api_base": "http://localhost:12111",
            },
            "STRIPE_API_BASE",
        ),
        ({"env": "test", "secret_key": "sk_test_sandbox_x"}, "STRIPE_API_BASE"),
    ],
)
def test_what_is_unsafe_does_not_start_and_names_the_variable(unsafe, named):
    with pytest.raises(ImproperlyConfigured, match=named):
        locks.refuse_unsafe(**SAFE | unsafe)
