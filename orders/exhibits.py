"""Orders as plain data, for whoever checks the books from outside."""

from django.db.models import Exists, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from catalog.models import StockMovement, Variant
from orders.models import (
    Order,
    OrderEvent,
    OrderLine,
    Payment,
    Refund,
    RefundLine,
    StripeEvent,
)
from shop.kit import books
from shop.kit.models import Message

# Entries of the timeline that are a change of the order's state.
STATES = {
    "placed": "pending",
    "confirmed": "confirmed",
    "expired": "expired",
    "cancelled": "cancelled",
}


@books.section("orders")
def orders() -> list[dict]:
    """`total` is what the card is asked for, `credit` what balance pays."""
    now = timezone.now()
    received = Payment.objects.filter(order=OuterRef("pk"), status="paid")
    captured = received.values("order").annotate(total=Sum("amount_received"))
    refunds = Refund.objects.standing().filter(order=OuterRef("pk")).order_by()
    refunded = refunds.values("order").annotate(total=Sum("amount_card"))
    shelved = RefundLine.objects.filter(refund__order=OuterRef("pk"), restocked__gt=0)
    sessions = {}
    for order, session in Payment.objects.exclude(session_id=None).values_list(
        "order", "session_id"
    ):
        sessions.setdefault(order, []).append(session)
    rows = Order.objects.annotate(
        captured=Subquery(captured.values("total")),
        refunded=Subquery(refunded.values("total")),
        shelved=Exists(shelved),
    )
    return [
        {
            "number": order.code,
            "state": order.status,
            "total": order.amount_due,
            "credit": order.amount_balance,
            "sessions": sessions.get(order.pk, []),
            "captured": order.captured or 0,
            "refunded": order.refunded or 0,
            "flagged": order.held_at is not None,
            "restocked": order.shelved
            or (order.confirmed_at is None and order.status != "pending"),
            "age": int((now - order.placed_at).total_seconds()),
        }
        for order in rows.order_by("pk").iterator(2000)
    ]


@books.section("lines")
def lines() -> list[dict]:
    rows = OrderLine.objects.order_by("pk")
    return [
        {"order": number, "sku": sku, "qty": quantity}
        for number, sku, quantity in rows.values_list(
            "order__code", "sku", "quantity"
        ).iterator(2000)
    ]


@books.section("stock")
def stock() -> list[dict]:
    """`start` is what was counted in; `reserved` pieces have left for open orders."""
    by_orders = Q(key__startswith="order:") | Q(key__startswith="refund:")
    counted = _sums(StockMovement.objects.exclude(by_orders), "variant")
    reserved = _sums(OrderLine.objects.filter(order__status="pending"), "variant")
    variants = Variant.objects.order_by("pk").values_list("pk", "sku", "stock")
    return [
        {
            "sku": sku,
            "start": counted.get(pk, 0),
            "on_hand": left + reserved.get(pk, 0),
            "reserved": reserved.get(pk, 0),
        }
        for pk, sku, left in variants.iterator(2000)
    ]


@books.section("events")
def events() -> list[dict]:
    rows = StripeEvent.objects.order_by("pk").values_list(
        "event_id", "processed_at", "error"
    )
    return [
        {"id": event, "processed": at is not None, "flagged": bool(error)}
        for event, at, error in rows.iterator(2000)
    ]


@books.section("mails")
def mails() -> list[dict]:
    """`order` is empty for a mail about something else; `copy` counts resending."""
    rows = Message.objects.order_by("pk").values_list(
        "kind", "reference", "copy", "message_id"
    )
    return [
        {"kind": kind, "order": number, "copy": copy, "message_id": message_id}
        for kind, number, copy, message_id in rows.iterator(2000)
    ]


@books.section("audit")
def audit() -> list[dict]:
    """Every change of an order's state, `to` what."""
    rows = OrderEvent.objects.filter(kind__in=STATES).order_by("pk")
    return [
        {"order": number, "to": STATES[kind]}
        for number, kind in rows.values_list("order__code", "kind").iterator(2000)
    ]


def _sums(rows, by):
    summed = rows.order_by().values_list(by).annotate(total=Sum("quantity"))
    return dict(summed)
