"""The pots that money lies in here, and every movement between two of them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from shop.kit import money
from shop.kit.guards import append_only, frozen, kept, same, sums


@kept
@frozen("owner", "kind", "currency")
@sums("balance", "credits.amount", "debits.amount")
class LedgerAccount(models.Model):
    """One pot of money in one currency: a person's, or one of the shop's own.

    The balance is kept for people's accounts, moved only by `accounts.ledger` in the
    transaction that writes the transfer. The shop's accounts keep none (NULL): they are
    summed when asked, so that no sale waits for another to let go of one hot row.
    """

    class Kind(models.TextChoices):
        WALLET = "wallet", "Wallet"
        HELD = "held", "Held for open orders"
        OWED = "owed", "Owed back"
        FROZEN = "frozen", "On hold"
        PROGRAMME_COST = "programme_cost", "Cost of the referral programme"
        SALES = "sales", "Sales paid by balance"
        GOODWILL = "goodwill", "Goodwill"
        BREAKAGE = "breakage", "Credit that ran out"
        WRITE_OFF = "write_off", "Debt that was let go"
        CLOSED = "closed", "Left behind by closed accounts"

    PERSONAL = (Kind.WALLET, Kind.HELD, Kind.OWED, Kind.FROZEN)

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="ledger_accounts",
    )
    kind = models.CharField(max_length=20, choices=Kind)
    currency = models.CharField(max_length=3)
    balance = models.BigIntegerField(null=True, blank=True, help_text="Minor units.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "kind", "currency"], name="account_once"
            ),
            models.UniqueConstraint(
                fields=["kind", "currency"],
                condition=Q(owner=None),
                name="shop_account_once",
            ),
            models.CheckConstraint(
                condition=Q(balance=None) | Q(balance__gte=0),
                name="balance_not_negative",
            ),
            models.CheckConstraint(
                condition=(
                    Q(
                        kind__in=["wallet", "held", "owed", "frozen"],
                        owner__isnull=False,
                        balance__isnull=False,
                    )
                    | Q(
                        kind__in=[
                            "programme_cost",
                            "sales",
                            "goodwill",
                            "breakage",
                            "write_off",
                            "closed",
                        ],
                        owner__isnull=True,
                        balance__isnull=True,
                    )
                ),
                name="balance_kept_for_people",
            ),
        ]

    def __str__(self):
        return f"{self.owner or 'the shop'}: {self.get_kind_display()}"


@append_only
@same("currency", "debit.currency", "credit.currency")
class Transfer(models.Model):
    """A positive amount that moved from one account (debit) to another (credit).

    `key` names the one cause, such as `order:17:hold`: a cause can move money once.
    """

    key = models.CharField(max_length=120, unique=True)
    debit = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="debits")
    credit = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="credits")
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=30)
    reference = models.CharField(
        max_length=40, blank=True, help_text="An order's code, or empty."
    )
    reason = models.CharField(max_length=200)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_positive"),
            models.CheckConstraint(
                condition=money.in_steps("amount"), name="transfer_in_steps"
            ),
            models.CheckConstraint(condition=~Q(key=""), name="transfer_has_cause"),
            models.CheckConstraint(
                condition=~Q(debit=F("credit")), name="transfer_two_accounts"
            ),
        ]

    def __str__(self):
        return self.key
