"""The offer: its dates, its money, and the numbered versions of its rules."""

from datetime import datetime, time, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from shop.kit import money
from shop.kit.guards import append_only, frozen, kept


class Campaign(models.Model):
    """An offer's dates.

    One of them is the default, which members' own links belong to.
    """

    name = models.CharField(max_length=80, unique=True)
    is_default = models.BooleanField(default=False)
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="No new friends count; promises made before are kept.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="one_default_campaign",
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="campaign_has_length",
            ),
        ]

    def __str__(self):
        return self.name

    def is_running(self, now: datetime) -> bool:
        """Whether its links lead anywhere; a pause does not break them."""
        return self.starts_at <= now and (self.ends_at is None or now < self.ends_at)

    def is_open(self, now: datetime) -> bool:
        """Whether somebody who joins now is counted."""
        return self.is_running(now) and self.paused_at is None


@kept
@frozen("campaign", "currency")
class Budget(models.Model):
    """The most that a campaign may promise in one currency, and what it has.

    A campaign without such a row has no limit. The row is a counter: it is locked by
    whoever promises, and the database refuses a promise beyond it.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="budgets")
    currency = models.CharField(max_length=3)
    amount_limit = models.PositiveBigIntegerField(help_text="Minor units.")
    amount_committed = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="Promised or paid, and not taken back."
    )
    warned_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Told at 80 %."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "currency"], name="budget_once_per_currency"
            ),
            models.CheckConstraint(
                condition=Q(amount_committed__lte=F("amount_limit")),
                name="budget_not_exceeded",
            ),
        ]

    def __str__(self):
        return f"Budget of {self.campaign} in {self.currency}"


@append_only
class Terms(models.Model):
    """One numbered version of a campaign's rules.

    A change is a new version; each friend keeps the version they joined under. An empty
    cap is no cap.
    """

    class Touch(models.TextChoices):
        FIRST = "first", "The link opened first"
        LAST = "last", "The link opened last"

    class First(models.TextChoices):
        ANY = "any", "The first order at all"
        QUALIFYING = "qualifying", "The first order that qualifies"

    class Hold(models.TextChoices):
        PAYMENT = "payment", "From the payment"
        DELIVERY = "delivery", "From the parcel's arrival"

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="terms")
    number = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    inviter_amount = models.PositiveBigIntegerField(
        help_text="What the inviter's balance gets."
    )
    inviter_basis_points = models.PositiveIntegerField(
        default=0,
        help_text="Instead of the amount: hundredths of a percent of what counts.",
    )
    inviter_most_amount = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="The most that the percentage can come to."
    )
    friend_amount = models.PositiveBigIntegerField(
        help_text="Taken off the friend's first order."
    )
    minimum_amount = models.PositiveBigIntegerField(
        help_text="Least goods that count, without tax, delivery and what balance pays."
    )
    orders_count = models.PositiveIntegerField(
        default=1, help_text="How many orders of a friend earn; 0 for all of them."
    )
    first_means = models.CharField(max_length=10, choices=First, default=First.ANY)
    touch = models.CharField(max_length=5, choices=Touch, default=Touch.FIRST)
    visit_days = models.PositiveIntegerField(
        default=30, help_text="From click to sign-up."
    )
    claim_days = models.PositiveIntegerField(
        default=7, help_text="How long after sign-up a friend may still enter a code."
    )
    order_days = models.PositiveIntegerField(
        default=90, help_text="From sign-up to order."
    )
    hold_days = models.PositiveIntegerField(
        default=14, help_text="How long a reward waits before it is released."
    )
    hold_from = models.CharField(max_length=8, choices=Hold, default=Hold.PAYMENT)
    credit_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="How long a reward can be spent."
    )
    cap_per_day = models.PositiveIntegerField(null=True, blank=True)
    cap_per_month = models.PositiveIntegerField(null=True, blank=True, default=10)
    cap_per_year = models.PositiveIntegerField(null=True, blank=True, default=50)
    cap_for_life = models.PositiveIntegerField(null=True, blank=True)
    minimum_friends = models.PositiveIntegerField(
        default=0, help_text="Paying friends before the first reward is released."
    )
    household_count = models.PositiveIntegerField(
        default=1, help_text="Friends at one address who need no second look."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "terms"
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "number"], name="terms_numbered_once"
            ),
            models.CheckConstraint(
                condition=Q(inviter_basis_points__lte=10_000),
                name="terms_share_of_one_at_most",
            ),
            models.CheckConstraint(
                condition=Q(inviter_basis_points=0) | Q(inviter_amount=0),
                name="terms_amount_or_percentage",
            ),
            models.CheckConstraint(
                condition=Q(touch__in=["first", "last"]), name="terms_touch_known"
            ),
            models.CheckConstraint(
                condition=Q(first_means__in=["any", "qualifying"]),
                name="terms_first_known",
            ),
            models.CheckConstraint(
                condition=Q(hold_from__in=["payment", "delivery"]),
                name="terms_hold_known",
            ),
            models.CheckConstraint(
                condition=money.in_steps(
                    "inviter_amount", "friend_amount", "minimum_amount"
                ),
                name="terms_in_steps",
            ),
        ]

    def __str__(self):
        return f"{self.campaign}, version {self.number}"

    @property
    def inviter_percent(self) -> str:
        """The inviter's share of the goods as people write it, such as `7.5`."""
        return f"{self.inviter_basis_points / 100:g}"

    @property
    def friend_short(self) -> str:
        """What the friend gets: `$5`, or nothing."""
        if not self.friend_amount:
            return ""
        return money.format_money(self.friend_amount, self.currency, short=True)

    @property
    def inviter_short(self) -> str:
        """What the inviter gets where there is little room: `$5`, `10 %` or nothing."""
        if self.inviter_basis_points:
            return f"{self.inviter_percent} %"
        if self.inviter_amount:
            return money.format_money(self.inviter_amount, self.currency, short=True)
        return ""

    @property
    def inviter_words(self) -> str:
        """The same in a sentence: `$5`, `10 % of the goods`, or nothing."""
        short = self.inviter_short
        return f"{short} of the goods" if self.inviter_basis_points else short

    @property
    def inviter_words_in_full(self) -> str:
        """With what a percentage ends at: `10 % of the goods (at most $8)`."""
        if not self.inviter_basis_points or self.inviter_most_amount is None:
            return self.inviter_words
        most = money.format_money(self.inviter_most_amount, self.currency, short=True)
        return f"{self.inviter_words} (at most {most})"

    @property
    def hold_words(self) -> str:
        """When the inviter gets it: `14 days after they paid`."""
        if self.hold_days:
            days = "1 day" if self.hold_days == 1 else f"{self.hold_days} days"
            is_late = self.hold_from == self.Hold.DELIVERY
            what = "their parcel has arrived" if is_late else "they paid"
            return f"{days} after {what}"
        if self.hold_from == self.Hold.DELIVERY:
            return "as soon as their parcel has arrived"
        return "as soon as they have paid"

    @property
    def caps_words(self) -> str:
        """How many friends are rewarded at most: `10 a month and 50 a year`."""
        caps = [
            f"{count} {of_what}"
            for count, of_what in [
                (self.cap_per_day, "a day"),
                (self.cap_per_month, "a month"),
                (self.cap_per_year, "a year"),
                (self.cap_for_life, "in all"),
            ]
            if count is not None
        ]
        return " and ".join(filter(None, [", ".join(caps[:-1]), *caps[-1:]]))

    def visit_ends(self, touched_at: datetime) -> datetime:
        """The first moment at which a click is too old to count."""
        return midnight_after(touched_at, self.visit_days)

    def claim_ends(self, joined_at: datetime) -> datetime:
        """The first moment at which a code is entered too late."""
        return midnight_after(joined_at, self.claim_days)

    def order_ends(self, joined_at: datetime) -> datetime:
        """The first moment at which an order comes too late."""
        return midnight_after(joined_at, self.order_days)

    def credit_ends(self, paid_at: datetime) -> datetime | None:
        """The first moment at which a reward is spent too late; None for never."""
        if self.credit_days is None:
            return None
        return midnight_after(paid_at, self.credit_days)


