"""Credit with an end: which lots a movement of a wallet takes, and what comes back.

Only `accounts.ledger` calls the verbs that move something, holding the lock of the
owner's wallet: it guards the owner's lots too. No transfer is written here.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Sum
from django.utils import timezone

from accounts.models import CreditLot, LotUse, Transfer, User

# What comes back from a spend can be spent for this long at least.
LEAST = timedelta(days=30)


def open_lot(transfer: Transfer, owner_id: int, expires_at: datetime) -> CreditLot:
    """What this transfer brought in ends at that moment."""
    return CreditLot.objects.create(
        transfer=transfer,
        owner_id=owner_id,
        currency=transfer.currency,
        amount=transfer.amount,
        remaining=transfer.amount,
        expires_at=expires_at,
    )


def next_end(user: User, currency: str) -> tuple[datetime, int] | None:
    """When the first of a person's credit ends, and how much of it. One query."""
    left = CreditLot.objects.filter(owner=user, currency=currency, remaining__gt=0)
    ends = left.order_by("expires_at").values_list("expires_at")
    return ends.annotate(Sum("remaining")).first()


def use(transfer: Transfer, owner_id: int) -> None:
    """The transfer takes what ends first; credit that never ends goes last."""
    left = transfer.amount
    for lot in _open(owner_id, transfer.currency):
        if not left:
            return
        part = min(left, lot.remaining)
        lot.remaining -= part
        lot.save(update_fields=["remaining"])
        LotUse.objects.create(lot=lot, transfer=transfer, amount=part)
        left -= part


def restore(transfer: Transfer, keys: Sequence[str]) -> None:
    """What transfers of these keys had taken comes back with this one.

    Credit with an end comes back first, the latest end before the others. It keeps its
    old date, or gets thirty days, whichever is later.
    """
    if not keys:
        return
    left, least = transfer.amount, timezone.now() + LEAST
    uses = LotUse.objects.filter(transfer__key__in=keys).select_related("lot")
    for taken in uses.order_by("-lot__expires_at", "-pk"):
        part = min(left, taken.amount - taken.amount_restored)
        if not part:
            continue
        taken.amount_restored += part
        taken.save(update_fields=["amount_restored"])
        lot = CreditLot.objects.get(pk=taken.lot_id)
        lot.remaining += part
        if lot.expires_at < least:
            lot.expires_at, lot.warned_at = least, None
        lot.save(update_fields=["remaining", "expires_at", "warned_at"])
        left -= part


def ended(user: User, currency: str, now: datetime) -> list[CreditLot]:
    """Lots whose time is up and that still hold something, the oldest end first."""
    return list(_open(user.pk, currency).filter(expires_at__lte=now))


def _open(owner_id, currency):
    lots = CreditLot.objects.filter(
        owner_id=owner_id, currency=currency, remaining__gt=0
    )
    return lots.order_by("expires_at", "pk")
