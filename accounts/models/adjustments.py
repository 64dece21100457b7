"""What staff gave or took by hand."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models.ledger import Transfer
from shop.kit import money
from shop.kit.guards import frozen, kept


@kept
@frozen(
    "owner",
    "amount",
    "is_credit",
    "currency",
    "reason",
    "words",
    "token",
    "needs_two",
    "asked_by",
    "asked_at",
)
@frozen("transfer", "decided_by", "decided_at", "refused_because", once="decided_at")
class Adjustment(models.Model):
    """What a member of staff gave somebody or took from them by hand, and why.

    A large one waits until another person has confirmed or refused it.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="adjustments"
    )
    is_credit = models.BooleanField("given", help_text="Given; else taken.")
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200, help_text="For the shop alone.")
    words = models.CharField(max_length=120, help_text="What the member reads.")
    token = models.CharField(
        max_length=64, unique=True, help_text="Of the form: pressed twice, done once."
    )
    needs_two = models.BooleanField("takes two people")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    refused_because = models.CharField(max_length=200, blank=True)
    transfer = models.OneToOneField(
        Transfer, models.PROTECT, null=True, blank=True, related_name="adjustment"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0), name="adjustment_positive"
            ),
            models.CheckConstraint(
                condition=money.in_steps("amount"), name="adjustment_in_steps"
            ),
            models.CheckConstraint(
                condition=~Q(reason="") & ~Q(words=""), name="adjustment_has_reason"
            ),
            models.CheckConstraint(
                condition=~Q(owner=F("asked_by"))
                & (Q(decided_by=None) | ~Q(owner=F("decided_by"))),
                name="nobody_adjusts_their_own",
            ),
            models.CheckConstraint(
                condition=Q(transfer=None)
                | Q(needs_two=False)
                | Q(decided_by__isnull=False) & ~Q(decided_by=F("asked_by")),
                name="large_adjustment_takes_two",
            ),
            models.CheckConstraint(
                condition=Q(decided_at=None, transfer=None, refused_because="")
                | Q(decided_at__isnull=False, transfer__isnull=False)
                & Q(refused_because="")
                | Q(decided_at__isnull=False, transfer=None, decided_by__isnull=False)
                & ~Q(refused_because=""),
                name="adjustment_posted_or_refused",
            ),
        ]
        indexes = [
            models.Index(fields=["asked_by", "asked_at"], name="adjustment_by_asker"),
            models.Index(fields=["owner", "asked_at"], name="adjustment_by_owner"),
        ]

    def __str__(self):
        signed = self.amount if self.is_credit else -self.amount
        return f"{money.format_money(signed, self.currency)} for {self.owner}"

    @property
    def state(self) -> str:
        if self.transfer_id:
            return "Done"
        return "Refused" if self.decided_at else "Waits for another person"
