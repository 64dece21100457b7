"""The part of an order that its customer's balance pays: held, captured, given back.

Each step moves once, because its key names the order and the step; an order without
balance moves nothing. The caller holds the order's lock.
"""

from accounts import ledger
from orders import signals
from orders.models import Order

Kind = ledger.Kind


def hold(order: Order) -> None:
    """Set it aside until the order is paid. Raises ledger.InsufficientBalance."""
    _move(order, "hold", Kind.WALLET, Kind.HELD, kind="spend", reason="Spent")


def hold_again(order: Order) -> None:
    """For a closed order that is paid late. Raises ledger.InsufficientBalance."""
    _move(order, "rehold", Kind.WALLET, Kind.HELD, kind="spend", reason="Spent")


def capture(order: Order) -> None:
    """The order counts: what was set aside is the shop's."""
    _move(
        order,
        "capture",
        Kind.HELD,
        Kind.SALES,
        kind="capture",
        reason="Paid with balance",
    )
    if order.amount_balance:
        signals.tell(order.pk, signals.balance_spent)


def give_back(order: Order) -> None:
    """The order was not paid: what was set aside can be spent again."""
    _move(
        order,
        "return",
        Kind.HELD,
        Kind.WALLET,
        kind="return",
        reason="Returned to you",
        restores=spends(order),
    )


def spends(order: Order) -> tuple[str, ...]:
    """The keys under which the order took from the wallet, for whoever gives back."""
    return tuple(f"order:{order.pk}:{step}" for step in ("hold", "rehold"))


def _move(order, step, debit, credit, *, kind, reason, restores=()):
    if not order.amount_balance:
        return
    ledger.post(
        key=f"order:{order.pk}:{step}",
        debit=(order.user, debit),
        credit=(None if credit == Kind.SALES else order.user, credit),
        amount=order.amount_balance,
        currency=order.currency,
        kind=kind,
        reason=reason,
        reference=order.code,
        restores=restores,
    )
