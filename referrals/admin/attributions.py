"""Who brought whom, and every claim that was made."""

from django.contrib import admin

from referrals.models import Attribution, Claim, FormerCustomer
from shop.kit.staff import ReadOnlyAdmin


@admin.register(Attribution)
class AttributionAdmin(ReadOnlyAdmin):
    list_display = [
        "invitee",
        "inviter",
        "status",
        "void_reason",
        "terms",
        "created_at",
    ]
    list_filter = ["status", "method", "void_reason"]
    list_select_related = ["invitee", "inviter", "terms__campaign"]
    search_fields = ["invitee__email", "inviter__email"]


@admin.register(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    list_display = ["invitee", "link", "won", "reason", "touched_at"]
    list_filter = ["won", "reason"]
    list_select_related = ["invitee", "link__owner"]
    search_fields = ["invitee__email", "link__owner__email"]


@admin.register(FormerCustomer)
class FormerCustomerAdmin(ReadOnlyAdmin):
    list_display = ["kind", "created_at"]
    list_filter = ["kind"]
    exclude = ["value_hash"]
