from functools import partial

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_GET

from orders import disputes, evidence
from orders.admin import ending
from orders.models import Dispute, Order, Refund, RefundLine
from shop.kit.models import Message
from shop.kit.staff import (
    NOTHING,
    ReadOnlyAdmin,
    ReadOnlyInline,
    linked,
    money_column,
    whether,
)


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
        "known",
        "way_out",
    ]

    belongs_to = linked("payment.order", "Order")
    sum = money_column("amount", "Amount")

    @admin.display(description="Evidence")
    def known(self, dispute):
        return format_html(
            '<a href="{}">Everything we know, to print or to paste</a>',
            reverse("admin:orders_dispute_evidence", args=[dispute.pk]),
        )

    @admin.display(description="If Stripe's word is unknown")
    def way_out(self, dispute):
        if not disputes.is_unknown(dispute):
            return NOTHING
        return format_html(
            '<a href="{}">Looked at in the dashboard, it is over…</a>',
            reverse("admin:orders_dispute_end", args=[dispute.pk]),
        )

    def get_urls(self):
        page = self.admin_site.admin_view(require_GET(self.evidence))
        end = self.admin_site.admin_view(partial(ending.end, self))
        return [
            path("<int:pk>/end/", end, name="orders_dispute_end"),
            path("<int:pk>/evidence/", page, name="orders_dispute_evidence"),
            *super().get_urls(),
        ]

    def evidence(self, request, pk):
        """What a bank is told of a disputed order, gathered on one page.

        It shows the order, so whoever reads it may see orders; mails likewise.
        """
        orders = self.admin_site.get_model_admin(Order)
        mails = self.admin_site.get_model_admin(Message)
        if not (
            self.has_view_permission(request) and orders.has_view_permission(request)
        ):
            raise PermissionDenied
        rows = Dispute.objects.select_related("payment__order__user")
        dispute = get_object_or_404(rows, pk=pk)
        chapters = evidence.gather(dispute, mails=mails.has_view_permission(request))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "Evidence",
            "dispute": dispute,
            "order": dispute.payment.order,
            "chapters": chapters,
            "text": evidence.as_text(chapters),
        }
        return TemplateResponse(request, "admin/orders/dispute/evidence.html", context)

    @admin.action(description="Dismiss fraud warnings", permissions=["act"])
    def dismiss(self, request, queryset):
        dismissed = [
            dispute
            for dispute in queryset
            if disputes.dismiss_warning(dispute, request.user)
        ]
        for dispute in dismissed:
            self.log_change(request, dispute, "Fraud warning dismissed.")
        self.message_user(request, f"{len(dismissed)} dismissed.")
