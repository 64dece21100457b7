"""Names that somebody objected to, and what staff made of them."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from shop.kit.guards import append_only, arrows, frozen, kept, same


@arrows(
    "state",
    {"open": ("kept", "hidden"), "kept": ("open",), "hidden": ("open",)},
)
@frozen("person", "kind")
@kept
class NameCase(models.Model):
    """One name of one member that was reported. Until staff decide nobody reads it.

    A name that staff have kept is not hidden again by a report for as long as it is
    `KEPT_FOR`: nobody makes another person nameless by asking again and again.
    """

    class Kind(models.TextChoices):
        OWN = "own", "Own name"
        BOARD = "board", "Name on the board"

    class State(models.TextChoices):
        OPEN = "open", "Waits for a decision"
        KEPT = "kept", "Kept"
        HIDDEN = "hidden", "Hidden for good"

    KEPT_FOR = timedelta(days=365)

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="name_cases"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(
        max_length=120, blank=True, help_text="Empty once its owner has left."
    )
    name_hash = models.CharField(max_length=64, help_text="Of its one spelling.")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    kept_at = models.DateTimeField(
        null=True, blank=True, help_text="When staff last said that it may be read."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "kind", "name_hash"], name="name_case_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["own", "board"]), name="name_case_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None)
                | Q(state="kept", decided_at__isnull=False, kept_at__isnull=False)
                | Q(state="hidden", decided_at__isnull=False, kept_at=None),
                name="name_case_state_has_moments",
            ),
        ]
        indexes = [
            models.Index(
                fields=["opened_at"],
                condition=Q(state="open"),
                name="name_case_oldest_first",
            )
        ]

    def __str__(self):
        return f"{self.get_kind_display()} of {self.person}"

    @property
    def hides(self) -> bool:
        """Whether nobody reads this name now."""
        if self.state == self.State.OPEN:
            return not self.is_protected(self.opened_at)
        return self.state == self.State.HIDDEN

    def is_protected(self, at) -> bool:
        """Whether staff had kept it so lately that a report hides nothing."""
        return self.kept_at is not None and at - self.kept_at < self.KEPT_FOR


@frozen("case", "created_at")
@kept
class NameReport(models.Model):
    """Somebody asked staff to look at a name. Who, is not kept.

    Only the part of an address that many share and a hash of the whole under a key of
    the month, so that one hand is not counted as many; both go with other evidence.
    """

    case = models.ForeignKey(NameCase, models.PROTECT, related_name="reports")
    network = models.CharField(max_length=43, blank=True, help_text="/24 or /48.")
    network_hash = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "network_hash"],
                condition=~Q(network_hash=""),
                name="name_reported_once_by_one",
            )
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=~Q(network="", network_hash=""),
                name="name_report_with_evidence",
            )
        ]

    def __str__(self):
        return f"Report of {self.created_at:%d %b %Y, %H:%M}"


@same("person", "case.person")
@append_only
class NameDecision(models.Model):
    """What one member of staff said about a name, and why. Never about their own."""

    class Verdict(models.TextChoices):
        KEEP = "keep", "Keep the name"
        HIDE = "hide", "Hide for good"
        REOPEN = "reopen", "Look again"

    case = models.ForeignKey(NameCase, models.PROTECT, related_name="decisions")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    verdict = models.CharField(max_length=10, choices=Verdict)
    reason = models.CharField(max_length=300)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(reason=""), name="name_decision_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(verdict__in=["keep", "hide", "reopen"]),
                name="name_decision_verdict_known",
            ),
            models.CheckConstraint(
                condition=~Q(decided_by=F("person")),
                name="nobody_decides_about_their_own_name",
            ),
        ]

    def __str__(self):
        return f"{self.get_verdict_display()}: {self.reason}"
