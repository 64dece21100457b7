"""The offer and its rules: staff publish the next version and never edit one."""

from django import forms
from django.conf import settings
from django.contrib import admin

from referrals import terms
from referrals.admin.columns import amount
from referrals.models import Budget, Campaign, Exclusion, Milestone, Terms
from shop.kit.money import MoneyField, format_money, to_input
from shop.kit.staff import ReadOnlyAdmin


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
    inviter_most_amount = MoneyField(currency=settings.SHOP_CURRENCY, required=False)

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

    inviter = amount("inviter_amount", "Inviter gets")
    friend = amount("friend_amount", "Friend gets")
    minimum = amount("minimum_amount", "From")

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def get_changeform_initial_data(self, request):
        newest = Terms.objects.filter(
            campaign__is_default=True, currency=settings.SHOP_CURRENCY
        ).first()
        last = forms.model_to_dict(newest, TermsForm().fields) if newest else {}
        last = {name: value for name, value in last.items() if value is not None}
        for name, field in TermsForm().fields.items():
            if name in last and isinstance(field, MoneyField):
                last[name] = to_input(last[name], newest.currency)
        return {**last, **super().get_changeform_initial_data(request)}

    def save_model(self, request, obj, form, change):
        published = terms.publish(currency=settings.SHOP_CURRENCY, **form.cleaned_data)
        obj.pk, obj.number = published.pk, published.number


@admin.register(Budget)
class BudgetAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "limit", "committed", "warned_at"]
    list_select_related = ["campaign"]
    search_fields = ["campaign__name"]

    limit = amount("amount_limit", "Limit")
    committed = amount("amount_committed", "Promised")


@admin.register(Milestone)
class MilestoneAdmin(ReadOnlyAdmin):
    list_display = ["terms", "friends_count", "money"]
    list_select_related = ["terms__campaign"]
    search_fields = ["terms__campaign__name"]

    @admin.display(description="Amount", ordering="amount")
    def money(self, milestone):
        return format_money(milestone.amount, milestone.terms.currency)


@admin.register(Exclusion)
class ExclusionAdmin(ReadOnlyAdmin):
    list_display = ["terms", "category", "product"]
    list_select_related = ["terms__campaign", "category", "product"]
    search_fields = ["terms__campaign__name"]
