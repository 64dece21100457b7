from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.urls import reverse
from django.utils import timezone

from accounts.mailboxes import Mailbox
from accounts.models import PostalAddress
from catalog.images import Picture
from shop.kit import money
from shop.kit.guards import append_only, arrows, frozen, kept


class OrderQuerySet(models.QuerySet):
    def pending(self):
        return self.filter(status=Order.Status.PENDING)

    def overdue(self, now):
        """Unpaid orders whose time is up, those apart that wait for a person."""
        return self.pending().filter(expires_at__lte=now, held_at=None)

    def confirmed(self):
        return self.filter(status=Order.Status.CONFIRMED)

    def with_photos(self):
        """With the lines and what their photographs need."""
        lines = OrderLine.objects.select_related("variant__product")
        return self.prefetch_related(models.Prefetch("lines", lines))


@arrows(
    "status",
    {
        "pending": ("confirmed", "expired", "cancelled"),
        # Taken back before it was sent, its money returned.
        "confirmed": ("cancelled",),
        # Late money, when the stock could be taken again.
        "expired": ("confirmed",),
        "cancelled": ("confirmed",),
    },
)
@kept
@frozen("user", once="user")
@frozen("confirmed_at", once="confirmed_at")
@frozen(
    "code",
    "access_token",
    "currency",
    "amount_goods",
    "amount_discount",
    "amount_shipping",
    "amount_tax",
    "amount_total",
    "amount_balance",
    "amount_due",
    "placed_at",
)
class Order(models.Model):
    """What was agreed when the customer pressed pay. Its amounts never change.

    `code` is for people and opens nothing; a guest reads the order by `access_token`.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting for payment"
        CONFIRMED = "confirmed", "Confirmed"
        EXPIRED = "expired", "Not paid in time"
        CANCELLED = "cancelled", "Cancelled"

    code = models.CharField(max_length=8, unique=True, editable=False)
    access_token = models.CharField(max_length=43, unique=True, editable=False)
    cart = models.ForeignKey(
        "orders.Cart", models.SET_NULL, null=True, related_name="orders"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="orders",
    )
    email = models.EmailField(max_length=254)
    language = models.CharField(max_length=10, default="en")
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)

    currency = models.CharField(max_length=3)
    amount_goods = models.PositiveBigIntegerField()
    amount_discount = models.PositiveBigIntegerField(default=0)
    amount_shipping = models.PositiveBigIntegerField(default=0)
    amount_tax = models.PositiveBigIntegerField(default=0, help_text="Added on top.")
    amount_total = models.PositiveBigIntegerField()
    amount_balance = models.PositiveBigIntegerField(
        default=0, help_text="Paid by balance."
    )
    amount_due = models.PositiveBigIntegerField(help_text="What the card is asked for.")

    fingerprint = models.CharField(
        max_length=64, editable=False, help_text="Of what the customer decided."
    )
    shipping_name = models.CharField(max_length=80)
    shipping_days = models.CharField(max_length=40, blank=True)

    placed_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    expired_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    closing_tried_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was last tried to let it expire."
    )
    held_at = models.DateTimeField(
        null=True, blank=True, help_text="Waits for a person's look."
    )
    held_because = models.CharField(max_length=200, blank=True)
    reviewed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When a person last decided about the money that had come by then.",
    )

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-placed_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    amount_total=F("amount_goods")
                    + F("amount_shipping")
                    + F("amount_tax")
                    - F("amount_discount")
                ),
                name="order_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(amount_due=F("amount_total") - F("amount_balance")),
                name="order_due_adds_up",
            ),
            models.CheckConstraint(
                condition=money.in_steps(
                    "amount_goods",
                    "amount_discount",
                    "amount_shipping",
                    "amount_balance",
                    "amount_due",
                ),
                name="order_in_steps",
            ),
            models.UniqueConstraint(
                fields=["cart"],
                condition=Q(status="pending"),
                name="one_open_order_per_cart",
            ),
            models.CheckConstraint(
                condition=Q(amount_discount__lte=F("amount_goods")),
                name="order_discount_within",
            ),
            models.CheckConstraint(
                condition=Q(amount_balance=0) | Q(user__isnull=False),
                name="order_balance_has_owner",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=["pending", "confirmed", "expired", "cancelled"]
                ),
                name="order_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="confirmed") | Q(confirmed_at__isnull=False),
                name="confirmed_order_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(status="pending"),
                name="order_overdue",
            ),
            models.Index(fields=["user", "-placed_at"], name="order_history"),
            models.Index(fields=["confirmed_at"], name="order_by_confirmation"),
            models.Index(Mailbox("email"), name="order_by_mailbox"),
            # In capitals, as `iexact` asks.
            models.Index(
                Upper("email"), condition=Q(user=None), name="guest_order_by_email"
            ),
            models.Index(
                fields=["held_at"],
                condition=Q(held_at__isnull=False),
                name="order_held",
            ),
        ]

    def __str__(self):
        return self.code

    @property
    def is_open(self) -> bool:
        """Waits for its payment, and can be paid."""
        return self.status == self.Status.PENDING and not self.held_at

    @property
    def can_be_cancelled(self) -> bool:
        """Paid and not sent: its buyer may still take it back."""
        return self.status == self.Status.CONFIRMED and not self.held_at

    @property
    def state_in_words(self) -> str:
        """What the customer reads about it."""
        if self.status == self.Status.CONFIRMED:
            return "Paid"
        return "We are looking at it" if self.held_at else self.get_status_display()

    @property
    def spoken_code(self) -> str:
        """The code as people read it: `Q3XN 8VTA`."""
        return f"{self.code[:4]} {self.code[4:]}"

    def get_absolute_url(self):
        """The page of its owner; a guest's link carries the token."""
        path = reverse("orders:order", args=[self.code])
        return path if self.user_id else f"{path}?t={self.access_token}"


