"""Browsers that opened a link, and what they did next.

The one part of the shop that grows with the internet and not with sales: every row here
has an end, and nothing points at it that could not do without.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from referrals.models.links import ReferralLink


class Visitor(models.Model):
    """A browser known by a random token; only the token's hash is kept here."""

    token_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    landed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="The first page that came back with the cookie.",
    )
    confirmed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="A second page view shows that a person is there.",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    dismissed_at = models.DateTimeField(
        null=True, blank=True, help_text="Closed the banner."
    )
    kept_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Old, and something that it did is still here.",
    )

    class Meta:
        # Not `unique=True`: nobody asks for the first letters of a hash, and at size
        # the index for that is a gigabyte.
        constraints = [
            models.UniqueConstraint(fields=["token_hash"], name="visitor_token_once")
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(kept_at=None),
                name="visitor_to_forget",
            )
        ]

    def __str__(self):
        return f"Visitor {self.pk}"


class Visit(models.Model):
    """A person's use of a link: the same browser within half an hour is one visit.

    Where it came from is kept as far as counting and telling one crowd from another
    need it: a host and a first path segment, the part of a network's address that many
    share, a hash of the whole under a key of the month, the family of the browser.
    """

    visitor = models.ForeignKey(Visitor, models.CASCADE, related_name="visits")
    link = models.ForeignKey(
        ReferralLink, models.PROTECT, related_name="visits", db_index=False
    )
    bucket = models.DateTimeField(help_text="Start of the half hour.")
    clicks = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    channel = models.CharField(
        max_length=20, blank=True, help_text="The button it was shared by."
    )
    source = models.CharField(max_length=60, blank=True, help_text="utm_source")
    medium = models.CharField(max_length=60, blank=True, help_text="utm_medium")
    utm_campaign = models.CharField(max_length=60, blank=True)
    referrer_host = models.CharField(max_length=100, blank=True)
    referrer_path = models.CharField(max_length=100, blank=True)
    landing_path = models.CharField(max_length=300, blank=True)
    network = models.CharField(max_length=43, blank=True, help_text="/24 or /48.")
    network_hash = models.CharField(max_length=64, blank=True)
    agent = models.CharField(max_length=60, blank=True, help_text="Family, platform.")
    kept_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Old, and somebody joined by it.",
    )

    # What tells one crowd from another, and only for a while.
    EVIDENCE = ("network", "network_hash", "agent", "referrer_path")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["visitor", "link", "bucket"], name="visit_once_per_half_hour"
            )
        ]
        indexes = [
            models.Index(fields=["first_at"], name="visit_by_age"),
            # What came by one link today, without a look at what came before.
            models.Index(fields=["link", "first_at"], name="visit_by_link"),
            models.Index(
                fields=["first_at"], condition=Q(kept_at=None), name="visit_to_forget"
            ),
            models.Index(
                fields=["first_at"],
                condition=Q(kept_at__isnull=False)
                & ~Q(network="", network_hash="", agent="", referrer_path=""),
                name="visit_with_evidence",
            ),
        ]

    def __str__(self):
        return f"{self.link} at {self.first_at:%d %b %H:%M}"


class Activity(models.Model):
    """A named step of a browser that came by a link.

    The same step with the same thing within a minute is one; `subject` names the thing,
    such as `product:17`.
    """

    class Step(models.TextChoices):
        VIEWED_PRODUCT = "viewed_product", "Looked at a product"
        ADDED_TO_CART = "added_to_cart", "Put something into the cart"
        STARTED_CHECKOUT = "started_checkout", "Went to checkout"
        SIGNED_UP = "signed_up", "Signed up"
        PAID = "paid", "Paid"

    visitor = models.ForeignKey(Visitor, models.CASCADE, related_name="activities")
    step = models.CharField(max_length=20, choices=Step)
    subject = models.CharField(max_length=40, blank=True)
    bucket = models.DateTimeField(help_text="Start of the minute.")

    class Meta:
        verbose_name_plural = "activities"
        constraints = [
            models.UniqueConstraint(
                fields=["visitor", "step", "subject", "bucket"],
                name="activity_once_a_minute",
            ),
            models.CheckConstraint(
                condition=Q(
                    step__in=[
                        "viewed_product",
                        "added_to_cart",
                        "started_checkout",
                        "signed_up",
                        "paid",
                    ]
                ),
                name="activity_step_known",
            ),
        ]
        indexes = [models.Index(fields=["bucket"], name="activity_by_age")]

    def __str__(self):
        return f"{self.get_step_display()} {self.subject}".strip()


class OrderTouch(models.Model):
    """The browser and the link behind an order as it was placed, a guest's above all.

    A guest who opens an account later is attributed by it.
    """

    order = models.OneToOneField(
        "orders.Order", models.CASCADE, related_name="referral_touch"
    )
    visitor = models.ForeignKey(
        Visitor, models.SET_NULL, null=True, blank=True, related_name="orders"
    )
    link = models.ForeignKey(ReferralLink, models.PROTECT, related_name="+")
    touched_at = models.DateTimeField(help_text="When the link was opened.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "order touches"

    def __str__(self):
        return f"{self.order} by {self.link}"
