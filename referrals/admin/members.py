"""What members chose and were told, and the mail the shop sent for them."""

from django.contrib import admin

from referrals.models import Invitation, MemberChoices, Notice, Suppression
from shop.kit.staff import ReadOnlyAdmin


@admin.register(MemberChoices)
class MemberChoicesAdmin(ReadOnlyAdmin):
    list_display = ["user", "leaderboard_name", "asked_not_before"]
    list_select_related = ["user"]
    search_fields = ["user__email", "leaderboard_name"]


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ["user", "kind", "text", "created_at", "read_at"]
    list_filter = ["kind"]
    list_select_related = ["user"]
    search_fields = ["user__email"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Without the addresses: those are no business of anybody's here."""

    list_display = ["sender", "campaign", "created_at", "sent_at"]
    list_select_related = ["sender", "campaign"]
    search_fields = ["sender__email"]
    exclude = ["address", "address_hash"]


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "created_at"]
    exclude = ["address_hash"]
