"""The one place that turns Django settings into the sandbox's `Config`."""

from pathlib import Path

from django.conf import settings

from .config import Config


def from_settings() -> Config:
    """Read `SANDBOX_DB`, `SITE_URL`, `STRIPE_API_BASE`, and where webhooks go.

    A blank `SANDBOX_WEBHOOK_URL` keeps the events and sends none.
    """
    secrets = settings.STRIPE_WEBHOOK_SECRETS
    return Config(
        path=Path(settings.SANDBOX_DB),
        public_base=settings.STRIPE_API_BASE.rstrip("/"),
        webhook_url=settings.SANDBOX_WEBHOOK_URL,
        webhook_secret=secrets[0] if secrets else "",
        shop_url=settings.SITE_URL.rstrip("/"),
    )