@append_only
class Milestone(models.Model):
    """What so many friends who bought earn on top, once."""

    terms = models.ForeignKey(Terms, models.PROTECT, related_name="milestones")
    friends_count = models.PositiveIntegerField(
        help_text="Friends whose reward is available."
    )
    amount = models.PositiveBigIntegerField(help_text="Minor units.")

    class Meta:
        ordering = ["friends_count"]
        constraints = [
            models.UniqueConstraint(
                fields=["terms", "friends_count"], name="milestone_once"
            ),
            models.CheckConstraint(
                condition=Q(friends_count__gt=0, amount__gt=0),
                name="milestone_positive",
            ),
        ]

    def __str__(self):
        return f"{self.friends_count} friends"


@append_only
class Exclusion(models.Model):
    """Goods that do not count: a product, or everything in a category."""

    terms = models.ForeignKey(Terms, models.PROTECT, related_name="exclusions")
    category = models.ForeignKey(
        "catalog.Category", models.PROTECT, null=True, blank=True, related_name="+"
    )
    product = models.ForeignKey(
        "catalog.Product", models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(category=None, product__isnull=False)
                | Q(category__isnull=False, product=None),
                name="exclusion_of_one_thing",
            ),
        ]

    def __str__(self):
        return f"Without {self.product or self.category}"


def midnight_after(moment: datetime, days: int) -> datetime:
    """The end of the day that lies `days` later, by the shop's own calendar."""
    zone = timezone.get_default_timezone()
    day = timezone.localtime(moment, zone).date() + timedelta(days=days + 1)
    return datetime.combine(day, time.min, tzinfo=zone)
