"""Staff look at links and people here; what is decided is decided by the rooms."""

from django import forms
from django.conf import settings
from django.contrib import admin

from referrals import links, terms
from referrals.models import (
    Attribution,
    Campaign,
    Claim,
    Code,
    LinkDay,
    ReferralLink,
    Reward,
    Settlement,
    Terms,
    Visit,
    Visitor,
)
from shop.kit.money import MoneyField, format_money, to_input
from shop.kit.staff import ReadOnlyAdmin, whether


def _amount(field, label):
    @admin.display(description=label, ordering=field)
    def shown(self, row):
        return format_money(getattr(row, field), row.currency)

    return shown


class TermsInline(admin.TabularInline):
    """The versions so far, newest first.

    A new one is made with "Add" on their own page.
    """

    model = Terms
    fields = [
        "number",
        "currency",
        "inviter_amount",
        "friend_amount",
        "minimum_amount",
        "visit_days",
        "order_days",
        "hold_days",
        "created_at",
    ]
    extra = 0
    can_delete = False

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):
    list_display = ["name", "is_default", "starts_at", "ends_at", "paused_at"]
    inlines = [TermsInline]

    def has_delete_permission(self, request, obj=None):
        return False


class TermsForm(forms.ModelForm):
    """The next version of a campaign's rules; it starts from the newest one."""

    inviter_amount = MoneyField(currency=settings.SHOP_CURRENCY)
    friend_amount = MoneyField(currency=settings.SHOP_CURRENCY)
    minimum_amount = MoneyField(currency=settings.SHOP_CURRENCY)

    class Meta:
        model = Terms
        exclude = ["number", "currency", "created_at"]

    def clean(self):
        """A slip such as 500 for 5.00 would bind the shop to everybody who joins."""
        cleaned = super().clean()
        least = cleaned.get("minimum_amount")
        for name in ("inviter_amount", "friend_amount"):
            if least is not None and cleaned.get(name, 0) > least:
                self.add_error(name, "This is more than the least order that counts.")
        return cleaned


@admin.register(Terms)
class TermsAdmin(admin.ModelAdmin):
    form = TermsForm
    list_display = [
        "__str__",
        "inviter",
        "friend",
        "minimum",
        "visit_days",
        "order_days",
        "hold_days",
        "created_at",
    ]
    list_filter = ["campaign", "currency"]
    list_select_related = ["campaign"]

    inviter = _amount("inviter_amount", "Inviter gets")
    friend = _amount("friend_amount", "Friend gets")
    minimum = _amount("minimum_amount", "From")

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def get_changeform_initial_data(self, request):
        newest = Terms.objects.filter(
            campaign__is_default=True, currency=settings.SHOP_CURRENCY
        ).first()
        last = forms.model_to_dict(newest, TermsForm().fields) if newest else {}
        for name, field in TermsForm().fields.items():
            if name in last and isinstance(field, MoneyField):
                last[name] = to_input(last[name], newest.currency)
        return {**last, **super().get_changeform_initial_data(request)}

    def save_model(self, request, obj, form, change):
        published = terms.publish(currency=settings.SHOP_CURRENCY, **form.cleaned_data)
        obj.pk, obj.number = published.pk, published.number


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


@admin.register(Visitor)
class VisitorAdmin(ReadOnlyAdmin):
    """Browsers, without their tokens: those stay in the cookies."""

    list_display = ["__str__", "user", "created_at", "landed_at", "confirmed_at"]
    list_select_related = ["user"]
    list_filter = [("confirmed_at", admin.EmptyFieldListFilter)]
    search_fields = ["user__email"]
    exclude = ["token_hash"]


@admin.register(Visit)
class VisitAdmin(ReadOnlyAdmin):
    list_display = ["link", "visitor", "first_at", "clicks", "referrer_host"]
    list_select_related = ["link__owner", "visitor"]
    search_fields = ["link__owner__email", "link__codes__text", "referrer_host"]


@admin.register(LinkDay)
class LinkDayAdmin(ReadOnlyAdmin):
    list_display = ["link", "day", "previews", "own_clicks"]
    list_select_related = ["link__owner"]
    search_fields = ["link__owner__email", "link__codes__text"]


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

    money = _amount("amount", "Amount")
    on_hold = _amount("amount_frozen", "On hold")


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
