"""Who brought whom, and everything that was said about it."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from referrals.models.campaigns import Terms
from referrals.models.links import ReferralLink
from referrals.models.visits import Visit
from shop.kit.guards import arrows, emptied, frozen, kept, same


@arrows(
    "status",
    {
        "provisional": ("active", "void", "lapsed"),
        "active": ("void",),
        # Staff may open a closed case again, with a reason.
        "lapsed": ("active",),
        "void": ("active",),
    },
)
@frozen(
    "invitee",
    "inviter",
    "link",
    "terms",
    "method",
    "inviter_joined_at",
    "invitee_joined_at",
    "touched_at",
)
@same("inviter", "link.owner")
@same("inviter_joined_at", "inviter.date_joined")
@same("invitee_joined_at", "invitee.date_joined")
@kept
class Attribution(models.Model):
    """This person came by that link. At most one per person, for ever.

    Whoever came by a campaign's link has no inviter, and earns nobody a reward.
    """

    class Method(models.TextChoices):
        TYPED = "typed", "Typed a code"
        INVITATION = "invitation", "Invited by email"
        COOKIE = "cookie", "Opened the link"
        GUEST_ORDER = "guest_order", "Bought as a guest first"
        LATE_CLAIM = "late_claim", "Entered a code later"
        STAFF = "staff", "Entered by staff"

    class Status(models.TextChoices):
        PROVISIONAL = "provisional", "Joined, email not verified yet"
        ACTIVE = "active", "Joined"
        LAPSED = "lapsed", "Email never verified"
        VOID = "void", "Does not count"

    invitee = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="attribution"
    )
    inviter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="invited",
    )
    link = models.ForeignKey(ReferralLink, models.PROTECT, related_name="attributions")
    visit = models.ForeignKey(
        Visit, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    terms = models.ForeignKey(Terms, models.PROTECT, related_name="attributions")
    method = models.CharField(max_length=20, choices=Method, default=Method.COOKIE)
    status = models.CharField(max_length=12, choices=Status, default=Status.PROVISIONAL)
    void_reason = models.CharField(max_length=60, blank=True)
    channel = models.CharField(max_length=20, blank=True)
    touched_at = models.DateTimeField(help_text="When the link was opened.")
    inviter_joined_at = models.DateTimeField(null=True, blank=True)
    invitee_joined_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(invitee=F("inviter")), name="nobody_invites_themselves"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["provisional", "active", "lapsed", "void"]),
                name="attribution_status_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    method__in=[
                        "typed",
                        "invitation",
                        "cookie",
                        "guest_order",
                        "late_claim",
                        "staff",
                    ]
                ),
                name="attribution_method_known",
            ),
            # A strict order in time: with it no circle of any length can close.
            models.CheckConstraint(
                condition=Q(inviter=None, inviter_joined_at=None)
                | Q(
                    inviter__isnull=False,
                    inviter_joined_at__lt=F("invitee_joined_at"),
                ),
                name="inviter_came_first",
            ),
            models.CheckConstraint(
                condition=Q(touched_at__lte=F("invitee_joined_at"))
                | Q(method__in=["late_claim", "staff"]),
                name="touched_before_joining",
            ),
        ]
        indexes = [
            models.Index(
                fields=["inviter", "-created_at"], name="attribution_by_inviter"
            ),
            models.Index(fields=["created_at"], name="attribution_by_age"),
        ]

    def __str__(self):
        return f"{self.invitee} by {self.inviter or self.link}"

    @property
    def order_ends_at(self) -> datetime:
        return self.terms.order_ends(self.invitee_joined_at)


@kept
@frozen(
    *["invitee", "link", "won", "method", "reason", "actor", "touched_at", "created_at"]
)
@emptied("note")
class Claim(models.Model):
    """Every touch that won or lost a person, and why; staff's own word included.

    What staff wrote goes when the person does.
    """

    invitee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="claims"
    )
    link = models.ForeignKey(ReferralLink, models.PROTECT, related_name="claims")
    won = models.BooleanField()
    method = models.CharField(
        max_length=20,
        choices=Attribution.Method,
        default=Attribution.Method.COOKIE,
    )
    reason = models.CharField(
        max_length=60, help_text="Such as first_touch or own_link."
    )
    note = models.CharField(max_length=300, blank=True, help_text="Why, in words.")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    touched_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(method="staff") | Q(actor__isnull=False),
                name="staff_claim_has_actor",
            ),
        ]

    def __str__(self):
        return f"{self.link}: {self.reason}"


class FormerCustomer(models.Model):
    """Somebody who bought here and is gone: a keyed hash, kept for two years.

    Whoever deletes an account and comes back by a friend's link is not new.
    """

    class Kind(models.TextChoices):
        EMAIL = "email", "Email"
        CARD = "card", "Card"

    kind = models.CharField(max_length=10, choices=Kind)
    value_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "value_hash"], name="former_customer_once"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="former_customer_by_age")]

    def __str__(self):
        return f"{self.get_kind_display()} of a former customer"
