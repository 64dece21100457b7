"""Who bought here and is gone: keyed hashes that outlive a deleted account.

Without them anybody could leave and come back by a friend's link as somebody new.
"""

from datetime import timedelta

from django.utils import timezone

from accounts import mailboxes
from accounts.models import User
from orders.models import Order, Payment
from referrals.models import FormerCustomer

KEPT_FOR = timedelta(days=730)

Kind = FormerCustomer.Kind


def remember(user: User) -> None:
    """Keep the mailbox and the cards of a customer whose account is being deleted.

    To be called before the address is erased. Nothing is kept of somebody who never
    bought. Safe to repeat.
    """
    orders = Order.objects.filter(user=user, confirmed_at__isnull=False)
    if not orders.exists():
        return
    cards = Payment.objects.filter(order__in=orders).exclude(card_hash="")
    values = [(Kind.EMAIL, mailboxes.hash_of(user.email))]
    values += [
        (Kind.CARD, card) for card in set(cards.values_list("card_hash", flat=True))
    ]
    FormerCustomer.objects.bulk_create(
        [FormerCustomer(kind=kind, value_hash=value) for kind, value in values],
        ignore_conflicts=True,
    )


def knows(kind: Kind, values: set[str]) -> bool:
    """Whether one of these hashes is of somebody who left within two years."""
    since = timezone.now() - KEPT_FOR
    return FormerCustomer.objects.filter(
        kind=kind, value_hash__in=values, created_at__gt=since
    ).exists()
