import pytest

from catalog.tests.factories import make_variant
from orders import exhibits, refunds
from orders.tests.factories import deliver, make_order, pay

pytestmark = pytest.mark.django_db


def test_pieces_that_a_refund_put_back_were_not_counted_in(client, stripe_sandbox):
    lamp = make_variant(amount=5000, stock=9)
    order = make_order(quantities={lamp: 2})
    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)
    order.refresh_from_db()

    wish = refunds.Wish(everything=True, restock=True)
    refunds.execute(refunds.plan(order, wish), actor=None)

    told = {"sku": lamp.sku, "start": 9, "on_hand": 9, "reserved": 0}
    assert exhibits.stock() == [told]
