from django.conf import settings
from django.db import models
from django.db.models import Q

from shop.kit.guards import append_only


class Schedule(models.Model):
    """When a regular job runs next; the row is the lock between two workers."""

    name = models.CharField(max_length=80, unique=True)
    next_run_at = models.DateTimeField()

    def __str__(self):
        return self.name


class Message(models.Model):
    """One outgoing mail, written with its cause and sent after commit.

    A mail that staff send again is one more row, numbered by `copy`: the first of its
    kind about its row stays the only first.
    """

    # What other packages write: sign-in codes, links to a new password.
    ACCOUNT = "account"

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    kind = models.CharField(
        max_length=60, help_text="What it says, such as order_confirmed."
    )
    subject_row = models.CharField(
        max_length=80, help_text="What it is about, such as order:17."
    )
    copy = models.PositiveSmallIntegerField(
        default=0, help_text="0 is the first; each sending again counts on."
    )
    reference = models.CharField(
        max_length=20, blank=True, help_text="The code of the order it is about."
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who had it sent again.",
    )
    message_id = models.CharField(
        max_length=120, unique=True, help_text="Fixed for every try."
    )
    recipient = models.EmailField(max_length=254)
    unsubscribe_url = models.CharField(
        max_length=300,
        blank=True,
        help_text="Where one POST ends mails like this one (RFC 8058).",
    )
    subject = models.CharField(max_length=250)
    text = models.TextField()
    html = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_row", "copy"], name="message_once"
            ),
            models.CheckConstraint(
                condition=Q(copy=0, asked_by=None)
                | Q(copy__gt=0, asked_by__isnull=False),
                name="message_copy_was_asked_for",
            ),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False),
                name="message_sent_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="message_newest"),
            models.Index(
                fields=["created_at"],
                condition=~Q(text=""),
                name="message_to_forget",
            ),
            models.Index(
                fields=["reference"],
                condition=~Q(reference=""),
                name="message_by_order",
            ),
            models.Index(
                fields=["created_at"],
                condition=Q(state="failed"),
                name="message_failed",
            ),
        ]

    def __str__(self):
        return f"{self.kind} to {self.recipient}"

    @property
    def is_secret(self) -> bool:
        """Whoever reads it could sign in as its recipient: nobody else gets to."""
        return self.kind == self.ACCOUNT


@append_only
class BookProof(models.Model):
    """One proof of the books: which rules were checked, and every row that broke one.

    `counts` has the number of such rows by rule; `mismatches` names them as
    `{rule, id, expected, found}`.
    """

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    asked_outside = models.BooleanField(
        "asked Stripe", help_text="Compared with Stripe's own list, too."
    )
    counts = models.JSONField()
    mismatches = models.JSONField()
    mismatch_count = models.PositiveIntegerField("rows that do not add up")

    class Meta:
        verbose_name = "proof of the books"
        verbose_name_plural = "proofs of the books"
        ordering = ["-pk"]

    def __str__(self):
        return f"{self.started_at:%d %b %Y, %H:%M}"
