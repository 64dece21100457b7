"""Take stock and give it back, each piece with one cause.

Every change is one conditional UPDATE and one movement whose key is unique, so that
whatever is taken ends once, and the sum of a variant's movements is its stock.
"""

from django.db import IntegrityError, transaction
from django.db.models import F

from catalog.models import StockMovement, Variant


class OutOfStock(Exception):
    """There are fewer pieces than were asked for. `variant` is the one that ran out."""

    def __init__(self, variant: Variant):
        super().__init__(f"{variant.sku} is out of stock")
        self.variant = variant


class AlreadyMoved(Exception):
    """The cause of this movement has moved stock before."""


def take(quantities: dict[Variant, int], *, cause: str, reason: str) -> None:
    """Take pieces of several variants, all or nothing. Raises OutOfStock, AlreadyMoved.

    `cause` such as `order:17:take` is completed by the variant's id.
    """
    _move(
        {variant: -quantity for variant, quantity in quantities.items()}, cause, reason
    )


def give_back(quantities: dict[Variant, int], *, cause: str, reason: str) -> None:
    """Put pieces back on the shelf, once per cause. Raises AlreadyMoved."""
    _move(quantities, cause, reason)


def correct(variant: Variant, quantity: int, *, cause: str, reason: str) -> None:
    """Add or remove counted pieces (signed). Raises OutOfStock, AlreadyMoved."""
    _move({variant: quantity}, cause, reason)


def _move(changes, cause, reason):
    movements = [
        StockMovement(
            key=f"{cause}:{variant.pk}",
            variant=variant,
            quantity=quantity,
            reason=reason,
        )
        # Rows in one order: two carts with the same goods cannot wait for each other.
        for variant, quantity in sorted(
            changes.items(), key=lambda change: change[0].pk
        )
    ]
    try:
        with transaction.atomic():
            _write(movements)
    except IntegrityError as error:
        if not _written(movements):
            raise
        raise AlreadyMoved(cause) from error


def _write(movements):
    # The unique key speaks first: whoever comes second moves nothing.
    StockMovement.objects.bulk_create(movements)
    for movement in movements:
        enough = Variant.objects.filter(
            pk=movement.variant_id, stock__gte=-movement.quantity
        )
        if not enough.update(stock=F("stock") + movement.quantity):
            raise OutOfStock(movement.variant)


def _written(movements):
    return StockMovement.objects.filter(key__in=[m.key for m in movements]).exists()