@append_only
class OrderLine(models.Model):
    """A frozen copy of what was bought; later edits of the product do not reach it."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="lines")
    variant = models.ForeignKey("catalog.Variant", models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()
    product_name = models.CharField(max_length=120)
    variant_name = models.CharField(max_length=120, blank=True)
    sku = models.CharField(max_length=40)
    image = models.CharField(
        max_length=200, blank=True, help_text="Name of the stored file."
    )
    quantity = models.PositiveIntegerField()
    amount_unit = models.PositiveBigIntegerField()
    amount = models.PositiveBigIntegerField(help_text="Unit times quantity.")
    amount_discount = models.PositiveBigIntegerField(
        default=0, help_text="Share of discounts."
    )
    tax_rate = models.PositiveIntegerField(default=0, help_text="Basis points.")
    amount_tax = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "variant"], name="variant_once_per_order"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0), name="order_line_positive"
            ),
            models.CheckConstraint(
                condition=Q(amount=F("amount_unit") * F("quantity")),
                name="order_line_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(amount_discount__lte=F("amount")),
                name="line_discount_within",
            ),
        ]

    def __str__(self):
        return f"{self.quantity} × {self.sku}"

    @property
    def photo(self) -> Picture | None:
        """The photograph it was bought by, in small if the product still has it.

        Needs `variant__product`.
        """
        shown = {picture.name: picture for picture in self.variant.product.pictures}
        return shown.get(self.image) or (
            Picture(self.image, 1, 1, [], alt="") if self.image else None
        )


@append_only
class OrderAddress(PostalAddress):
    """Where the order goes, copied: the address book may change later."""

    order = models.OneToOneField(Order, models.PROTECT, related_name="address")

    class Meta:
        verbose_name_plural = "order addresses"
        indexes = [
            models.Index(
                Upper("name"), Upper("postal_code"), name="order_address_by_person"
            )
        ]

    def __str__(self):
        return f"{self.name}, {self.city}"


@append_only
class OrderDiscount(models.Model):
    """An amount taken off the goods, who gave it, and the giver's reference."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="discounts")
    source = models.CharField(
        max_length=40, help_text="The provider, such as referrals.welcome."
    )
    reference = models.CharField(
        max_length=80, help_text="The provider's own name of the cause."
    )
    label = models.CharField(max_length=120)
    amount = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "source"], name="discount_once_per_source"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="discount_positive"),
        ]

    def __str__(self):
        return self.label


@append_only
class OrderEvent(models.Model):
    """One entry of an order's timeline: who did what, with which figures.

    `before` and `after` are the order's states, in an entry that tells of a move.
    """

    class Origin(models.TextChoices):
        CUSTOMER = "customer", "The customer"
        STAFF = "staff", "Staff"
        STRIPE = "stripe", "Stripe"
        SHOP = "shop", "The shop itself"

    order = models.ForeignKey(Order, models.PROTECT, related_name="events")
    kind = models.CharField(max_length=40)
    text = models.CharField(max_length=250)
    before = models.CharField(max_length=10, blank=True)
    after = models.CharField(max_length=10, blank=True)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.SHOP)
    data = models.JSONField(default=dict, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    is_public = models.BooleanField("shown to the customer", default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self):
        return self.text
