"""What tests of every app may ask for."""

import pytest
import stripe
from django.core.cache import cache
from django.core.management.commands import flush
from django_tasks_db.management.commands import db_worker

from orders import payments
from shop.kit import books, guards, jobs
from shop.sandbox.testing import MemoryStripe
from shop.sandbox.tests import witness

# After each of an app's tests the books must add up: all of them, or those of the rooms
# named here, for some tests choose facts about orders that nobody placed.
PROVED = {
    "accounts": ["accounts.books", "catalog.books"],
    "orders": [],
    "referrals": ["accounts.books", "catalog.books", "referrals.books"],
}


def pytest_configure(config):
    """Let Django empty the database between two transactional tests.

    The triggers that keep history append-only would refuse it, so they are lifted
    around the flush and put back before the next test starts.
    """
    empty = flush.Command.handle

    def handle(self, **options):
        with guards.lifted(options["database"]):
            return empty(self, **options)

    flush.Command.handle = handle


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """The last assertion of every test that may move money or stock.

    Those marked `cooked_books` tamper on purpose.
    """
    result = yield
    app = item.path.relative_to(item.config.rootpath).parts[0]
    marks = {mark.name for mark in item.iter_markers()}
    uses_database = {"db", "transactional_db"} & set(item.fixturenames)
    asked = app in PROVED and (uses_database or "django_db" in marks)
    if asked and "cooked_books" not in marks:
        found = books.prove(rooms=PROVED[app])
        wrong = {each.rule.says: each.rows for each in found if each.rows}
        assert wrong == {}, "The books do not add up after this test."
    return result


@pytest.fixture(autouse=True)
def _fresh_cache():
    """Rate limits and counters of one test are not another's."""
    cache.clear()


@pytest.fixture(autouse=True)
def _no_waiting_for_stripe(monkeypatch):
    """What does not answer is asked again as often as ever, only at once."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0)


@pytest.fixture(autouse=True)
def said_wrong():
    """Every answer and event of Stripe's stand-in is held to Stripe's own contract."""
    with witness.watching() as wrong:
        yield wrong


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


def pytest_terminal_summary(terminalreporter):
    """Print what tests found out: `record_property(title, row)`, where a row is a dict.

    Rows of one title make one table, whichever tests they come from.
    """
    tables = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for title, row in report.user_properties:
                    tables.setdefault(title, []).append(row)
    for title, rows in tables.items():
        terminalreporter.section(title)
        columns = list(rows[0])
        lines = [columns, *([str(row[name]) for name in columns] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = map(str.ljust, line, widths)
            terminalreporter.write_line("  ".join(cells).rstrip())
