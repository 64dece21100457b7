"""The boot's refusals: the Stripe sandbox cannot be on where real money moves.

Called by the settings themselves, because a WSGI server runs no system checks. It lives
outside `shop/sandbox/`, so that a production image can leave that folder out.
"""

from django.core.exceptions import ImproperlyConfigured

OFFICIAL_BASE = "https://api.stripe.com"
SANDBOX_KEY_PREFIX = "sk_test_sandbox_"
LIVE_KEY_PREFIXES = ("sk_live_", "rk_live_")


def refuse_unsafe(
    *, env: str, secret_key: str, api_base: str, sandbox_on: bool
) -> None:
    """Raise ImproperlyConfigured, naming the variable, when this is unsafe."""
    official = api_base.rstrip("/") == OFFICIAL_BASE
    sandbox_key = secret_key.startswith(SANDBOX_KEY_PREFIX)
    live_key = secret_key.startswith(LIVE_KEY_PREFIXES)
    if env == "production" and sandbox_on:
        raise ImproperlyConfigured("SANDBOX cannot be on where SHOP_ENV is production.")
    if env == "production" and sandbox_key:
        raise ImproperlyConfigured(
            "STRIPE_SECRET_KEY is a sandbox key, and SHOP_ENV is production. "
            "Set a Stripe key."
        )
    if env == "production" and not official:
        raise ImproperlyConfigured(
            f"STRIPE_API_BASE must be {OFFICIAL_BASE} where SHOP_ENV is production."
        )
    if live_key and not official:
        raise ImproperlyConfigured(
            f"STRIPE_SECRET_KEY is a live key: STRIPE_API_BASE must be {OFFICIAL_BASE}."
        )
    if live_key and sandbox_on:
        raise ImproperlyConfigured(
            "SANDBOX cannot be on with a live STRIPE_SECRET_KEY."
        )
    if sandbox_key and official:
        raise ImproperlyConfigured(
            "STRIPE_SECRET_KEY is a sandbox key: Stripe itself would refuse it. "
            "Set a Stripe key, or leave STRIPE_API_BASE unset."
        )
