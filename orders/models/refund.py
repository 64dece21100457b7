from django.conf import settings
from django.db import models
from django.db.models import F, Q, Sum
from django.utils import timezone

from orders.models.order import Order, OrderLine
from orders.models.payment import Payment
from shop.kit import money
from shop.kit.guards import append_only, arrows, frozen, kept, same


class RefundQuerySet(models.QuerySet):
    def standing(self):
        """Those whose money left or is about to; what failed can be given once more."""
        return self.exclude(state__in=[Refund.State.FAILED, Refund.State.CANCELLED])

    def unresolved(self):
        """Failed ones for which no other way was found yet."""
        return self.filter(state=Refund.State.FAILED, resolved_at=None)

    def amount(self, field: str) -> int:
        return self.aggregate(total=Sum(field))["total"] or 0


@arrows(
    "state",
    {
        "requested": ("pending", "succeeded", "failed", "cancelled"),
        "pending": ("succeeded", "failed", "cancelled"),
        # A bank may send the money back days later.
        "succeeded": ("failed",),
    },
)
@kept
@frozen(
    "order",
    "payment",
    "idempotency_key",
    "amount_card",
    "amount_balance",
    "amount_shipping",
    "amount_left",
    "currency",
    "cancels",
    "notifies",
    "origin",
)
@frozen("stripe_id", once="stripe_id")
@frozen("accepted_at", once="accepted_at")
@same("currency", "order.currency")
class Refund(models.Model):
    """Money back on an order: to the card by Stripe, the rest to the balance.

    Written before Stripe is asked. With `accepted_at` it took effect: balance and goods
    went back, once, whatever becomes of the card's part. What Stripe reports of refunds
    made elsewhere is a fact without a ceiling; what we ask for obeys `amount_left`.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", "Asked for"
        PENDING = "pending", "On its way"
        SUCCEEDED = "succeeded", "Paid back"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Called off"

    class Origin(models.TextChoices):
        STAFF = "staff", "Staff"
        CUSTOMER = "customer", "Customer"
        AUTOMATIC = "automatic", "The shop itself"
        STRIPE = "stripe", "Stripe's dashboard"

    order = models.ForeignKey(Order, models.PROTECT, related_name="refunds")
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, blank=True, related_name="refunds"
    )
    idempotency_key = models.CharField(max_length=120, unique=True)
    stripe_id = models.CharField(max_length=120, null=True, blank=True, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.REQUESTED)
    amount_card = models.PositiveBigIntegerField(default=0)
    amount_balance = models.PositiveBigIntegerField(default=0)
    amount_shipping = models.PositiveBigIntegerField(
        default=0, help_text="Part of it that is for delivery."
    )
    amount_left = models.PositiveBigIntegerField(
        default=0, help_text="Of the card's money, before this request."
    )
    currency = models.CharField(max_length=3)
    cancels = models.BooleanField(
        "cancels the order", default=False, help_text="The order ends with it."
    )
    notifies = models.BooleanField(
        "mails the customer", default=True, help_text="A mail says what comes back."
    )
    origin = models.CharField(max_length=10, choices=Origin)
    reason = models.CharField(max_length=200, blank=True)
    failure_reason = models.CharField(max_length=250, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(default=timezone.now)
    asked_again_at = models.DateTimeField(
        null=True, blank=True, help_text="When Stripe was last asked for it once more."
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(
        null=True, blank=True, help_text="When the money went another way."
    )

    objects = RefundQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_card__gt=0)
                | Q(amount_balance__gt=0)
                | Q(cancels=True),
                name="refund_not_empty",
            ),
            models.CheckConstraint(
                condition=Q(origin="stripe") | Q(amount_card__lte=F("amount_left")),
                name="refund_within_what_is_left",
            ),
            models.CheckConstraint(
                condition=money.in_steps(
                    "amount_card",
                    "amount_balance",
                    "amount_shipping",
                    unless=Q(origin="stripe"),
                ),
                name="refund_in_steps",
            ),
            models.CheckConstraint(
                condition=Q(amount_card=0) | Q(payment__isnull=False),
                name="card_refund_has_payment",
            ),
            models.CheckConstraint(
                condition=Q(
                    amount_shipping__lte=F("amount_card") + F("amount_balance")
                ),
                name="refund_shipping_within",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "requested",
                        "pending",
                        "succeeded",
                        "failed",
                        "cancelled",
                    ]
                ),
                name="refund_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["requested", "failed"])
                | Q(accepted_at__isnull=False),
                name="accepted_refund_has_time",
            ),
            # Until Stripe has answered one request, nobody makes the next.
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state="requested") & ~Q(origin="stripe"),
                name="one_requested_refund_per_order",
            ),
        ]

    def __str__(self):
        return f"{self.order} {self.get_state_display().lower()}"

    @property
    def amount(self) -> int:
        return self.amount_card + self.amount_balance


@append_only
class RefundLine(models.Model):
    """Pieces of an order line that a refund is for, and how many went on the shelf."""

    refund = models.ForeignKey(Refund, models.PROTECT, related_name="lines")
    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="refunds")
    quantity = models.PositiveIntegerField()
    restocked = models.PositiveIntegerField(default=0)
    amount = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["refund", "line"], name="line_once_per_refund"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0), name="refund_line_positive"
            ),
            models.CheckConstraint(
                condition=Q(restocked__lte=F("quantity")), name="restocked_within"
            ),
        ]

    def __str__(self):
        return f"{self.quantity} × {self.line.sku}"


class DisputeQuerySet(models.QuerySet):
    def open(self):
        return self.filter(closed_at=None)

    def lost_by(self, **owner) -> int:
        """Minor units that banks took back for good from a payment or an order."""
        lost = self.filter(status="lost", **owner)
        return lost.aggregate(total=Sum("amount"))["total"] or 0

    def taking_money(self):
        """Chargebacks: their money left at once. Inquiries and warnings take none."""
        return self.exclude(status__startswith="warning").exclude(
            status=Dispute.FRAUD_WARNING
        )


@kept
@frozen("payment", "stripe_id")
class Dispute(models.Model):
    """A payment that a bank questions; `status` is Stripe's own word for it.

    Only an end by another word that left the money with the bank is called `lost`, for
    that is what it is. A word that is not known does not end it: somebody looks. An
    early fraud warning is one too: it is `fraud_warning` until somebody looked, or
    until a dispute came of it.
    """

    FRAUD_WARNING = "fraud_warning"
    ENDS = ("won", "lost", "warning_closed", "prevented")

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="disputes")
    stripe_id = models.CharField(max_length=120, unique=True)
    amount = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=40)
    reason = models.CharField(max_length=80, blank=True)
    due_by = models.DateTimeField(
        null=True, blank=True, help_text="Evidence is taken until then."
    )
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status__in=["won", "lost", "warning_closed", "prevented"])
                | Q(closed_at__isnull=False),
                name="closed_dispute_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["opened_at"], condition=Q(closed_at=None), name="dispute_open"
            )
        ]

    def __str__(self):
        return f"{self.get_status_in_words()}: {self.reason or 'no reason given'}"

    def get_status_in_words(self) -> str:
        return self.status.replace("_", " ").capitalize()
