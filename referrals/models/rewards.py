"""What a friend's order earns, and how much may be earned."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from referrals.models.attributions import Attribution
from referrals.models.campaigns import Campaign
from shop.kit.guards import append_only, arrows, frozen, kept, rising, same, written


class RewardQuerySet(models.QuerySet):
    def due(self, now):
        return self.filter(state=Reward.State.PENDING, available_at__lte=now)

    def live(self):
        return self.filter(state__in=Reward.LIVE)

    def half_granted(self):
        """Void ones that one person wants granted, and another has to agree."""
        void = self.filter(state=Reward.State.VOID, waived_at=None)
        return void.filter(pk__in=GrantWord.objects.values("reward"))


@arrows(
    "state",
    {
        "pending": ("available", "void"),
        "available": ("reversed", "expired"),
        "reversed": ("available",),
        "void": ("pending",),
        "expired": ("reversed", "available"),
    },
)
@frozen("attribution", "order", "recipient", "amount", "currency", "is_only")
@frozen("released_at", once="released_at")
@rising("sequence")
@same("recipient", "attribution.inviter")
@same("currency", "order.currency")
@same("order.user", "attribution.invitee")
@kept
class Reward(models.Model):
    """What one referred order earns its inviter; pending until the hold ends."""

    class State(models.TextChoices):
        PENDING = "pending", "On the way"
        AVAILABLE = "available", "In the balance"
        REVERSED = "reversed", "Taken back"
        VOID = "void", "Did not come about"
        EXPIRED = "expired", "Ran out unspent"

    PAID = (State.AVAILABLE, State.EXPIRED)
    LIVE = (State.PENDING, *PAID)

    attribution = models.ForeignKey(Attribution, models.PROTECT, related_name="rewards")
    order = models.ForeignKey("orders.Order", models.PROTECT, related_name="+")
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="rewards"
    )
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    amount_reversed = models.PositiveBigIntegerField(
        default=0, help_text="Taken back so far."
    )
    currency = models.CharField(max_length=3)
    is_only = models.BooleanField(
        default=True, help_text="The friend earns the inviter one reward at a time."
    )
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    sequence = models.PositiveIntegerField(
        default=0, help_text="Counts the moves of its money."
    )
    reason = models.CharField(max_length=60, blank=True)
    available_at = models.DateTimeField(help_text="End of the hold.")
    released_at = models.DateTimeField(null=True, blank=True)
    frozen_at = models.DateTimeField(
        "on hold since",
        null=True,
        blank=True,
        help_text="Set while the payment of the order is questioned.",
    )
    amount_frozen = models.PositiveBigIntegerField(
        "amount on hold", default=0, help_text="What of it was not spent by then."
    )
    waived_at = models.DateTimeField(
        "granted by staff since",
        null=True,
        blank=True,
        help_text="Staff's word stands above the rule and the caps.",
    )
    waived_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    waived_because = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = RewardQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "recipient"], name="reward_once_per_order"
            ),
            models.UniqueConstraint(
                fields=["attribution", "recipient"],
                condition=Q(
                    is_only=True, state__in=["pending", "available", "expired"]
                ),
                name="one_live_reward_per_friend",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="reward_positive"),
            models.CheckConstraint(
                condition=Q(amount_reversed__lte=F("amount")),
                name="reward_reversed_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["pending", "available", "reversed", "void", "expired"]
                ),
                name="reward_state_known",
            ),
            models.CheckConstraint(
                condition=Q(frozen_at=None) | Q(state__in=["pending", "available"]),
                name="only_live_rewards_frozen",
            ),
            models.CheckConstraint(
                condition=Q(waived_at=None, waived_by=None, waived_because="")
                | Q(waived_at__isnull=False, waived_by__isnull=False)
                & ~Q(waived_because=""),
                name="staff_grant_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(amount_frozen=0)
                | Q(
                    amount_frozen__lte=F("amount"),
                    frozen_at__isnull=False,
                    state="available",
                ),
                name="reward_frozen_within",
            ),
        ]
        indexes = [
            models.Index(
                fields=["available_at"], condition=Q(state="pending"), name="reward_due"
            ),
            models.Index(
                fields=["released_at"],
                condition=Q(released_at__isnull=False),
                name="reward_by_release",
            ),
        ]

    def __str__(self):
        return f"{self.recipient} for {self.order}"

    @property
    def amount_kept(self) -> int:
        """What of it is still the recipient's, or will be."""
        return self.amount - self.amount_reversed

    @property
    def amount_at_stake(self) -> int:
        """What a word of staff may bring: of one that was taken back, all of it."""
        is_gone = self.state == Reward.State.REVERSED
        return self.amount if is_gone else self.amount_kept


@append_only
class GrantWord(models.Model):
    """One person of the staff says that a void reward shall come about all the same.

    Where much is given, another person has to say so, too.
    """

    reward = models.ForeignKey(Reward, models.PROTECT, related_name="words")
    because = models.CharField(max_length=200)
    said_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(because=""), name="grant_word_has_reason"
            ),
        ]

    def __str__(self):
        return f"{self.said_by}: {self.because}"


