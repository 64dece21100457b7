"""Reasons not to start: the sandbox must not meet real money, nor real keys it.

Called from settings, because no system check runs under WSGI. Reads no settings.
"""

from django.core.exceptions import ImproperlyConfigured

from .config import KEY_PREFIX

OFFICIAL_BASE = "https://api.stripe.com"
LIVE_PREFIXES = ("sk_live_", "rk_live_")


def refuse_unsafe(
    *,
    env: str,
    debug: bool,
    secret_key: str,
    api_base: str,
    sandbox_on: bool,
) -> None:
    """Raise ImproperlyConfigured for a mixture of sandbox and production.

    `env` is SHOP_ENV, `secret_key` STRIPE_SECRET_KEY, `api_base` STRIPE_API_BASE.
    An empty `api_base` means the official one.
    """
    official = (api_base or OFFICIAL_BASE).rstrip("/") == OFFICIAL_BASE
    sandbox_key = secret_key.startswith(KEY_PREFIX)
    live_key = secret_key.startswith(LIVE_PREFIXES)
    if env == "production":
        _refuse_in_production(debug, sandbox_key, official, sandbox_on)
    if sandbox_key and official:
        raise ImproperlyConfigured(
            f"STRIPE_SECRET_KEY begins with {KEY_PREFIX} but STRIPE_API_BASE is "
            f"{OFFICIAL_BASE}: a sandbox key opens only the sandbox."
        )
    if live_key and not official:
        raise ImproperlyConfigured(
            f"STRIPE_SECRET_KEY is a live key but STRIPE_API_BASE is not "
            f"{OFFICIAL_BASE}: a live key is never sent anywhere else."
        )
    if live_key and sandbox_on:
        raise ImproperlyConfigured(
            "STRIPE_SECRET_KEY is a live key while SANDBOX is on: switch SANDBOX off."
        )


def _refuse_in_production(debug, sandbox_key, official, sandbox_on) -> None:
    if sandbox_key:
        raise ImproperlyConfigured(
            f"STRIPE_SECRET_KEY begins with {KEY_PREFIX}: production needs a key of a "
            "Stripe account."
        )
    if not official:
        raise ImproperlyConfigured(f"STRIPE_API_BASE must be {OFFICIAL_BASE} in production.")
    if sandbox_on:
        raise ImproperlyConfigured("SANDBOX must be off in production.")
    if debug:
        raise ImproperlyConfigured("DEBUG must be off in production.")
