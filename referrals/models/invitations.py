"""Mail that the shop sends for a member, and everybody who must not get any."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from referrals.models.campaigns import Campaign
from referrals.models.links import ReferralLink
from shop.kit.guards import append_only, frozen, kept


@kept
@frozen("sender", "campaign", "address_hash", "link")
class Invitation(models.Model):
    """One invitation by mail. Nobody is written to twice in a campaign.

    The address itself is here only until the mail is sent; afterwards a keyed hash is
    left, by which the invited person is recognised.
    """

    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="invitations"
    )
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="invitations")
    link = models.ForeignKey(ReferralLink, models.PROTECT, related_name="invitations")
    address = models.EmailField(max_length=254, blank=True)
    address_hash = models.CharField(max_length=64)
    note = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "address_hash"], name="invited_once_by_mail"
            ),
            models.CheckConstraint(
                condition=Q(sent_at=None) | Q(address=""),
                name="address_forgotten_once_sent",
            ),
        ]

    def __str__(self):
        return f"Invitation of {self.sender}"


@append_only
class Suppression(models.Model):
    """An address that asked for no more invitations, as a keyed hash."""

    address_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self):
        return f"Suppression {self.pk}"
