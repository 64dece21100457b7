"""The offer and its rules: staff publish the next version and never edit one."""

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.utils import timezone

from catalog.models import Category, Product
from referrals import budgets, plugins, terms
from referrals.admin.columns import amount
from referrals.models import Budget, Campaign, Exclusion, Milestone, Terms
from shop.kit.money import MoneyField, format_money, to_input
from shop.kit.staff import NOTHING, ReadOnlyAdmin, ReadOnlyInline, moment


@admin.display(description="Inviter gets", ordering="inviter_amount")
def inviter_gets(self, row):
    """A percentage, or an amount as exact as the other ones."""
    if row.inviter_amount:
        return format_money(row.inviter_amount, row.currency)
    return row.inviter_short or NOTHING


class TermsInline(ReadOnlyInline):
    """The versions so far, newest first.

    A new one is made with "Add" on their own page.
    """

    model = Terms
    fields = [
        "number",
        "currency",
        "inviter",
        "friend",
        "minimum",
        "visit_days",
        "order_days",
        "hold_days",
        "published",
    ]
    readonly_fields = ["inviter", "friend", "minimum", "published"]

    inviter = inviter_gets
    friend = amount("friend_amount", "Friend gets")
    minimum = amount("minimum_amount", "From")
    published = moment("created_at", "Published")


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):
    list_display = ["name", "is_default", "starts", "ends", "paused"]
    inlines = [TermsInline]

    starts = moment("starts_at", "Starts")
    ends = moment("ends_at", "Ends")
    paused = moment("paused_at", "Paused")

    def save_model(self, request, obj, form, change):
        """With a word about what is offered now: one tick less, and it is nothing."""
        super().save_model(request, obj, form, change)
        default = Campaign.objects.filter(is_default=True).first()
        if default is None or not default.is_open(timezone.now()):
            sentence = "Members have nothing to share now: no default campaign is open."
            messages.warning(request, sentence)
        elif obj == default and "is_default" in form.changed_data:
            messages.warning(request, f"Members share “{obj}” from now on.")

    def has_delete_permission(self, request, obj=None):
        return False


class TermsForm(forms.ModelForm):
    """The next version of a campaign's rules; it starts from the newest one."""

    inviter_amount = MoneyField(currency=settings.SHOP_CURRENCY)
    friend_amount = MoneyField(currency=settings.SHOP_CURRENCY)
    minimum_amount = MoneyField(currency=settings.SHOP_CURRENCY)
    inviter_most_amount = MoneyField(currency=settings.SHOP_CURRENCY, required=False)
    steps = forms.CharField(
        label="Milestones",
        required=False,
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One a line, such as 5: 10.00 for ten on top with the fifth friend.",
    )
    excluded_categories = forms.ModelMultipleChoiceField(
        Category.objects.order_by("path"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="With everything below them.",
    )
    excluded_products = forms.ModelMultipleChoiceField(
        Product.objects.order_by("name"),
        required=False,
        widget=AutocompleteSelectMultiple(
            Exclusion._meta.get_field("product"), admin.site
        ),
    )

    class Meta:
        model = Terms
        exclude = ["number", "currency", "created_at"]

    def clean_steps(self):
        """Amounts by numbers of friends, as `terms.publish` takes them."""
        field = MoneyField(currency=settings.SHOP_CURRENCY, minimum=1)
        found = {}
        for line in self.cleaned_data["steps"].splitlines():
            count, colon, amount = line.partition(":")
            if not line.strip():
                continue
            if not colon or not count.strip().isdecimal() or not 0 < int(count) < 10**6:
                raise forms.ValidationError("Write each line like 5: 10.00.")
            if int(count) in found:
                raise forms.ValidationError(f"{int(count)} friends are there twice.")
            found[int(count)] = field.clean(amount.strip())
        return found

    def clean(self):
        """A slip such as 500 for 5.00 would bind the shop to everybody who joins."""
        cleaned = super().clean()
        least = cleaned.get("minimum_amount")
        for name in ("inviter_amount", "friend_amount"):
            if least is not None and cleaned.get(name, 0) > least:
                self.add_error(name, "This is more than the least order that counts.")
        if cleaned.get("inviter_amount") and cleaned.get("inviter_basis_points"):
            self.add_error("inviter_basis_points", "Either an amount or a percentage.")
        is_late = cleaned.get("hold_from") == Terms.Hold.DELIVERY
        if is_late and not plugins.knows_deliveries():
            self.add_error(
                "hold_from", "This shop does not hear when a parcel arrives."
            )
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
        "published",
    ]
    list_filter = ["campaign", "currency"]
    list_select_related = ["campaign"]
    fieldsets = [
        (None, {"fields": ["campaign"]}),
        (
            "What the two get",
            {
                "fields": [
                    "inviter_amount",
                    "inviter_basis_points",
                    "inviter_most_amount",
                    "steps",
                    "friend_amount",
                ]
            },
        ),
        (
            "Which orders count",
            {
                "fields": [
                    "minimum_amount",
                    "orders_count",
                    "first_means",
                    "excluded_categories",
                    "excluded_products",
                ]
            },
        ),
        (
            "When",
            {
                "fields": [
                    "touch",
                    "visit_days",
                    "claim_days",
                    "order_days",
                    "hold_days",
                    "hold_from",
                    "credit_days",
                ]
            },
        ),
        (
            "At most, at least",
            {
                "fields": [
                    "cap_per_day",
                    "cap_per_month",
                    "cap_per_year",
                    "cap_for_life",
                    "minimum_friends",
                    "household_count",
                ]
            },
        ),
    ]

    inviter = inviter_gets
    friend = amount("friend_amount", "Friend gets")
    minimum = amount("minimum_amount", "From")
    published = moment("created_at", "Published")

    @admin.display(description="Inviter gets at most")
    def inviter_most(self, terms):
        if terms.inviter_most_amount is None:
            return NOTHING
        return format_money(terms.inviter_most_amount, terms.currency)

    def get_fieldsets(self, request, obj=None):
        """Of a version that is written, money as money; its belongings have own pages.

        They are its milestones and what it excludes.
        """
        if obj is None:
            return self.fieldsets
        own = {"steps", "excluded_categories", "excluded_products"}
        shown = {
            "inviter_amount": "inviter",
            "inviter_most_amount": "inviter_most",
            "friend_amount": "friend",
            "minimum_amount": "minimum",
        }
        return [
            (
                name,
                {
                    "fields": [
                        shown.get(each, each)
                        for each in more["fields"]
                        if each not in own
                    ]
                },
            )
            for name, more in self.fieldsets
        ]

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
        if newest:
            last |= _belongings(newest)
        return {**last, **super().get_changeform_initial_data(request)}

    def save_model(self, request, obj, form, change):
        said = dict(form.cleaned_data)
        published = terms.publish(
            currency=settings.SHOP_CURRENCY,
            milestones=said.pop("steps"),
            excluded=[
                *said.pop("excluded_categories"),
                *said.pop("excluded_products"),
            ],
            **said,
        )
        obj.pk, obj.number = published.pk, published.number


