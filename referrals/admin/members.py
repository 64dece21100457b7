"""What members chose and were told, and the mail the shop sent for them."""

from django.contrib import admin

from referrals.models import Invitation, MemberChoices, Notice, Suppression
from shop.kit.staff import ReadOnlyAdmin, moment


@admin.register(MemberChoices)
class MemberChoicesAdmin(ReadOnlyAdmin):
    list_display = ["user", "leaderboard_name", "asked_not_before"]
    list_select_related = ["user"]
    search_fields = ["user__email", "leaderboard_name"]


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ["user", "kind", "text", "told", "read"]
    list_filter = ["kind"]
    list_select_related = ["user"]
    search_fields = ["user__email"]

    told = moment("created_at", "Told")
    read = moment("read_at", "Read")


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Without the addresses: those are no business of anybody's here."""

    list_display = ["sender", "campaign", "asked", "sent"]
    list_select_related = ["sender", "campaign"]
    search_fields = ["sender__email"]
    exclude = ["address", "address_hash"]

    asked = moment("created_at", "Asked")
    sent = moment("sent_at", "Sent")


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "stopped"]
    exclude = ["address_hash"]

    stopped = moment("created_at", "Stopped")
