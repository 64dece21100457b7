from django.contrib import admin

from orders import reversals
from orders.models import Dispute, Refund, RefundLine
from shop.kit.staff import ReadOnlyAdmin, ReadOnlyInline, linked, money_column, whether


class RefundLineInline(ReadOnlyInline):
    model = RefundLine
    fields = ["line", "quantity", "restocked", "back"]
    readonly_fields = ["back"]

    back = money_column("amount", "Amount", currency="refund.currency")

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("refund", "line")


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "belongs_to", "state", "card", "balance", "origin"]
    list_filter = ["state", "origin", ("resolved_at", whether("resolved"))]
    list_select_related = ["order", "payment", "actor"]
    search_fields = ["=order__code", "=stripe_id", "=idempotency_key"]
    search_help_text = "An order's code, or Stripe's id of the refund"
    ordering = ["-pk"]
    inlines = [RefundLineInline]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "belongs_to",
                    "state",
                    "card",
                    "balance",
                    "delivery",
                    "reason",
                    "failure_reason",
                    "origin",
                    "who",
                ]
            },
        ),
        ("Times", {"fields": ["created_at", "accepted_at", "failed_at"]}),
        ("At Stripe", {"fields": ["stripe_id", "idempotency_key", "paid_by"]}),
    ]

    belongs_to = linked("order", "Order")
    paid_by = linked("payment", "Payment")
    who = linked("actor", "Who", nobody="The shop itself")
    card = money_column("amount_card", "To the card")
    balance = money_column("amount_balance", "To the balance")
    delivery = money_column("amount_shipping", "Delivery in it")


@admin.register(RefundLine)
class RefundLineAdmin(ReadOnlyAdmin):
    list_display = ["belongs_to", "line", "quantity", "restocked", "back"]
    list_display_links = ["line"]
    list_select_related = ["refund__order", "line"]
    search_fields = ["=line__sku", "=refund__order__code"]
    ordering = ["-pk"]
    fields = ["belongs_to", "line", "quantity", "restocked", "back"]

    belongs_to = linked("refund", "Refund")
    back = money_column("amount", "Amount", currency="refund.currency")


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    list_display = ["opened_at", "belongs_to", "status", "sum", "reason", "due_by"]
    list_filter = [("closed_at", whether("closed")), "status"]
    list_select_related = ["payment__order"]
    search_fields = ["=payment__order__code", "=stripe_id"]
    search_help_text = "An order's code, or Stripe's id of the dispute"
    ordering = ["-pk"]
    actions = ["dismiss"]
    fields = [
        "belongs_to",
        "status",
        "sum",
        "reason",
        "due_by",
        "opened_at",
        "closed_at",
        "stripe_id",
    ]

    belongs_to = linked("payment.order", "Order")
    sum = money_column("amount", "Amount")

    @admin.action(description="Dismiss fraud warnings", permissions=["act"])
    def dismiss(self, request, queryset):
        dismissed = [
            dispute
            for dispute in queryset
            if reversals.dismiss_warning(dispute, request.user)
        ]
        for dispute in dismissed:
            self.log_change(request, dispute, "Fraud warning dismissed.")
        self.message_user(request, f"{len(dismissed)} dismissed.")