def _belongings(newest):
    """Milestones and exclusions of a version, as its form shows them."""
    steps = [
        f"{each.friends_count}: {to_input(each.amount, newest.currency)}"
        for each in newest.milestones.all()
    ]
    rows = newest.exclusions.all()
    return {
        "steps": "\n".join(steps),
        "excluded_categories": [each.category_id for each in rows if each.category_id],
        "excluded_products": [each.product_id for each in rows if each.product_id],
    }


class BudgetForm(forms.ModelForm):
    """A limit, of a new budget or another one of the old."""

    amount_limit = MoneyField(currency=settings.SHOP_CURRENCY, label="Limit")

    class Meta:
        model = Budget
        fields = ["campaign", "amount_limit"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            limit = to_input(self.instance.amount_limit, self.instance.currency)
            self.initial["amount_limit"] = limit

    def clean(self):
        """What is promised is promised: no limit goes below it."""
        cleaned = super().clean()
        old = self.instance.campaign if self.instance.pk else None
        campaign = cleaned.get("campaign") or old
        limit = cleaned.get("amount_limit")
        if campaign and limit is not None:
            promised = budgets.committed(campaign.pk, settings.SHOP_CURRENCY)
            if limit < promised:
                words = format_money(promised, settings.SHOP_CURRENCY)
                self.add_error("amount_limit", f"{words} of it is promised already.")
        return cleaned


@admin.register(Budget)
class BudgetAdmin(ReadOnlyAdmin):
    form = BudgetForm
    fields = ["campaign", "amount_limit"]
    list_display = ["campaign", "limit", "committed", "warned"]
    list_select_related = ["campaign"]
    search_fields = ["campaign__name"]

    limit = amount("amount_limit", "Limit")
    committed = amount("amount_committed", "Promised")
    warned = moment("warned_at", "Warned")

    def has_add_permission(self, request):
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_change_permission(self, request, obj=None):
        """The shop's own currency only: the form speaks no other."""
        if obj and obj.currency != settings.SHOP_CURRENCY:
            return False
        return self.has_act_permission(request)

    def get_readonly_fields(self, request, obj=None):
        return ["campaign", "committed", "warned_at"] if obj else []

    def get_fields(self, request, obj=None):
        return [*self.fields, "committed", "warned_at"] if obj else self.fields

    def save_model(self, request, obj, form, change):
        campaign = form.cleaned_data.get("campaign") or obj.campaign
        made = budgets.set_limit(
            campaign, settings.SHOP_CURRENCY, form.cleaned_data["amount_limit"]
        )
        obj.pk, obj.currency = made.pk, made.currency


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
