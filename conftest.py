"""What tests of every app may ask for."""

import pytest
from django.core.cache import cache
from django.core.management.commands import flush
from django_tasks_db.management.commands import db_worker

from orders import payments
from shop.kit import guards, jobs
from shop.sandbox.testing import MemoryStripe


def pytest_configure(config):
    """Let Django empty the database between two transactional tests.

    The triggers that keep history append-only would refuse it, so they are lifted around the
    flush and put back before the next test starts.
    """
    empty = flush.Command.handle

    def handle(self, **options):
        with guards.lifted(options["database"]):
            return empty(self, **options)

    flush.Command.handle = handle


@pytest.fixture(autouse=True)
def _fresh_cache():
    """Rate limits and counters of one test are not another's."""
    cache.clear()


@pytest.fixture
def run_jobs(db, monkeypatch):
    """Run what was enqueued, as the worker would."""
    # The worker drops stale connections; one inside a test's transaction looks stale.
    monkeypatch.setattr(db_worker, "close_old_connections", lambda: None)
    return jobs.run_due


@pytest.fixture
def stripe_sandbox(tmp_path, settings):
    """Stripe's stand-in, spoken to over real HTTP; it delivers nothing by itself."""
    stripe = MemoryStripe(tmp_path, webhook_secret=settings.STRIPE_WEBHOOK_SECRETS[0])
    with stripe.serving() as address:
        settings.STRIPE_API_BASE = address
        payments.client.cache_clear()
        yield stripe
    payments.client.cache_clear()
