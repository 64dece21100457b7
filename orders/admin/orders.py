"""Orders as staff see them: all about one on one page, and nothing to overwrite."""

from functools import partial

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from accounts.addresses import written
from accounts.models import User
from orders import timeline
from orders.admin import cancelling, money_back, reviews
from orders.models import (
    Dispute,
    Order,
    OrderAddress,
    OrderDiscount,
    OrderEvent,
    OrderLine,
    Payment,
    Refund,
)
from shop.kit.models import Message
from shop.kit.money import format_money
from shop.kit.staff import (
    NOTHING,
    JumpsToOneHit,
    ReadOnlyAdmin,
    ReadOnlyInline,
    change_url,
    linked,
    moment,
    money_column,
    whether,
)


def found(term: str) -> Q:
    """Orders by code, email, name, SKU, or Stripe's id of session or payment."""
    payments_named = Payment.objects.filter(Q(session_id=term) | Q(intent_id=term))
    return (
        Q(code__startswith=term.replace(" ", "").upper())
        | Q(email__icontains=term)
        | Q(pk__in=OrderAddress.objects.filter(name__icontains=term).values("order"))
        | Q(pk__in=OrderLine.objects.filter(sku__iexact=term).values("order"))
        | Q(pk__in=payments_named.values("order"))
    )


class NoteForm(forms.Form):
    text = forms.CharField(label="Note", max_length=250)
    is_public = forms.BooleanField(label="The customer may read it", required=False)


@admin.display(description="From, to")
def moved(page, event):
    """The order's state before and after, where an entry tells of a move."""
    states = dict(Order.Status.choices)
    words = [states[each] for each in (event.before, event.after) if each]
    return " → ".join(words) or NOTHING


@admin.display(description="Who", ordering="actor")
def who(page, event):
    """The person where one is known, and in which role."""
    if not event.actor:
        return event.get_origin_display()
    return format_html(
        '<a href="{}">{}</a>', change_url(User, event.actor_id), event.actor
    )


class LineInline(ReadOnlyInline):
    model = OrderLine
    verbose_name_plural = "lines"
    fields = ["what", "number", "quantity", "unit", "discount", "total"]
    readonly_fields = ["what", "number", "unit", "discount", "total"]

    unit = money_column("amount_unit", "Each", currency="order.currency")
    discount = money_column("amount_discount", "Discount", currency="order.currency")
    total = money_column("amount", "Amount", currency="order.currency")

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("order")

    @admin.display(description="SKU")
    def number(self, line):
        return line.sku

    @admin.display(description="Product")
    def what(self, line):
        name = line.product_name
        name += f", {line.variant_name}" if line.variant_name else ""
        return format_html(
            '<a href="{}">{}</a>',
            change_url(
                OrderLine._meta.get_field("variant").related_model, line.variant_id
            ),
            name,
        )


class DiscountInline(ReadOnlyInline):
    model = OrderDiscount
    verbose_name_plural = "discounts"
    fields = ["label", "source", "reference", "off"]
    readonly_fields = ["off"]

    off = money_column("amount", "Amount", currency="order.currency")

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("order")


class PaymentInline(ReadOnlyInline):
    model = Payment
    fields = ["status", "asked", "received", "card", "last_error", "created_at"]
    readonly_fields = ["asked", "received"]
    show_change_link = True

    asked = money_column("amount", "Asked")
    received = money_column("amount_received", "Received")


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = ["state", "card", "balance", "reason", "origin", "created_at"]
    readonly_fields = ["card", "balance"]
    show_change_link = True

    card = money_column("amount_card", "To the card")
    balance = money_column("amount_balance", "To the balance")


class EventInline(ReadOnlyInline):
    model = OrderEvent
    verbose_name_plural = "what happened"
    fields = ["created_at", "text", "moved", "who", "is_public"]
    readonly_fields = ["moved", "who"]

    moved = moved
    who = who

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("actor")


