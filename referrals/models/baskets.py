"""Carts that members pass on."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalog.models import Variant
from referrals.models.links import ReferralLink
from shop.kit.guards import frozen


@frozen("link", "token", "content_hash", "note")
class SharedCart(models.Model):
    """What a member put together for a friend; it never changes, and ends by age.

    Of equal content a member has one, so that sharing again finds the same link.
    """

    link = models.OneToOneField(
        ReferralLink, models.PROTECT, related_name="shared_cart"
    )
    token = models.CharField(max_length=22, unique=True)
    content_hash = models.CharField(max_length=64)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="shared_cart_by_age")]

    def __str__(self):
        return f"Shared cart {self.pk}"


@frozen("cart", "variant", "quantity")
class SharedCartLine(models.Model):
    """So many of one thing. What it costs is asked when somebody looks."""

    cart = models.ForeignKey(SharedCart, models.CASCADE, related_name="lines")
    variant = models.ForeignKey(Variant, models.CASCADE, related_name="+")
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cart", "variant"], name="shared_line_once_per_variant"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0), name="shared_line_has_pieces"
            ),
        ]

    def __str__(self):
        return f"{self.quantity} × {self.variant}"
