from django.contrib import admin
from django.db.models import Count

from orders.models import Cart, CartLine
from shop.kit.staff import ReadOnlyAdmin, ReadOnlyInline, linked, whether


class CartLineInline(ReadOnlyInline):
    model = CartLine
    fields = ["item", "quantity", "added_at"]
    readonly_fields = ["item"]

    item = linked("variant", "Variant")

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("variant__product")


@admin.register(Cart)
class CartAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "person", "line_count", "created_at", "updated_at"]
    list_filter = ["updated_at", ("user", whether("of a member"))]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    search_help_text = "The member's email"
    ordering = ["-pk"]
    fields = ["person", "created_at", "updated_at"]
    inlines = [CartLineInline]

    person = linked("user", "Owner", nobody="A guest")

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(line_count=Count("lines"))

    @admin.display(description="Lines")
    def line_count(self, cart):
        return cart.line_count


@admin.register(CartLine)
class CartLineAdmin(ReadOnlyAdmin):
    list_display = ["item", "sku", "quantity", "holder", "added_at"]
    list_display_links = ["quantity"]
    list_filter = ["added_at"]
    list_select_related = ["variant__product", "cart"]
    search_fields = ["=variant__sku", "=cart__user__email"]
    ordering = ["-pk"]
    fields = ["holder", "item", "sku", "quantity", "added_at"]

    item = linked("variant", "Variant")
    holder = linked("cart", "Cart")

    @admin.display(description="SKU", ordering="variant__sku")
    def sku(self, line):
        return line.variant.sku
