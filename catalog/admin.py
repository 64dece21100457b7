"""The staff's side of the catalogue; what is derived is renewed after every save."""

from uuid import uuid4

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, OuterRef, Subquery, Sum

from catalog import categories, images, products, stock
from catalog.models import (
    Category,
    Option,
    OptionValue,
    Product,
    ProductImage,
    StockMovement,
    Variant,
)
from shop.kit.money import MoneyField, format_money, to_input
from shop.kit.staff import BoundedPaginator, ReadOnlyAdmin


class CategoryForm(forms.ModelForm):
    class Meta:
        model = Category
        fields = ["parent", "name", "slug", "description", "position", "is_visible"]

    def clean(self):
        cleaned = super().clean()
        if self.errors:
            return cleaned
        for name in ("parent", "slug"):
            setattr(self.instance, name, cleaned[name])
        try:
            categories.check(self.instance)
        except categories.UnderItself:
            self.add_error("parent", "A category cannot hang under itself.")
        except categories.AddressTaken:
            self.add_error("slug", "Another category has this slug in the same place.")
        return cleaned


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    form = CategoryForm
    list_display = ["tree_name", "path", "position", "is_visible", "is_shown"]
    list_filter = ["is_visible"]
    search_fields = ["name", "path"]
    ordering = ["path"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["parent"]

    @admin.display(description="category", ordering="path")
    def tree_name(self, category):
        return "— " * len(category.trail) + category.name

    def save_model(self, request, category, form, change):
        categories.plant(category)

    def delete_model(self, request, category):
        super().delete_model(request, category)
        categories.forget_departments()

    def delete_queryset(self, request, queryset):
        super().delete_queryset(request, queryset)
        categories.forget_departments()


class VariantForm(forms.ModelForm):
    """Amounts are typed as people write them; of stock the difference is booked."""

    amount = MoneyField(currency=settings.SHOP_CURRENCY)
    compare_at_amount = MoneyField(
        currency=settings.SHOP_CURRENCY, required=False, label="Amount before"
    )
    counted = forms.IntegerField(
        label="Stock on hand",
        min_value=0,
        max_value=1_000_000,
        required=False,
        # The page carries what it showed, so that a sale meanwhile is no correction.
        show_hidden_initial=True,
    )

    class Meta:
        model = Variant
        fields = ["product", "sku", "name", "values", "position", "is_active"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in ("amount", "compare_at_amount"):
            amount = getattr(self.instance, name)
            if amount is not None:
                self.initial[name] = to_input(amount, settings.SHOP_CURRENCY)
        self.initial["counted"] = self.instance.stock

    def clean(self):
        cleaned = super().clean()
        amount, before = cleaned.get("amount"), cleaned.get("compare_at_amount")
        if amount is not None and before is not None and before <= amount:
            self.add_error("compare_at_amount", "This must be higher than the amount.")
        product, values = cleaned.get("product"), cleaned.get("values") or []
        if product and any(value.option.product_id != product.pk for value in values):
            self.add_error("values", "Choose values of this product's own options.")
        options = [value.option_id for value in values]
        if len(options) != len(set(options)):
            self.add_error("values", "Choose one value of each option.")
        return cleaned


def _count_stock(request, form):
    """Book the difference between what the form showed and what staff counted.

    The difference, not the count: pieces sold while the form was open stay sold.
    """
    counted = form.cleaned_data.get("counted")
    shown = form.data.get(form.add_initial_prefix("counted"), "")
    shown = int(shown) if shown.isdecimal() else 0
    if counted is None or counted == shown:
        return
    cause, reason = f"count:{uuid4()}", f"Counted by {request.user}"[:120]
    try:
        stock.correct(form.instance, counted - shown, cause=cause, reason=reason)
    except stock.OutOfStock:
        messages.error(request, "Pieces were sold meanwhile: count again, please.")


class VariantInline(admin.TabularInline):
    """A look at the variants; each is changed on its own page, stock included."""

    model = Variant
    extra = 0
    fields = ["sku", "name", "price", "stock", "position", "is_active"]
    readonly_fields = ["sku", "name", "price", "stock", "position", "is_active"]
    show_change_link = True
    can_delete = False

    def has_add_permission(self, request, product=None):
        return False

    @admin.display(description="amount")
    def price(self, variant):
        return format_money(variant.amount, settings.SHOP_CURRENCY)


class ProductImageInline(admin.TabularInline):
    model = ProductImage
    extra = 0
    fields = ["file", "alt", "variant", "position"]

    def formfield_for_foreignkey(self, field, request, **kwargs):
        if field.name == "variant":
            product_id = request.resolver_match.kwargs.get("object_id")
            mine = Variant.objects.filter(product=product_id).select_related("product")
            kwargs["queryset"] = mine
        return super().formfield_for_foreignkey(field, request, **kwargs)


class OptionInline(admin.TabularInline):
    model = Option
    extra = 0
    prepopulated_fields = {"slug": ["name"]}
    show_change_link = True


class ProductForm(forms.ModelForm):
    def clean(self):
        cleaned = super().clean()
        is_priced = self.instance.pk and self.instance.lowest_amount is not None
        if cleaned.get("status") == Product.Status.LIVE and not is_priced:
            self.add_error(
                "status", "Give it a variant with an amount first, then it can go live."
            )
        return cleaned


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    form = ProductForm
    list_display = ["name", "category", "status", "lowest", "pieces", "published_at"]
    list_filter = ["status", "category"]
    list_select_related = ["category"]
    search_fields = ["name", "slug", "variants__sku"]
    ordering = ["-pk"]
    paginator = BoundedPaginator
    show_full_result_count = False
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["category"]
    readonly_fields = ["units_sold"]
    inlines = [OptionInline, VariantInline, ProductImageInline]

    def get_queryset(self, request):
        # A subquery is asked of the rows on the page, a join of the whole catalogue.
        stock = Variant.objects.filter(product=OuterRef("pk")).order_by()
        pieces = stock.values("product").annotate(sum=Sum("stock")).values("sum")
        return super().get_queryset(request).annotate(pieces=Subquery(pieces))

    @admin.display(description="from", ordering="lowest_amount")
    def lowest(self, product):
        if product.lowest_amount is None:
            return "no price"
        return format_money(product.lowest_amount, settings.SHOP_CURRENCY)

    @admin.display(description="pieces", ordering="pieces")
    def pieces(self, product):
        return product.pieces or 0

    def save_related(self, request, form, formsets, change):
        with transaction.atomic():
            super().save_related(request, form, formsets, change)
            for image in form.instance.images.filter(renditions=[]):
                images.render.enqueue(image.pk)
            products.refresh(form.instance)


class _PartOfProduct(admin.ModelAdmin):
    """A row whose product must be brought up to date when it changes."""

    def product_of(self, row) -> Product:
        return row.product

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        products.refresh(self.product_of(form.instance))

    def delete_model(self, request, row):
        product = self.product_of(row)
        super().delete_model(request, row)
        products.refresh(product)

    def delete_queryset(self, request, queryset):
        touched = {self.product_of(row) for row in queryset}
        super().delete_queryset(request, queryset)
        for product in touched:
            products.refresh(product)


@admin.register(Variant)
class VariantAdmin(_PartOfProduct):
    form = VariantForm
    fields = [
        "product",
        "sku",
        "name",
        "values",
        ("amount", "compare_at_amount"),
        "counted",
        "weight_grams",
        "position",
        "is_active",
    ]
    list_display = ["sku", "product", "name", "price", "stock", "is_active"]
    ordering = ["-pk"]
    paginator = BoundedPaginator
    show_full_result_count = False
    list_filter = ["is_active"]
    list_select_related = ["product"]
    search_fields = ["sku", "name", "product__name"]
    autocomplete_fields = ["product", "values"]

    @admin.display(description="amount", ordering="amount")
    def price(self, variant):
        return format_money(variant.amount, settings.SHOP_CURRENCY)

    def save_model(self, request, variant, form, change):
        variant.amount = form.cleaned_data["amount"]
        variant.compare_at_amount = form.cleaned_data["compare_at_amount"]
        if change:
            # `stock` is left out: it may have moved since the form was opened.
            names = ["product", "sku", "name", "amount", "compare_at_amount"]
            names += ["weight_grams", "position", "is_active"]
            before = Variant.objects.values_list("amount", flat=True).get(pk=variant.pk)
            variant.save(update_fields=names)
            if variant.amount != before:
                was, costs = (
                    format_money(amount, settings.SHOP_CURRENCY)
                    for amount in (before, variant.amount)
                )
                messages.warning(request, f"{variant.sku} costs {costs}, it was {was}.")
        else:
            variant.save()
        _count_stock(request, form)


@admin.register(Option)
class OptionAdmin(_PartOfProduct):
    class ValueInline(admin.TabularInline):
        model = OptionValue
        extra = 0
        prepopulated_fields = {"slug": ["name"]}

    list_display = ["name", "product", "value_count"]
    list_select_related = ["product"]
    search_fields = ["name", "product__name"]
    autocomplete_fields = ["product"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [ValueInline]

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(value_count=Count("values"))

    @admin.display(description="values", ordering="value_count")
    def value_count(self, option):
        return option.value_count


@admin.register(OptionValue)
class OptionValueAdmin(_PartOfProduct):
    list_display = ["name", "option", "product_of", "colour"]
    list_select_related = ["option__product"]
    search_fields = ["name", "option__name", "option__product__name"]
    autocomplete_fields = ["option"]

    @admin.display(description="product")
    def product_of(self, value):
        return value.option.product


@admin.register(ProductImage)
class ProductImageAdmin(_PartOfProduct):
    list_display = ["alt", "product", "variant", "width", "height", "position"]
    list_select_related = ["product", "variant__product"]
    search_fields = ["alt", "product__name"]
    autocomplete_fields = ["product", "variant"]
    readonly_fields = ["width", "height", "renditions"]

    def save_model(self, request, image, form, change):
        super().save_model(request, image, form, change)
        if not image.renditions:
            images.render.enqueue(image.pk)


@admin.register(StockMovement)
class StockMovementAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "variant", "quantity", "reason", "key"]
    list_select_related = ["variant__product"]
    list_filter = ["created_at"]
    search_fields = ["key", "reason", "variant__sku", "variant__product__name"]
