"""What a member wants to hear and to show."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class MemberChoices(models.Model):
    """A member's choices about the programme; without a row the defaults hold."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="referral_choices"
    )
    tells_joined = models.BooleanField("a friend joined", default=True)
    tells_pending = models.BooleanField("a reward is on the way", default=True)
    tells_available = models.BooleanField("a reward is in the balance", default=True)
    tells_reversed = models.BooleanField(
        "a reward went back or does not come", default=True
    )
    tells_milestones = models.BooleanField("I reached a milestone", default=True)
    leaderboard_name = models.CharField(
        max_length=30, blank=True, help_text="Empty: not on the leaderboard."
    )
    leaderboard_hidden_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Somebody objected to that name: nobody reads it there.",
    )
    asked_not_before = models.DateTimeField(
        null=True, blank=True, help_text="No invitation to share before then."
    )

    class Meta:
        verbose_name_plural = "member choices"
        constraints = [
            models.UniqueConstraint(
                fields=["leaderboard_name"],
                condition=~Q(leaderboard_name=""),
                name="leaderboard_name_once",
            ),
            models.CheckConstraint(
                condition=Q(leaderboard_hidden_at=None) | ~Q(leaderboard_name=""),
                name="only_a_name_is_hidden",
            ),
        ]

    def __str__(self):
        return f"Choices of {self.user}"


class Notice(models.Model):
    """One thing a member is told on their own page, once per event."""

    class Kind(models.TextChoices):
        JOINED = "joined", "A friend joined"
        PENDING = "pending", "A reward is on the way"
        AVAILABLE = "available", "A reward is in the balance"
        REVERSED = "reversed", "A reward went back or does not come"
        HELD = "held", "A reward is on hold, or not any more"
        MILESTONE = "milestone", "A milestone was reached"
        NAME = "name", "About the member's name"
        BOARD = "board", "About the member's name on the board"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="referral_notices"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    subject = models.CharField(max_length=40, help_text="Such as reward:17:2.")
    text = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind", "subject"], name="notice_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        *["joined", "pending", "available", "reversed", "held"],
                        *["milestone", "name", "board"],
                    ]
                ),
                name="notice_kind_known",
            ),
        ]

    def __str__(self):
        return self.text
