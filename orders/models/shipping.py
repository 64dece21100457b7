from django.db import models
from django.db.models import F, Q


class ShippingZone(models.Model):
    """A group of countries that parcels reach at the same rates."""

    name = models.CharField(max_length=80, unique=True)
    countries = models.JSONField(
        default=list,
        help_text='ISO codes, such as ["US", "CA"]; ["*"] for everywhere else.',
    )
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self):
        return self.name


class ShippingMethod(models.Model):
    """A way to send a parcel into one zone: a flat amount, free for large orders."""

    zone = models.OneToOneField(ShippingZone, models.CASCADE, related_name="method")
    name = models.CharField(max_length=80)
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    free_from_amount = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Goods worth this much or more travel free."
    )
    days_least = models.PositiveIntegerField(default=2)
    days_most = models.PositiveIntegerField(default=5)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(days_most__gte=F("days_least")),
                name="shipping_days_in_order",
            )
        ]

    def __str__(self):
        return f"{self.name}, {self.zone}"
