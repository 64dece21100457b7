"""Credit with an end, and what was spent of it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.models.ledger import Transfer
from shop.kit.guards import frozen, kept


@kept
@frozen("transfer", "owner", "currency", "amount")
class CreditLot(models.Model):
    """Credit with an end: what one transfer brought into a wallet, and what is left.

    Lots that end first are spent first; credit without a lot has no end.
    """

    transfer = models.OneToOneField(Transfer, models.PROTECT, related_name="lot")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="credit_lots"
    )
    currency = models.CharField(max_length=3)
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    remaining = models.PositiveBigIntegerField(help_text="Minor units.")
    expires_at = models.DateTimeField()
    warned_at = models.DateTimeField(
        null=True, blank=True, help_text="When the last warning was written."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(remaining__lte=F("amount")),
                name="lot_remaining_within_amount",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(remaining__gt=0), name="lot_by_end"
            )
        ]

    def __str__(self):
        return f"{self.owner}: until {self.expires_at:%d %b %Y}"


@kept
@frozen("lot", "transfer", "amount")
class LotUse(models.Model):
    """How much of a lot one transfer took, and how much of that came back later."""

    lot = models.ForeignKey(CreditLot, models.PROTECT, related_name="uses")
    transfer = models.ForeignKey(Transfer, models.PROTECT, related_name="lot_uses")
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    amount_restored = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lot", "transfer"], name="lot_used_once_per_transfer"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="lot_use_positive"),
            models.CheckConstraint(
                condition=Q(amount_restored__lte=F("amount")),
                name="lot_use_restored_within",
            ),
        ]

    def __str__(self):
        return f"{self.transfer} of {self.lot}"
