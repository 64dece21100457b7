"""Who brought whom, and what it earned."""

from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from shop.kit import money
from shop.kit.guards import append_only, arrows, frozen, kept, same


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


@append_only
class Terms(models.Model):
    """One numbered version of a campaign's rules.

    A change is a new version; each friend keeps the version they joined under.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="terms")
    number = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    inviter_amount = models.PositiveBigIntegerField(
        help_text="What the inviter's balance gets."
    )
    friend_amount = models.PositiveBigIntegerField(
        help_text="Taken off the friend's first order."
    )
    minimum_amount = models.PositiveBigIntegerField(
        help_text="Least goods that count, without tax, delivery and what balance pays."
    )
    visit_days = models.PositiveIntegerField(
        default=30, help_text="From click to sign-up."
    )
    order_days = models.PositiveIntegerField(
        default=90, help_text="From sign-up to order."
    )
    hold_days = models.PositiveIntegerField(
        default=14, help_text="From payment to release."
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
                condition=money.in_steps(
                    "inviter_amount", "friend_amount", "minimum_amount"
                ),
                name="terms_in_steps",
            ),
        ]

    def __str__(self):
        return f"{self.campaign}, version {self.number}"

    def visit_ends(self, touched_at: datetime) -> datetime:
        """The first moment at which a click is too old to count."""
        return _midnight_after(touched_at, self.visit_days)

    def order_ends(self, joined_at: datetime) -> datetime:
        """The first moment at which an order comes too late."""
        return _midnight_after(joined_at, self.order_days)


def _midnight_after(moment, days):
    """The end of the day that lies `days` later, by the shop's own calendar."""
    zone = timezone.get_default_timezone()
    day = timezone.localtime(moment, zone).date() + timedelta(days=days + 1)
    return datetime.combine(day, time.min, tzinfo=zone)


class ReferralLinkQuerySet(models.QuerySet):
    def with_code(self):
        """Each link with its newest `code`."""
        newest = Code.objects.filter(link=models.OuterRef("pk")).order_by("-pk")
        return self.annotate(code=models.Subquery(newest.values("text")[:1]))


@kept
@frozen("owner", "campaign")
class ReferralLink(models.Model):
    """An invitation that can be shared. Its addresses are its codes."""

    class Kind(models.TextChoices):
        INVITE = "invite", "Invitation"

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="links")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="referral_links"
    )
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.INVITE)
    is_default = models.BooleanField(default=False)
    disabled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ReferralLinkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner"],
                condition=Q(is_default=True),
                name="one_default_link_per_member",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["invite"]), name="link_kind_known"
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} of {self.owner}"


@kept
@frozen("text", "link")
class Code(models.Model):
    """What stands after `/r/`, in its one normal spelling; its link's for ever."""

    text = models.CharField(max_length=20, unique=True)
    link = models.ForeignKey(ReferralLink, models.PROTECT, related_name="codes")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self):
        return self.text


class Visitor(models.Model):
    """A browser known by a random token; only the token's hash is kept here."""

    token_hash = models.CharField(max_length=64, unique=True)
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

    def __str__(self):
        return f"Visitor {self.pk}"


class Visit(models.Model):
    """A person's use of a link: the same browser within half an hour is one visit."""

    visitor = models.ForeignKey(Visitor, models.CASCADE, related_name="visits")
    link = models.ForeignKey(ReferralLink, models.PROTECT, related_name="visits")
    bucket = models.DateTimeField(help_text="Start of the half hour.")
    clicks = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    referrer_host = models.CharField(max_length=100, blank=True)
    landing_path = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["visitor", "link", "bucket"], name="visit_once_per_half_hour"
            )
        ]

    def __str__(self):
        return f"{self.link} at {self.first_at:%d %b %H:%M}"


class LinkDay(models.Model):
    """What machines did to a link on one day; people's clicks are Visits."""

    link = models.ForeignKey(ReferralLink, models.CASCADE, related_name="days")
    day = models.DateField()
    previews = models.PositiveIntegerField(
        default=0, help_text="Bots and link previews."
    )
    own_clicks = models.PositiveIntegerField(default=0, help_text="By the owner.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["link", "day"], name="link_day_once")
        ]

    def __str__(self):
        return f"{self.link} on {self.day}"


