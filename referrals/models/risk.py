"""What makes somebody look twice, who looked, and who is kept out."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from referrals.models.attributions import Attribution
from shop.kit.guards import append_only, arrows, emptied, frozen, kept


class Device(models.Model):
    """A browser that somebody signed in with: for safety only, never for marketing.

    Its token is not the visitor's, and the two are never joined. Where it was last seen
    is kept as of a visit: the part of its address that many share, and a hash of the
    whole under a key of the month.
    """

    token_hash = models.CharField(max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    network = models.CharField(max_length=43, blank=True, help_text="/24 or /48.")
    network_hash = models.CharField(max_length=64, blank=True)
    agent = models.CharField(max_length=60, blank=True, help_text="Family, platform.")
    created_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    trusted_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Joined on it, or proved the password on it once more.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["token_hash", "user"], name="device_once_per_person"
            )
        ]
        indexes = [
            models.Index(fields=["seen_at"], name="device_by_age"),
            models.Index(fields=["network", "created_at"], name="device_by_network"),
        ]

    def __str__(self):
        return f"Device of {self.user}"


@kept
@frozen("attribution", "code", "weight", "created_at")
@emptied("evidence")
class RiskSignal(models.Model):
    """One named thing that speaks against a friend's being new and another person.

    The score is the sum of the weights. `evidence` says what was compared, in words
    that show no address and no card: hashes, ids and counts. It goes after half a year,
    and with the person; what was said by it stays.
    """

    attribution = models.ForeignKey(Attribution, models.PROTECT, related_name="signals")
    code = models.CharField(max_length=40, help_text="Such as same_card.")
    weight = models.PositiveIntegerField()
    evidence = models.CharField(
        max_length=200, blank=True, help_text="Empty once it is forgotten."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["attribution", "code", "evidence"],
                condition=~Q(evidence=""),
                name="signal_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=~Q(evidence=""),
                name="signal_with_evidence",
            )
        ]

    def __str__(self):
        return f"{self.code} ({self.weight})"

    @property
    def label(self) -> str:
        """`same_device` as staff read it."""
        return self.code.replace("_", " ").capitalize()


@arrows(
    "state",
    {
        "open": ("approved", "rejected", "asked"),
        "asked": ("approved", "rejected"),
        "approved": ("open",),
        "rejected": ("open",),
    },
)
@frozen("attribution")
@kept
class ReviewCase(models.Model):
    """A friend who needs a second look; rewards wait until a person has decided."""

    class State(models.TextChoices):
        OPEN = "open", "Waits for a decision"
        ASKED = "asked", "Waits for an answer"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    attribution = models.OneToOneField(
        Attribution, models.PROTECT, related_name="review"
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    score = models.PositiveIntegerField(help_text="Sum of the signals' weights.")
    opened_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["open", "asked", "approved", "rejected"]),
                name="review_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "asked"], decided_at=None)
                | Q(state__in=["approved", "rejected"], decided_at__isnull=False),
                name="review_decided_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["opened_at"],
                condition=Q(state__in=["open", "asked"]),
                name="review_oldest_first",
            )
        ]

    def __str__(self):
        return f"{self.attribution}: {self.get_state_display()}"


@append_only
class ReviewDecision(models.Model):
    """What one member of staff said about a case, and why."""

    class Verdict(models.TextChoices):
        APPROVE = "approve", "Approve"
        REJECT = "reject", "Reject"
        ASK = "ask", "Ask"
        REOPEN = "reopen", "Open again"

    case = models.ForeignKey(ReviewCase, models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=10, choices=Verdict)
    reason = models.CharField(max_length=300)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="decision_has_reason"),
            models.CheckConstraint(
                condition=Q(verdict__in=["approve", "reject", "ask", "reopen"]),
                name="decision_verdict_known",
            ),
        ]

    def __str__(self):
        return f"{self.get_verdict_display()}: {self.reason}"


@frozen("kind", "value", "reason", "blocked_by", "created_at")
@kept
class Block(models.Model):
    """Somebody or something that earns nothing here until the block is lifted.

    `value` is a user's id, a domain, a network as /24 or /48, or a code.
    """

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        DOMAIN = "domain", "Email domain"
        NETWORK = "network", "Network"
        CODE = "code", "Code"

    kind = models.CharField(max_length=10, choices=Kind)
    value = models.CharField(max_length=120)
    reason = models.CharField(max_length=300)
    blocked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "value"],
                condition=Q(lifted_at=None),
                name="one_standing_block",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["person", "domain", "network", "code"]),
                name="block_kind_known",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="block_has_reason"),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} {self.value}"


@frozen("released_count", "usual_count", "tripped_at")
@kept
class ReleasePause(models.Model):
    """Far more was being released than usual, so that releases wait for a person.

    Counts are of one hour: what was released, and what the last four weeks call usual.
    """

    released_count = models.PositiveIntegerField()
    usual_count = models.PositiveIntegerField(help_text="The most that is usual.")
    tripped_at = models.DateTimeField(default=timezone.now)
    is_standing = models.BooleanField(default=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    ended_because = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_standing"],
                condition=Q(is_standing=True),
                name="one_standing_pause",
            ),
            models.CheckConstraint(
                condition=Q(
                    is_standing=True, ended_at=None, ended_by=None, ended_because=""
                )
                | Q(is_standing=False, ended_at__isnull=False, ended_by__isnull=False)
                & ~Q(ended_because=""),
                name="pause_end_has_reason",
            ),
        ]

    def __str__(self):
        return f"Pause since {self.tripped_at:%d %b %H:%M}"
