"""Links, their codes, and what was counted of them."""

from django.contrib import admin

from referrals import links
from referrals.models import Code, LinkDay, ReferralLink
from shop.kit.staff import ReadOnlyAdmin


@admin.register(ReferralLink)
class ReferralLinkAdmin(ReadOnlyAdmin):
    list_display = ["code", "owner", "kind", "campaign", "disabled_at", "created_at"]
    list_filter = ["kind", "campaign", "is_default"]
    list_select_related = ["owner", "campaign"]
    search_fields = ["owner__email", "codes__text"]

    def get_queryset(self, request):
        return super().get_queryset(request).with_code()

    def named(self, term):
        """The links that the search of the start page finds by this code."""
        return links.resolve_all([term])

    @admin.display(description="Code")
    def code(self, link):
        return link.code


@admin.register(Code)
class CodeAdmin(ReadOnlyAdmin):
    list_display = ["text", "link", "created_at"]
    list_select_related = ["link__owner"]
    search_fields = ["text", "link__owner__email"]


@admin.register(LinkDay)
class LinkDayAdmin(ReadOnlyAdmin):
    list_display = ["link", "day", "previews", "own_clicks"]
    list_select_related = ["link__owner"]
    search_fields = ["link__owner__email", "link__codes__text"]
