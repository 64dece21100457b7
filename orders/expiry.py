"""Unpaid orders whose time is up: closed at Stripe first, then given back."""

import logging

from django.db.models import F
from django.utils import timezone

from orders import confirmation, payments
from orders.models import Order
from shop.kit import jobs

logger = logging.getLogger("tandem.expiry")

# In one run; more than come due in a minute.
MOST_ORDERS = 200


def expire_overdue() -> int:
    """Expire every overdue order that Stripe confirms to be unpaid; how many were.

    An order whose session turns out to be paid is confirmed by the same facts that its
    webhook would have brought. One that Stripe cannot be asked about waits for the next
    run, behind those that were not tried yet: it keeps nobody else's goods.
    """
    count = 0
    overdue = Order.objects.overdue(timezone.now()).order_by(
        F("closing_tried_at").asc(nulls_first=True), "expires_at"
    )
    for order in overdue[:MOST_ORDERS]:
        Order.objects.filter(pk=order.pk).update(closing_tried_at=timezone.now())
        try:
            payments.close(order)
            confirmation.expire_order(order.pk)
        except payments.AlreadyPaid:
            logger.info("order %s was paid in its last minute", order.code)
        except confirmation.PageOpen:
            logger.info("order %s: its customer is at the card page", order.code)
        except payments.PaymentUnavailable:
            logger.warning("order %s: Stripe cannot be asked, trying later", order.code)
        except Exception:  # one that breaks keeps nobody else's goods and balance
            logger.exception("order %s cannot be expired", order.code)
        else:
            count += 1
    return count


@jobs.every("expire-orders", minutes=1)
@jobs.job(attempts=1)
def expire_overdue_orders() -> None:
    expire_overdue()
