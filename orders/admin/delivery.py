from django import forms
from django.conf import settings
from django.contrib import admin

from accounts.addresses import territories
from orders.models import ShippingMethod, ShippingZone
from shop.kit.money import MoneyField, format_money, to_input
from shop.kit.staff import NOTHING

EVERYWHERE_ELSE = "*"


class CountriesField(forms.CharField):
    """`US, CA` for a person, `["US", "CA"]` for the row; `*` is everywhere else."""

    def prepare_value(self, value):
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value):
        text = super().clean(value).upper().replace(",", " ").replace(";", " ")
        codes = list(dict.fromkeys(text.split()))
        unknown = [
            code
            for code in codes
            if code != EVERYWHERE_ELSE and code not in territories()
        ]
        if unknown:
            raise forms.ValidationError(
                f"No country has the code {', '.join(unknown)}. Use two letters, "
                "such as US, or * for everywhere else."
            )
        return codes

    def has_changed(self, initial, data):
        return super().has_changed(self.prepare_value(initial), data)


class ZoneForm(forms.ModelForm):
    countries = CountriesField(
        help_text="Two-letter codes, parted by commas: US, CA. * is everywhere else.",
        widget=forms.TextInput(attrs={"class": "vTextField", "size": 60}),
    )

    class Meta:
        model = ShippingZone
        fields = ["name", "countries", "position"]


class MethodForm(forms.ModelForm):
    amount = MoneyField(currency=settings.SHOP_CURRENCY, label="Costs")
    free_from_amount = MoneyField(
        currency=settings.SHOP_CURRENCY,
        label="Free from",
        required=False,
        help_text="Goods worth this much or more travel free; empty: never.",
    )

    class Meta:
        model = ShippingMethod
        fields = [
            "zone",
            "name",
            "amount",
            "free_from_amount",
            "days_least",
            "days_most",
        ]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in ("amount", "free_from_amount"):
            amount = getattr(self.instance, name)
            if amount is not None:
                self.initial[name] = to_input(amount, settings.SHOP_CURRENCY)


class MethodInline(admin.StackedInline):
    model = ShippingMethod
    form = MethodForm
    min_num = max_num = 1
    can_delete = False


@admin.register(ShippingZone)
class ShippingZoneAdmin(admin.ModelAdmin):
    form = ZoneForm
    list_display = ["name", "reaches", "method", "position"]
    list_select_related = ["method"]
    search_fields = ["name"]
    inlines = [MethodInline]

    @admin.display(description="Countries")
    def reaches(self, zone):
        names = {EVERYWHERE_ELSE: "Everywhere else", **territories()}
        shown = [names.get(code, code) for code in zone.countries[:6]]
        more = len(zone.countries) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "")

    @admin.display(description="Method", ordering="method__name")
    def method(self, zone):
        return zone.method.name if hasattr(zone, "method") else "None yet"


@admin.register(ShippingMethod)
class ShippingMethodAdmin(admin.ModelAdmin):
    form = MethodForm
    list_display = ["name", "zone", "costs", "free_from", "days"]
    list_select_related = ["zone"]
    search_fields = ["name", "zone__name"]
    autocomplete_fields = ["zone"]

    @admin.display(description="Costs", ordering="amount")
    def costs(self, method):
        return format_money(method.amount, settings.SHOP_CURRENCY)

    @admin.display(description="Free from", ordering="free_from_amount")
    def free_from(self, method):
        if method.free_from_amount is None:
            return NOTHING
        return format_money(method.free_from_amount, settings.SHOP_CURRENCY)

    @admin.display(description="Days")
    def days(self, method):
        return f"{method.days_least} to {method.days_most}"
