from django.contrib import admin, messages

from orders import webhooks
from orders.models import Payment, StripeEvent
from shop.kit.staff import ReadOnlyAdmin, json_column, linked, money_column, whether


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = [
        "created_at",
        "belongs_to",
        "status",
        "asked",
        "received",
        "card",
        "last_error",
    ]
    list_filter = ["status", "created_at"]
    list_select_related = ["order"]
    search_fields = ["=order__code", "=session_id", "=intent_id", "=idempotency_key"]
    search_help_text = "An order's code, or Stripe's id of session or payment"
    ordering = ["-pk"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "belongs_to",
                    "status",
                    "asked",
                    "received",
                    "card",
                    "last_error",
                ]
            },
        ),
        (
            "Times",
            {"fields": ["created_at", "session_expires_at", "paid_at", "closed_at"]},
        ),
        ("At Stripe", {"fields": ["session_id", "intent_id", "idempotency_key"]}),
    ]

    belongs_to = linked("order", "Order")
    asked = money_column("amount", "Asked")
    received = money_column("amount_received", "Received")


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    long_fields = ["payload", "error"]
    secret_fields = ["payload"]
    list_display = [
        "event_id",
        "type",
        "received_at",
        "processed_at",
        "attempts",
        "note",
    ]
    list_filter = [
        ("processed_at", whether("processed")),
        ("error", whether("with an error")),
        "type",
        "received_at",
    ]
    search_fields = ["=event_id", "^type"]
    search_help_text = "Stripe's id of the event, or its type"
    actions = ["try_again"]
    fields = [
        "event_id",
        "type",
        "received_at",
        "processed_at",
        "attempts",
        "error",
        "note",
        "said",
    ]

    said = json_column(
        "payload", "What Stripe said", empty="Not kept any more: the event is old."
    )

    @admin.action(description="Try again, if not processed", permissions=["act"])
    def try_again(self, request, queryset):
        waiting = list(queryset.unprocessed())
        for event in waiting:
            webhooks.retry.enqueue(event.pk)
            self.log_change(request, event, "Tried again.")
        self.message_user(
            request,
            f"{len(waiting)} of {queryset.count()} chosen will be tried again.",
            messages.SUCCESS if waiting else messages.WARNING,
        )