@arrows("state", {"available": ("reversed",), "reversed": ("available",)})
@frozen("recipient", "campaign", "friends_count", "amount", "currency")
@rising("sequence")
@kept
class MilestoneReward(models.Model):
    """What so many friends earned on top: once per milestone of a campaign, for ever.

    It is taken back when fewer friends are left, and the same row is paid again when
    they are complete again.
    """

    class State(models.TextChoices):
        AVAILABLE = "available", "In the balance"
        REVERSED = "reversed", "Taken back"

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="milestone_rewards"
    )
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+")
    friends_count = models.PositiveIntegerField()
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    amount_reversed = models.PositiveBigIntegerField(
        default=0, help_text="Taken back: all of it but what ran out before."
    )
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=10, choices=State, default=State.AVAILABLE)
    sequence = models.PositiveIntegerField(
        default=0, help_text="Counts the moves of its money."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipient", "campaign", "friends_count"],
                name="milestone_rewarded_once",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0), name="milestone_reward_positive"
            ),
            models.CheckConstraint(
                condition=Q(amount_reversed=0)
                | Q(amount_reversed__lte=F("amount"), state="reversed"),
                name="milestone_reward_reversed_within",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["available", "reversed"]),
                name="milestone_reward_state_known",
            ),
        ]

    def __str__(self):
        return f"{self.recipient}: {self.friends_count} friends"


@kept
@frozen("inviter", "campaign", "period", "starts_on")
class InviterQuota(models.Model):
    """How many rewards an inviter was promised in one period of a campaign.

    The row is the cap: two orders that race for the last place meet its CHECK.
    """

    class Period(models.TextChoices):
        DAY = "day", "Day"
        MONTH = "month", "Month"
        YEAR = "year", "Year"
        LIFE = "life", "For ever"

    inviter = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="+")
    period = models.CharField(max_length=5, choices=Period)
    starts_on = models.DateField(help_text="First day of the period.")
    used = models.PositiveIntegerField(default=0)
    most = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["inviter", "campaign", "period", "starts_on"],
                name="quota_once_per_period",
            ),
            models.CheckConstraint(
                condition=Q(used__lte=F("most")), name="quota_not_exceeded"
            ),
            models.CheckConstraint(
                condition=Q(period__in=["day", "month", "year", "life"]),
                name="quota_period_known",
            ),
        ]

    def __str__(self):
        return f"{self.inviter}: {self.used} of {self.most} a {self.period}"


class Settlement(models.Model):
    """What was last decided about an order of an invited person, and from which facts.

    An order whose newest event is younger than `last_event` says is settled again by
    the sweep.
    """

    order = models.OneToOneField(
        "orders.Order", models.PROTECT, related_name="referral_settlement"
    )
    attribution = models.ForeignKey(
        Attribution, models.PROTECT, related_name="settlements"
    )
    reward = models.OneToOneField(
        Reward, models.PROTECT, null=True, blank=True, related_name="settlement"
    )
    reason = models.CharField(
        max_length=60, blank=True, help_text="Why there is no reward, or not yet."
    )
    last_event = models.PositiveBigIntegerField(
        help_text="Newest order event that was read."
    )
    settled_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(
                fields=["reason"],
                condition=Q(reason__in=["paused", "rule_failed"]),
                name="settlement_to_repeat",
            )
        ]

    def __str__(self):
        return f"{self.order}: {self.reason or 'rewarded'}"


_NEWS = """
INSERT INTO referrals_unsettled (order_id, since)
SELECT o.id, NEW.created_at
FROM orders_order o JOIN referrals_attribution a ON a.invitee_id = o.user_id
WHERE o.id = NEW.order_id AND (
  o.status = 'confirmed'
  OR EXISTS (SELECT 1 FROM referrals_settlement s WHERE s.order_id = o.id)
)
ON CONFLICT DO NOTHING
"""
_BROUGHT = """
INSERT INTO referrals_unsettled (order_id, since)
SELECT o.id, NEW.created_at FROM orders_order o
WHERE o.user_id = NEW.invitee_id AND o.status = 'confirmed'
ON CONFLICT DO NOTHING
"""
_DONE = "DELETE FROM referrals_unsettled WHERE order_id = NEW.order_id"


@written(
    "news",
    _NEWS,
    on="orders.OrderEvent",
    reads=("orders.Order", "referrals.Attribution", "referrals.Settlement"),
)
@written("brought", _BROUGHT, on="referrals.Attribution", reads=("orders.Order",))
@written("done", _DONE, on="referrals.Settlement", events=("INSERT", "UPDATE"))
class Unsettled(models.Model):
    """An invited person's order with news that no settlement has read yet.

    The database writes the row with the order's event, or with the attribution, and
    takes it away with the settlement: in the same transaction, so that no signal that
    is lost can hide an order, and there are few of them however many orders there are.
    """

    order = models.OneToOneField(
        "orders.Order", models.PROTECT, primary_key=True, related_name="+"
    )
    since = models.DateTimeField(help_text="Its oldest news.")

    class Meta:
        verbose_name_plural = "unsettled orders"

    def __str__(self):
        return str(self.order)
