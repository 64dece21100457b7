"""Links, their codes, and what was counted of them."""

from django import forms
from django.contrib import admin, messages

from referrals import codes, destinations, links
from referrals.models import (
    CampaignDay,
    Code,
    LinkDay,
    ReferralLink,
    SharedCart,
    SharedCartLine,
)
from shop.kit.staff import ReadOnlyAdmin, ReadOnlyInline, whether


class CampaignLinkForm(forms.ModelForm):
    """A link without an owner: it is counted, and nobody earns by it."""

    class Meta:
        model = ReferralLink
        fields = ["campaign", "label", "path", "active_from", "expires_at"]

    def clean_path(self):
        path = self.cleaned_data["path"]
        if path and destinations.own_path(path) is None:
            raise forms.ValidationError("A page of this shop, such as /c/lighting/.")
        return path


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
        return link.shown

    # Staff make the links of campaigns; what stands in them stays.

    def has_add_permission(self, request):
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_form(self, request, obj=None, **kwargs):
        if obj is None:
            kwargs["form"] = CampaignLinkForm
        return super().get_form(request, obj, **kwargs)

    def get_fields(self, request, obj=None):
        if obj is None:
            return CampaignLinkForm.Meta.fields
        return super().get_fields(request, obj)

    def save_model(self, request, obj, form, change):
        links.for_campaign(obj)


@admin.register(Code)
class CodeAdmin(ReadOnlyAdmin):
    """Codes that read like advertisements wait here until somebody has looked."""

    list_display = ["text", "link", "kind", "waits_since", "retired_at", "created_at"]
    list_filter = ["kind", ("waits_since", whether("waits for us"))]
    list_select_related = ["link__owner"]
    search_fields = ["text", "link__owner__email"]
    actions = ["allow", "refuse"]

    @admin.action(description="Allow", permissions=["act"])
    def allow(self, request, queryset):
        self._decide(request, queryset, codes.allow, "Allowed")

    @admin.action(description="Refuse, for good", permissions=["act"])
    def refuse(self, request, queryset):
        self._decide(request, queryset, codes.refuse, "Refused")

    def _decide(self, request, queryset, verb, word):
        for code in queryset:
            if verb(code):
                self.log_change(request, code, word)
                self.message_user(request, f"{word}: {code}.")
            else:
                said = f"{code} does not wait for anybody."
                self.message_user(request, said, messages.WARNING)


@admin.register(LinkDay)
class LinkDayAdmin(ReadOnlyAdmin):
    list_display = ["link", "day", "previews", "own_clicks", "late_clicks"]
    list_select_related = ["link__owner"]
    search_fields = ["link__owner__email", "link__codes__text"]


@admin.register(CampaignDay)
class CampaignDayAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "kind", "channel", "day", "visits", "signups", "orders"]
    list_select_related = ["campaign"]
    list_filter = ["kind", "channel"]
    search_fields = ["campaign__name"]
    ordering = ["-day", "campaign", "kind", "channel"]


class SharedCartLineInline(ReadOnlyInline):
    model = SharedCartLine
    fields = ["variant", "quantity"]


@admin.register(SharedCart)
class SharedCartAdmin(ReadOnlyAdmin):
    list_display = ["link", "note", "created_at"]
    list_select_related = ["link__owner"]
    search_fields = ["link__owner__email", "link__codes__text"]
    exclude = ["token", "content_hash"]
    inlines = [SharedCartLineInline]
