"""Orders of a guest who has an account now: they come along, for good.

Whoever proves an address owns what was bought with it. The very address counts, not
another spelling of the mailbox: this opens a door, and does not only compare.
"""

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import User
from orders import signals, timeline
from orders.models import Order


def adopt(user: User) -> list[Order]:
    """Move the guest orders of this person's proven addresses into the account.

    Safe to repeat and to race: an order has an owner once.
    """
    proven = EmailAddress.objects.filter(user=user, verified=True)
    return [
        order
        for email in proven.values_list("email", flat=True)
        for order in Order.objects.filter(user=None, email__iexact=email).order_by("pk")
        if _adopt(order, user)
    ]


def _adopt(order, user):
    with transaction.atomic():
        # The row's own words decide: another proof may have been a moment faster.
        if not Order.objects.filter(pk=order.pk, user=None).update(user=user):
            return False
        order.user = user
        text = "Bought as a guest, now in the buyer's account"
        timeline.note(order, "adopted", text, actor=user)
        signals.tell(order.pk)
    return True