@admin.register(Order)
class OrderAdmin(JumpsToOneHit, ReadOnlyAdmin):
    list_display = [
        "spoken_code",
        "email",
        "status",
        "total",
        "due",
        "placed",
        "held",
    ]
    list_filter = [
        "status",
        ("held_at", whether("held")),
        "placed_at",
        "confirmed_at",
    ]
    search_fields = ["code"]  # shows the box; `found` does the search
    search_help_text = "Code, email, name, SKU, or Stripe's id of session or payment"
    ordering = ["-pk"]
    view_on_site = False  # a guest's address holds the key to the order
    secret_fields = ["access_token"]
    actions = ["cancel"]
    inlines = [LineInline, DiscountInline, PaymentInline, RefundInline, EventInline]
    fieldsets = [
        (None, {"fields": ["spoken_code", "state", "person", "email", "goes_to"]}),
        (
            "Amounts",
            {
                "fields": [
                    "goods",
                    "discount",
                    "shipping",
                    "tax",
                    "total",
                    "balance",
                    "due",
                ]
            },
        ),
        (
            "Times",
            {
                "fields": [
                    "placed_at",
                    "expires_at",
                    "confirmed_at",
                    "expired_at",
                    "cancelled_at",
                ]
            },
        ),
    ]

    placed = moment("placed_at", "Placed")
    person = linked("user", "Customer", nobody="A guest")
    goods = money_column("amount_goods", "Goods")
    discount = money_column("amount_discount", "Discount")
    tax = money_column("amount_tax", "Tax")
    total = money_column("amount_total", "Total")
    balance = money_column("amount_balance", "Paid by balance")
    due = money_column("amount_due", "Due by card")

    @admin.display(description="Code", ordering="code")
    def spoken_code(self, order):
        return order.spoken_code

    @admin.display(description="Held", ordering="held_at")
    def held(self, order):
        return "Held" if order.held_at else ""

    @admin.display(description="State")
    def state(self, order):
        words = [order.get_status_display()]
        if order.held_at:
            words.append(f"Held: {order.held_because}")
        if Dispute.objects.open().filter(payment__order=order).exists():
            words.append("The payment is questioned: do not send it")
        return ". ".join(words)

    @admin.display(description="Goes to")
    def goes_to(self, order):
        address = OrderAddress.objects.filter(order=order).first()
        return "\n".join(written(address)) if address else NOTHING

    @admin.display(description="Delivery")
    def shipping(self, order):
        amount = format_money(order.amount_shipping, order.currency)
        return f"{amount} ({order.shipping_name})"

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user")

    def get_search_results(self, request, queryset, search_term):
        term = search_term.strip()
        return (queryset.filter(found(term)) if term else queryset), False

    @admin.action(description="Cancel…", permissions=["act"])
    def cancel(self, request, queryset):
        return cancelling.cancel(self, request, queryset)

    def get_urls(self):
        view = self.admin_site.admin_view(require_POST(self.add_note))
        refund = self.admin_site.admin_view(partial(money_back.refund, self))
        review = self.admin_site.admin_view(partial(reviews.review, self))
        return [
            path("<int:pk>/refund/", refund, name="orders_order_refund"),
            path("<int:pk>/review/", review, name="orders_order_review"),
            path("<int:pk>/note/", view, name="orders_order_note"),
            *super().get_urls(),
        ]

    def add_note(self, request, pk):
        """Staff write into the timeline, for themselves or for the customer too."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order, pk=pk)
        form = NoteForm(request.POST)
        if form.is_valid():
            timeline.remark(
                order,
                form.cleaned_data["text"],
                request.user,
                public=form.cleaned_data["is_public"],
            )
            self.message_user(request, "The note is kept.", messages.SUCCESS)
        else:
            self.message_user(
                request, "Write a note of at most 250 letters.", messages.ERROR
            )
        return redirect(change_url(Order, pk))

    def render_change_form(self, request, context, *args, **kwargs):
        context["note_form"] = NoteForm()
        context["may_act"] = self.has_act_permission(request)
        order = context.get("original")
        paid = Payment.objects.filter(order=order, status=Payment.Status.PAID)
        context["may_refund"] = bool(order) and (
            order.status == Order.Status.CONFIRMED or paid.exists()
        )
        context["mails"] = self._mails(request, order) if order else []
        context["may_send"] = request.user.has_perm("kit.change_message")
        return super().render_change_form(request, context, *args, **kwargs)

    def _mails(self, request, order):
        """What was written to the buyer, for staff who may look at mails."""
        if not request.user.has_perm("kit.view_message"):
            return []
        rows = Message.objects.filter(reference=order.code).order_by("pk")
        return rows.select_related("asked_by").defer("text", "html")


@admin.register(OrderLine)
class OrderLineAdmin(ReadOnlyAdmin):
    list_display = ["belongs_to", "sku", "product_name", "quantity", "unit", "total"]
    list_display_links = ["sku"]
    list_select_related = ["order"]
    search_fields = ["=sku", "^product_name", "=order__code"]
    search_help_text = "SKU, product, or an order's code"
    ordering = ["-pk"]
    fields = [
        "belongs_to",
        "product_name",
        "variant_name",
        "sku",
        "quantity",
        "unit",
        "total",
        "discount",
        "tax",
    ]

    belongs_to = linked("order", "Order")
    unit = money_column("amount_unit", "Each", currency="order.currency")
    total = money_column("amount", "Amount", currency="order.currency")
    discount = money_column("amount_discount", "Discount", currency="order.currency")
    tax = money_column("amount_tax", "Tax", currency="order.currency")


@admin.register(OrderAddress)
class OrderAddressAdmin(ReadOnlyAdmin):
    list_display = ["name", "street", "city", "country", "belongs_to"]
    list_select_related = ["order"]
    search_fields = ["name", "street", "=postal_code", "=order__code"]
    ordering = ["-pk"]
    fields = ["belongs_to", "lines"]

    belongs_to = linked("order", "Order")

    @admin.display(description="Address")
    def lines(self, address):
        return "\n".join(written(address))


@admin.register(OrderDiscount)
class OrderDiscountAdmin(ReadOnlyAdmin):
    list_display = ["label", "belongs_to", "off", "source", "reference"]
    list_filter = ["source"]
    list_select_related = ["order"]
    search_fields = ["=order__code", "=reference", "label"]
    ordering = ["-pk"]
    fields = ["belongs_to", "label", "off", "source", "reference"]

    belongs_to = linked("order", "Order")
    off = money_column("amount", "Amount", currency="order.currency")


@admin.register(OrderEvent)
class OrderEventAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "belongs_to", "text", "moved", "who", "is_public"]
    list_filter = ["kind", "origin", "is_public", "created_at"]
    list_select_related = ["order", "actor"]
    search_fields = ["=order__code", "=actor__email", "text"]
    ordering = ["-pk"]
    fields = [
        "created_at",
        "belongs_to",
        "kind",
        "text",
        "moved",
        "who",
        "is_public",
        "data",
    ]

    belongs_to = linked("order", "Order")
    moved = moved
    who = who
