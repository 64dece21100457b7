import secrets
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from orders.models.order import Order
from shop.kit import money
from shop.kit.guards import arrows, emptied, frozen, kept, same


class PaymentQuerySet(models.QuerySet):
    def open_for(self, order):
        """The order's open attempt, or a new one; the caller holds the order's lock."""
        found = self.filter(order=order, status=Payment.Status.OPEN).first()
        return found or self.create(
            order=order,
            idempotency_key=f"tandem-{order.code}-{secrets.token_hex(8)}",
            amount=order.amount_due,
            currency=order.currency,
            session_expires_at=timezone.now()
            + timedelta(minutes=settings.PAYMENT_MINUTES),
        )

    def close(self):
        """Those that are open can no longer be paid; the others stay as they are."""
        return self.filter(status=Payment.Status.OPEN).update(
            status=Payment.Status.CLOSED, closed_at=timezone.now()
        )


@arrows(
    "status",
    {
        "open": ("paid", "closed"),
        # Money that was on its way while the page was being closed.
        "closed": ("paid",),
    },
)
@kept
@frozen("order", "idempotency_key", "amount", "currency", "session_expires_at")
@frozen("session_id", once="session_id")
@frozen("amount_received", "intent_id", "paid_at", once="paid_at")
@same("currency", "order.currency")
class Payment(models.Model):
    """One attempt to pay an order at Stripe, written before Stripe is asked.

    `idempotency_key`, `amount` and `session_expires_at` are what every retry of the
    same attempt repeats, so that Stripe answers with the same session.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        PAID = "paid", "Paid"
        CLOSED = "closed", "Closed unpaid"

    order = models.ForeignKey(Order, models.PROTECT, related_name="payments")
    idempotency_key = models.CharField(max_length=80, unique=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    amount = models.PositiveBigIntegerField(help_text="What the session asks for.")
    currency = models.CharField(max_length=3)
    session_id = models.CharField(max_length=120, null=True, blank=True, unique=True)
    session_url = models.URLField(max_length=1000, blank=True)
    session_expires_at = models.DateTimeField()
    intent_id = models.CharField(max_length=120, null=True, blank=True, unique=True)
    amount_received = models.PositiveBigIntegerField(default=0)
    card = models.CharField(max_length=40, blank=True, help_text="Visa ending 4242.")
    card_hash = models.CharField(
        max_length=64, blank=True, help_text="Keyed hash of the card."
    )
    last_error = models.CharField(max_length=250, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    paid_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(status="open"),
                name="one_open_payment_per_order",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_positive"),
            models.CheckConstraint(
                condition=money.in_steps("amount"), name="payment_in_steps"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["open", "paid", "closed"]),
                name="payment_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="paid") | Q(paid_at__isnull=False),
                name="paid_payment_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["card_hash"],
                condition=Q(card_hash__gt=""),
                name="payment_by_card",
            )
        ]

    def __str__(self):
        return f"{self.order} {self.get_status_display().lower()}"


class StripeEventQuerySet(models.QuerySet):
    def unprocessed(self):
        return self.filter(processed_at=None)


@kept
@frozen("event_id", "type")
@emptied("payload")
class StripeEvent(models.Model):
    """The inbox of webhooks: what Stripe said, stored once, before it is acted on.

    The row stays, so that a repeat is known as one; what it said goes in time, for it
    names people.
    """

    event_id = models.CharField(max_length=120, unique=True)
    type = models.CharField(max_length=80)
    payload = models.JSONField(null=True)
    received_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    note = models.CharField(
        max_length=250, blank=True, help_text="What was made of it, if not acted on."
    )

    objects = StripeEventQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["received_at"],
                condition=Q(processed_at=None),
                name="event_unprocessed",
            ),
            models.Index(
                fields=["processed_at"],
                condition=Q(processed_at__isnull=False, payload__isnull=False),
                name="event_to_forget",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(payload__isnull=False) | Q(processed_at__isnull=False),
                name="event_forgotten_once_processed",
            ),
        ]

    def __str__(self):
        return f"{self.type} {self.event_id}"
