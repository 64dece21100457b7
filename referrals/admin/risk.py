"""What makes somebody look twice, and what was decided."""

from django.contrib import admin

from referrals.models import (
    Block,
    Device,
    ReleasePause,
    ReviewCase,
    ReviewDecision,
    RiskSignal,
)
from shop.kit.staff import ReadOnlyAdmin


@admin.register(RiskSignal)
class RiskSignalAdmin(ReadOnlyAdmin):
    list_display = ["attribution", "code", "weight", "evidence", "created_at"]
    list_filter = ["code"]
    list_select_related = [
        "attribution__invitee",
        "attribution__inviter",
        "attribution__link__owner",
    ]
    search_fields = ["attribution__invitee__email", "attribution__inviter__email"]


@admin.register(ReviewCase)
class ReviewCaseAdmin(ReadOnlyAdmin):
    list_display = ["attribution", "state", "score", "opened_at", "decided_at"]
    list_filter = ["state"]
    list_select_related = [
        "attribution__invitee",
        "attribution__inviter",
        "attribution__link__owner",
    ]
    search_fields = ["attribution__invitee__email", "attribution__inviter__email"]


@admin.register(ReviewDecision)
class ReviewDecisionAdmin(ReadOnlyAdmin):
    list_display = ["case", "verdict", "reason", "decided_by", "created_at"]
    list_filter = ["verdict"]
    list_select_related = [
        "case__attribution__invitee",
        "case__attribution__inviter",
        "case__attribution__link__owner",
        "decided_by",
    ]
    search_fields = ["case__attribution__invitee__email", "reason"]


@admin.register(Block)
class BlockAdmin(ReadOnlyAdmin):
    list_display = ["kind", "value", "reason", "blocked_by", "created_at", "lifted_at"]
    list_filter = ["kind"]
    list_select_related = ["blocked_by"]
    search_fields = ["value", "reason"]


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    list_display = ["user", "agent", "network", "created_at", "seen_at", "trusted_at"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    exclude = ["token_hash", "network_hash"]


@admin.register(ReleasePause)
class ReleasePauseAdmin(ReadOnlyAdmin):
    list_display = ["tripped_at", "released_count", "usual_count", "ended_at"]
    list_select_related = ["ended_by"]
