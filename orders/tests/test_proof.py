"""Every test of money ends with the proof of the books, which can fail."""

import pytest

from accounts.models import LedgerAccount
from catalog.models import Variant
from catalog.tests.factories import make_variant
from orders.models import Order
from orders.tests.factories import make_order, make_user
from shop.kit import guards

pytestmark = pytest.mark.django_db

must_fail = pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="The books do not add up afterwards."
)


@must_fail
def test_a_test_that_loses_stock_fails():
    make_variant(stock=5)
    Variant.objects.update(stock=4)


@must_fail
def test_a_test_that_makes_money_fails():
    make_user(balance=500)
    with guards.lifted():
        LedgerAccount.objects.filter(kind="wallet").update(balance=700)


@must_fail
def test_a_test_that_forgets_what_an_order_holds_fails():
    make_order(make_user(balance=500))
    with guards.lifted():
        Order.objects.update(status="cancelled")


@pytest.mark.cooked_books
def test_a_test_that_tampers_on_purpose_passes():
    make_variant(stock=5)
    Variant.objects.update(stock=4)
