"""What we know of a disputed order, gathered for the bank: one list for page and text.

Only what the database keeps. Notes among staff and what concerns other people, such as
an inviter's reward, are no evidence and stay inside.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format

from accounts.addresses import written
from orders.models import Dispute, Order, Payment
from orders.timeline import told
from shop.kit.models import Message
from shop.kit.money import format_money

PARCELS = "No parcel is on record."


@dataclass(frozen=True)
class Entry:
    """One line of evidence; `message` is the mail it tells of, for a link."""

    label: str
    value: str
    message: int | None = None


@dataclass(frozen=True)
class Chapter:
    title: str
    entries: tuple[Entry, ...]


def gather(dispute: Dispute, *, mails: bool) -> list[Chapter]:
    """Everything useful about a disputed payment, in the order a bank reads it.

    `mails` says whether the list of mails is part of it.
    """
    payment = dispute.payment
    order = payment.order
    chapters = [
        ("Dispute", _dispute(dispute)),
        ("Order", _order(order)),
        ("What was bought", _lines(order)),
        ("Customer", _customer(order)),
        ("Payment", _payment(payment)),
        ("Money given back", _refunds(order)),
        ("Delivery", _delivery(order)),
        ("What happened", _events(order)),
        ("Mails to the customer", _mails(order) if mails else ()),
    ]
    filled = [Chapter(title, tuple(entries)) for title, entries in chapters]
    return [chapter for chapter in filled if chapter.entries]


def as_text(chapters: list[Chapter]) -> str:
    """The same, to be pasted into a field of Stripe's dashboard."""
    return "\n\n".join(
        "\n".join(
            [
                chapter.title.upper(),
                *(f"{entry.label}: {entry.value}" for entry in chapter.entries),
            ]
        )
        for chapter in chapters
    )


def _dispute(dispute) -> Iterator[Entry]:
    yield Entry("State", dispute.get_status_in_words())
    yield Entry("Reason given", dispute.reason or "none")
    yield Entry("Amount", format_money(dispute.amount, dispute.currency))
    yield Entry("Opened", _at(dispute.opened_at))
    if dispute.due_by:
        yield Entry("Evidence due by", _at(dispute.due_by))
    if dispute.closed_at:
        yield Entry("Closed", _at(dispute.closed_at))
    yield Entry("Stripe's id", dispute.stripe_id)


def _order(order) -> Iterator[Entry]:
    yield Entry("Code", order.code)
    yield Entry("State", order.get_status_display())
    yield Entry("Placed", _at(order.placed_at))
    if order.confirmed_at:
        yield Entry("Confirmed", _at(order.confirmed_at))
    if order.cancelled_at:
        yield Entry("Cancelled", _at(order.cancelled_at))
    for label, amount in (
        ("Goods", order.amount_goods),
        ("Taken off", order.amount_discount),
        ("Delivery", order.amount_shipping),
        ("Tax", order.amount_tax),
        ("Total", order.amount_total),
        ("Paid by balance", order.amount_balance),
        ("Due by card", order.amount_due),
    ):
        if amount:
            yield Entry(label, format_money(amount, order.currency))


def _lines(order) -> Iterator[Entry]:
    for line in order.lines.all():
        name = f"{line.product_name} {line.variant_name}".strip()
        amount = format_money(line.amount, order.currency)
        yield Entry(f"{line.quantity} × {name} ({line.sku})", amount)


def _customer(order) -> Iterator[Entry]:
    yield Entry("Email", order.email)
    if not order.user:
        yield Entry("Account", "Bought as a guest")
        return
    yield Entry("Account since", _at(order.user.date_joined))
    others = Order.objects.confirmed().filter(user=order.user).exclude(pk=order.pk)
    yield Entry("Other confirmed orders", str(others.count()))


def _payment(payment) -> Iterator[Entry]:
    yield Entry("Received", format_money(payment.amount_received, payment.currency))
    if payment.paid_at:
        yield Entry("Paid", _at(payment.paid_at))
    if payment.card:
        yield Entry("Card", payment.card)
    if payment.intent_id:
        yield Entry("Stripe's payment", payment.intent_id)
    if payment.session_id:
        yield Entry("Stripe's session", payment.session_id)
    others = payment.order.payments.filter(status=Payment.Status.PAID)
    for other in others.exclude(pk=payment.pk):
        amount = format_money(other.amount_received, other.currency)
        yield Entry("Another payment", f"{amount}, {_at(other.paid_at)}")


def _refunds(order) -> Iterator[Entry]:
    for refund in order.refunds.standing():
        amount = format_money(refund.amount, refund.currency)
        state = refund.get_state_display().lower()
        yield Entry(_at(refund.created_at), f"{amount}, {state}. {refund.reason}")


def _delivery(order) -> Iterator[Entry]:
    days = f", {order.shipping_days}" if order.shipping_days else ""
    yield Entry("Method", f"{order.shipping_name}{days}")
    if hasattr(order, "address"):
        yield Entry("Sent to", ", ".join(written(order.address)))
    yield Entry("Parcels", PARCELS)


def _events(order) -> Iterator[Entry]:
    for step in told(order.events.filter(is_public=True)):
        note = f". {step.note}" if step.note else ""
        yield Entry(_at(step.at), f"{step.label}{note}")


def _mails(order) -> Iterator[Entry]:
    """Those to the customer's own address; a mail that never left says so."""
    sent = Message.objects.filter(reference=order.code, recipient=order.email)
    for mail in sent.defer("text", "html").order_by("pk"):
        when = f"sent {_at(mail.sent_at)}" if mail.sent_at else "not sent"
        said = f"“{mail.subject}”, {when}, Message-ID {mail.message_id}"
        yield Entry(mail.kind.replace("_", " ").capitalize(), said, mail.pk)


def _at(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "j F Y, H:i e")