@arrows(
    "status",
    {"provisional": ("active", "void"), "active": ("void",)},
)
@frozen(
    "invitee",
    "inviter",
    "link",
    "terms",
    "inviter_joined_at",
    "invitee_joined_at",
    "touched_at",
)
@same("inviter", "link.owner")
@same("inviter_joined_at", "inviter.date_joined")
@same("invitee_joined_at", "invitee.date_joined")
@kept
class Attribution(models.Model):
    """This person came by that link. At most one per person, for ever."""

    class Method(models.TextChoices):
        COOKIE = "cookie", "Opened the link"

    class Status(models.TextChoices):
        PROVISIONAL = "provisional", "Joined, email not verified yet"
        ACTIVE = "active", "Joined"
        VOID = "void", "Does not count"

    invitee = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="attribution"
    )
    inviter = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="invited"
    )
    link = models.ForeignKey(ReferralLink, models.PROTECT, related_name="attributions")
    visit = models.ForeignKey(
        Visit, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    terms = models.ForeignKey(Terms, models.PROTECT, related_name="attributions")
    method = models.CharField(max_length=20, choices=Method, default=Method.COOKIE)
    status = models.CharField(max_length=12, choices=Status, default=Status.PROVISIONAL)
    void_reason = models.CharField(max_length=60, blank=True)
    touched_at = models.DateTimeField(help_text="When the link was opened.")
    inviter_joined_at = models.DateTimeField()
    invitee_joined_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(invitee=F("inviter")), name="nobody_invites_themselves"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["provisional", "active", "void"]),
                name="attribution_status_known",
            ),
            # A strict order in time: with it no circle of any length can close.
            models.CheckConstraint(
                condition=Q(inviter_joined_at__lt=F("invitee_joined_at")),
                name="inviter_came_first",
            ),
            models.CheckConstraint(
                condition=Q(touched_at__lte=F("invitee_joined_at")),
                name="touched_before_joining",
            ),
        ]
        indexes = [
            models.Index(
                fields=["inviter", "-created_at"], name="attribution_by_inviter"
            )
        ]

    def __str__(self):
        return f"{self.invitee} by {self.inviter}"

    @property
    def order_ends_at(self) -> datetime:
        return self.terms.order_ends(self.invitee_joined_at)


@append_only
class Claim(models.Model):
    """Every touch that won or lost a sign-up, and why."""

    invitee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="claims"
    )
    link = models.ForeignKey(ReferralLink, models.PROTECT, related_name="claims")
    won = models.BooleanField()
    reason = models.CharField(
        max_length=60, help_text="Such as first_touch or own_link."
    )
    touched_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self):
        return f"{self.link}: {self.reason}"


class RewardQuerySet(models.QuerySet):
    def due(self, now):
        return self.filter(state=Reward.State.PENDING, available_at__lte=now)

    def live(self):
        return self.filter(state__in=[Reward.State.PENDING, Reward.State.AVAILABLE])


@arrows(
    "state",
    {
        "pending": ("available", "void"),
        "available": ("reversed",),
        "reversed": ("available",),
        "void": ("pending",),
    },
)
@frozen("attribution", "order", "recipient", "amount", "currency")
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

    attribution = models.ForeignKey(Attribution, models.PROTECT, related_name="rewards")
    order = models.ForeignKey("orders.Order", models.PROTECT, related_name="+")
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="rewards"
    )
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    currency = models.CharField(max_length=3)
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
    created_at = models.DateTimeField(default=timezone.now)

    objects = RewardQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "recipient"], name="reward_once_per_order"
            ),
            models.UniqueConstraint(
                fields=["attribution", "recipient"],
                condition=Q(state__in=["pending", "available"]),
                name="one_live_reward_per_friend",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="reward_positive"),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "available", "reversed", "void"]),
                name="reward_state_known",
            ),
            models.CheckConstraint(
                condition=Q(frozen_at=None) | Q(state__in=["pending", "available"]),
                name="only_live_rewards_frozen",
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
            )
        ]

    def __str__(self):
        return f"{self.recipient} for {self.order}"


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
        max_length=60, blank=True, help_text="Why there is no reward."
    )
    last_event = models.PositiveBigIntegerField(
        help_text="Newest order event that was read."
    )
    settled_at = models.DateTimeField(default=timezone.now)

    def __str__(self):
        return f"{self.order}: {self.reason or 'rewarded'}"
