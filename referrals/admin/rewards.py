"""What was promised and paid, and what was last decided about each order."""

from django.contrib import admin

from referrals.admin.columns import amount
from referrals.models import InviterQuota, MilestoneReward, Reward, Settlement
from shop.kit.staff import ReadOnlyAdmin, whether


@admin.register(Reward)
class RewardAdmin(ReadOnlyAdmin):
    list_display = [
        "recipient",
        "order",
        "money",
        "state",
        "on_hold",
        "reason",
        "available_at",
    ]
    list_filter = ["state", ("frozen_at", whether("on hold")), "reason"]
    list_select_related = ["recipient", "order"]
    search_fields = ["recipient__email", "order__code"]

    money = amount("amount", "Amount")
    on_hold = amount("amount_frozen", "On hold")


@admin.register(Settlement)
class SettlementAdmin(ReadOnlyAdmin):
    list_display = ["order", "attribution", "reward", "reason", "settled_at"]
    list_filter = ["reason"]
    list_select_related = [
        "order",
        "attribution__invitee",
        "attribution__inviter",
        "reward__recipient",
        "reward__order",
    ]
    search_fields = ["order__code", "attribution__invitee__email"]


@admin.register(MilestoneReward)
class MilestoneRewardAdmin(ReadOnlyAdmin):
    list_display = ["recipient", "campaign", "friends_count", "money", "state"]
    list_filter = ["state"]
    list_select_related = ["recipient", "campaign"]
    search_fields = ["recipient__email"]

    money = amount("amount", "Amount")


@admin.register(InviterQuota)
class InviterQuotaAdmin(ReadOnlyAdmin):
    list_display = ["inviter", "campaign", "period", "starts_on", "used", "most"]
    list_filter = ["period"]
    list_select_related = ["inviter", "campaign"]
    search_fields = ["inviter__email"]
