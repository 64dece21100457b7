"""Orders taken back before they are sent, paid or not: said first, then done.

An unpaid one is closed at Stripe, then its goods and balance return. A paid one is
refunded by a plan of its own. Several at once are several such deeds: one that cannot
be done stops no other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import User
from orders import confirmation, payments, refunds, timeline
from orders.models import Dispute, Order, Payment
from shop.kit.money import format_money


@dataclass(frozen=True)
class Decision:
    """What staff decide about the orders they cancel.

    Goods of unpaid orders were only set aside, and return in any case.
    """

    reason: str = ""
    restock: bool = True
    notify: bool = True


@dataclass(frozen=True)
class Proposal:
    """What cancelling one order would come to; `refusal` says why it cannot be done.

    `plan` is None where nothing was paid. `figures` is what a page shows of it and
    sends back, so that nothing else is done than what was shown.
    """

    order: Order
    plan: refunds.Plan | None = None
    refusal: str = ""

    @property
    def figures(self) -> str:
        if self.refusal:
            return ""
        plan = self.plan
        return f"{plan.amount_card}+{plan.amount_balance}" if plan else "unpaid"


@dataclass(frozen=True)
class Outcome:
    """What became of one order; the sentence begins with its code."""

    order: Order
    is_done: bool
    sentence: str


def cancel_unpaid(
    order: Order,
    *,
    reason: str = timeline.CANCELLED,
    actor: User | None = None,
    origin: str,
    notifies: bool = False,
) -> Order:
    """Close an unpaid order at Stripe, then give its goods and balance back.

    Raises payments.AlreadyPaid when the money was faster, and
    payments.PaymentUnavailable when Stripe cannot be asked, or the customer has opened
    another page meanwhile; then nothing is given back. One that is closed already stays
    as it is.
    """
    payments.close(order)
    try:
        closed = confirmation.cancel_order(
            order.pk, reason=reason, actor=actor, origin=origin, notifies=notifies
        )
    except confirmation.PageOpen as error:
        raise payments.PaymentUnavailable(order.code) from error
    if closed.status not in (Order.Status.CANCELLED, Order.Status.EXPIRED):
        raise payments.AlreadyPaid(order.code)
    return closed


def refusal(order: Order) -> str:
    """Why its buyer cannot take a paid order back, in words for them; else empty."""
    if not order.can_be_cancelled:
        return "This order cannot be cancelled any more."
    disputes = Dispute.objects.filter(payment__order=order).taking_money()
    if disputes.open().exists():
        return (
            "Your bank is looking into this payment, so the order cannot be cancelled "
            "here. The bank decides about the money."
        )
    if disputes.lost_by():
        return "Your bank has given you this money back already. Write to us, please."
    return ""


def propose(order: Order, decision: Decision | None = None) -> Proposal:
    """What cancelling this order would come to now. Writes nothing."""
    paid = order.payments.filter(status=Payment.Status.PAID).exists()
    if order.status == Order.Status.PENDING and not paid:
        return Proposal(order)
    decision = decision or Decision()
    wish = refunds.Wish(
        everything=True,
        cancels=True,
        restock=decision.restock,
        notify=decision.notify,
        reason=decision.reason,
    )
    try:
        return Proposal(order, refunds.plan(order, wish))
    except refunds.NotRefundable as error:
        return Proposal(order, refusal=str(error))


def cancel_many(
    shown: Iterable[tuple[Order, str]], decision: Decision, actor: User
) -> list[Outcome]:
    """Cancel each order that still comes to the figures shown beside it.

    One after the other, each in transactions of its own.
    """
    return [_cancel(order, figures, decision, actor) for order, figures in shown]


def _cancel(order, figures, decision, actor):
    proposal = propose(order, decision)
    if proposal.refusal:
        return _left(order, proposal.refusal)
    if proposal.figures != figures:
        return _left(order, "It has changed since. Look at it once more.")
    if proposal.plan:
        return _cancel_paid(proposal.plan, actor)
    try:
        cancel_unpaid(
            order,
            reason=decision.reason,
            actor=actor,
            origin=timeline.Origin.STAFF,
            notifies=decision.notify,
        )
    except payments.AlreadyPaid:
        return _left(order, "It was paid just now.")
    except payments.PaymentUnavailable:
        return _left(order, "Stripe cannot be asked. Try again later.")
    return _done(order, "Cancelled, unpaid.")


def _cancel_paid(plan, actor):
    order = plan.order
    amount = format_money(plan.amount, order.currency)
    try:
        refunds.execute(plan, actor)
    except refunds.FactsChanged:
        return _left(order, "It has changed since. Look at it once more.")
    except payments.RefundRefused as error:
        return _left(order, f"Stripe refused: {error} The books are as before.")
    except payments.PaymentUnavailable:
        return _left(
            order,
            f"Stripe did not answer. {amount} is asked for again by itself, and the "
            "order is cancelled then.",
        )
    return _done(order, f"Cancelled, {amount} back.")


def _left(order, why):
    return Outcome(order, False, f"{order.spoken_code}: {why}")


def _done(order, what):
    return Outcome(order, True, f"{order.spoken_code}: {what}")
