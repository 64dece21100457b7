"""Invitations that can be shared, and the codes they go by."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from referrals.models.campaigns import Campaign
from shop.kit.guards import emptied, frozen, kept
from shop.kit.lines import LineField


class ReferralLinkQuerySet(models.QuerySet):
    def with_code(self):
        """Each link with its primary code as `code`, and as people see it `shown`."""
        primary = Code.objects.filter(link=models.OuterRef("pk"), is_primary=True)
        return self.annotate(
            code=models.Subquery(primary.values("text")[:1]),
            shown=models.Subquery(primary.values("display")[:1]),
        )


@kept
@frozen("owner", "campaign", "kind")
class ReferralLink(models.Model):
    """An invitation that can be shared. Its addresses are its codes.

    A campaign's link has no owner: it is counted, and nobody earns by it.
    """

    class Kind(models.TextChoices):
        INVITE = "invite", "Invitation"
        SHARE_ITEM = "share_item", "Shared product"
        EMAIL = "email", "Invitation by email"
        CAMPAIGN = "campaign", "Campaign"
        PAPER = "paper", "Printed card"

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="links")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="referral_links",
    )
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.INVITE)
    is_default = models.BooleanField(default=False)
    label = LineField(max_length=60, blank=True, help_text="To tell links apart.")
    product = models.ForeignKey(
        "catalog.Product", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    path = models.CharField(
        max_length=300,
        blank=True,
        help_text="Where it leads on this site when there is no product to show.",
    )
    active_from = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ReferralLinkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner"],
                condition=Q(is_default=True),
                name="one_default_link_per_member",
            ),
            models.UniqueConstraint(
                fields=["owner", "product"],
                condition=Q(kind="share_item", disabled_at=None),
                name="one_live_link_per_product",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["invite", "share_item", "email", "campaign", "paper"]
                ),
                name="link_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(kind="paper")
                | Q(kind="campaign", owner=None)
                | Q(kind__in=["invite", "share_item", "email"], owner__isnull=False),
                name="link_owner_by_kind",
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(kind="invite", owner__isnull=False),
                name="default_link_is_an_invitation",
            ),
            # A product may go; the path says where its link leads then.
            models.CheckConstraint(
                condition=~Q(kind="share_item") | ~Q(path=""),
                name="shared_product_has_path",
            ),
            models.CheckConstraint(
                condition=Q(path="")
                | (
                    Q(path__startswith="/")
                    & ~Q(path__startswith="//")
                    & ~Q(path__startswith="/\\")
                ),
                name="link_stays_on_site",
            ),
            models.CheckConstraint(
                condition=Q(active_from=None)
                | Q(expires_at=None)
                | Q(expires_at__gt=F("active_from")),
                name="link_has_length",
            ),
        ]

    def __str__(self):
        return f"{self.label or self.get_kind_display()} of {self.owner or 'the shop'}"

    def is_active(self, now) -> bool:
        """Whether its own dates let it count now; its owner and campaign aside."""
        return (
            self.disabled_at is None
            and (self.active_from is None or self.active_from <= now)
            and (self.expires_at is None or now < self.expires_at)
        )


class CodeQuerySet(models.QuerySet):
    def working(self):
        """Codes that lead to a link: not retired, not waiting for staff."""
        return self.filter(retired_at=None, waits_since=None, link__isnull=False)

    def waiting(self):
        """Codes that staff have neither allowed nor refused yet."""
        return self.filter(retired_at=None, waits_since__isnull=False)

    def canaries(self):
        return self.filter(kind=Code.Kind.CANARY)


@kept
@frozen("link", "kind")
@emptied("display", key="text")
class Code(models.Model):
    """What stands after `/r/`, in its one normal spelling; its link's for ever.

    A retired code keeps its row, so that nobody inherits it; once its owner has left,
    only a hash of it is kept. A canary belongs to no link: it is shown to nobody, and
    whoever tries it is guessing.
    """

    class Kind(models.TextChoices):
        RANDOM = "random", "Drawn by lot"
        VANITY = "vanity", "Chosen by the member"
        CARD = "card", "Printed, for one use"
        CANARY = "canary", "Canary"

    text = models.CharField(max_length=20, unique=True)
    display = models.CharField(
        max_length=24, blank=True, help_text="As people see it; empty once forgotten."
    )
    link = models.ForeignKey(
        ReferralLink, models.PROTECT, null=True, blank=True, related_name="codes"
    )
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.RANDOM)
    is_primary = models.BooleanField(default=False)
    waits_since = models.DateTimeField(
        null=True, blank=True, help_text="A member of staff has to allow it first."
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    redeemed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = CodeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["link"],
                condition=Q(is_primary=True),
                name="one_primary_code_per_link",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["random", "vanity", "card", "canary"]),
                name="code_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(kind="canary", link=None)
                | (~Q(kind="canary") & Q(link__isnull=False)),
                name="only_canaries_have_no_link",
            ),
            models.CheckConstraint(
                condition=Q(is_primary=False)
                | Q(
                    kind__in=["random", "vanity"],
                    waits_since=None,
                    retired_at=None,
                ),
                name="primary_code_works",
            ),
            models.CheckConstraint(
                condition=Q(redeemed_at=None) | Q(kind="card"),
                name="only_cards_are_redeemed",
            ),
        ]

    def __str__(self):
        return self.display or self.text


class LinkDay(models.Model):
    """What did not become a visit on one day: machines, the owner, late comers."""

    link = models.ForeignKey(ReferralLink, models.CASCADE, related_name="days")
    day = models.DateField()
    previews = models.PositiveIntegerField(
        default=0, help_text="Bots and link previews."
    )
    own_clicks = models.PositiveIntegerField(default=0, help_text="By the owner.")
    late_clicks = models.PositiveIntegerField(
        default=0, help_text="After the link had ended."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["link", "day"], name="link_day_once")
        ]

    def __str__(self):
        return f"{self.link} on {self.day}"


class FunnelDay(models.Model):
    """What became of one link, by one channel, on one day: rolled up from the rows.

    A roll-up replaces a day's figures and never adds to them, so that it can run twice.
    Visits are counted on the day of the click, everything after on the day it happened.
    """

    link = models.ForeignKey(ReferralLink, models.CASCADE, related_name="funnel")
    day = models.DateField()
    channel = models.CharField(max_length=20, blank=True)
    visits = models.PositiveIntegerField(default=0)
    visitors = models.PositiveIntegerField(default=0)
    confirmed = models.PositiveIntegerField(default=0)
    signups = models.PositiveIntegerField(default=0)
    orders = models.PositiveIntegerField(default=0)
    rewards = models.PositiveIntegerField(
        default=0, help_text="Became available on this day."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["link", "day", "channel"], name="funnel_day_once"
            )
        ]
        indexes = [models.Index(fields=["day"], name="funnel_by_day")]

    def __str__(self):
        return f"{self.link} on {self.day}"


class CampaignDay(models.Model):
    """The sums of a campaign's links of one kind, by one channel, on one day.

    The whole shop's figures are read from here, and cost the same however many links
    there are. Machines that look at a link say no channel.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="days")
    kind = models.CharField(max_length=20, choices=ReferralLink.Kind)
    channel = models.CharField(max_length=20, blank=True)
    day = models.DateField()
    previews = models.PositiveIntegerField(default=0)
    visits = models.PositiveIntegerField(default=0)
    visitors = models.PositiveIntegerField(default=0)
    confirmed = models.PositiveIntegerField(default=0)
    signups = models.PositiveIntegerField(default=0)
    orders = models.PositiveIntegerField(default=0)
    rewards = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "campaign", "kind", "channel"],
                name="campaign_day_once",
            )
        ]

    def __str__(self):
        return f"{self.campaign} on {self.day}"
