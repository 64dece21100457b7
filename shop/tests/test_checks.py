"""What keeps a shop from opening in another currency than its books."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from orders.tests.factories import make_order, make_user
from shop import checks


@pytest.mark.django_db
@pytest.mark.parametrize("sold", [False, True])
def test_a_shop_does_not_open_in_another_currency_than_its_books(settings, sold):
    if sold:
        make_order(make_user())
    checks.refuse_another_currency()

    settings.SHOP_CURRENCY = "KWD"

    with pytest.raises(ImproperlyConfigured, match="is KWD, .* database is in USD"):
        checks.refuse_another_currency()
    with pytest.raises(SystemCheckError, match="Set it back to USD"):
        call_command("check", databases=["default"])
    with pytest.raises(SystemCheckError, match="Set it back to USD"):
        call_command("worker", "--once", skip_checks=False)


@pytest.mark.django_db
def test_a_few_rows_in_another_currency_do_not_close_a_shop(settings):
    make_user(balance=500, currency="EUR")
    make_order(make_user(balance=500))

    checks.refuse_another_currency()


def test_a_database_that_is_not_there_is_no_reason_not_to_start(monkeypatch):
    """No database is allowed in this test, which is as good as none at all."""
    from django.db import OperationalError

    def gone(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(checks.connection.introspection, "table_names", gone)

    checks.refuse_another_currency()
