"""What is left when a story is over: everything that people, shelves and books show.

Rows are named by what they are about and not by their numbers, sorted, and without
moments, so that two tellings of one story can be compared.
"""

from collections import Counter
from dataclasses import dataclass

from accounts.models import LedgerAccount, Transfer
from catalog.models import StockMovement, Variant
from orders.models import CartLine, Dispute, Order, OrderEvent, Payment, Refund
from referrals.models import Reward, Settlement
from shop.kit.models import Message

LIVE = (Reward.State.PENDING, Reward.State.AVAILABLE)
# Whether these are written depends on what the worker saw at the time it looked.
_OF_REWARDS = "reward_"


@dataclass(frozen=True)
class Picture:
    """The end of a story, comparable with `==`; amounts in minor units."""

    outcomes: list
    orders: list
    payments: list
    refunds: list
    disputes: list
    stock: dict
    movements: list
    balances: dict
    carts: list
    rewards: list
    settlements: list
    mails: list

    def without_detours(self) -> dict:
        """As if rewards that came and went again had never come.

        A worker that looks between two messages may pay a reward that the second one
        takes back; one that looks later never pays it. Who has what is the same.
        """
        plain = dict(vars(self))
        plain["rewards"] = [row for row in self.rewards if row[1] in LIVE]
        plain["mails"] = [
            row for row in self.mails if not row[0].startswith(_OF_REWARDS)
        ]
        return plain


def take(outcomes: list) -> Picture:
    """The picture of the whole database; `outcomes` is what people were told."""
    names = _Names()
    return Picture(
        outcomes=list(outcomes),
        orders=[_order(order) for order in Order.objects.order_by("pk")],
        payments=sorted(
            (names.order[row.order_id], row.status, row.amount, row.amount_received)
            for row in Payment.objects.all()
        ),
        refunds=sorted(names.refund.values()),
        disputes=sorted(
            (
                names.order[row.payment.order_id],
                row.status,
                row.amount,
                row.reason,
                row.closed_at is not None,
            )
            for row in Dispute.objects.select_related("payment")
        ),
        stock=dict(Variant.objects.values_list("sku", "stock")),
        movements=sorted(
            (names.cause(row.key), row.variant.sku, row.quantity)
            for row in StockMovement.objects.select_related("variant")
        ),
        balances=_balances(),
        carts=sorted(CartLine.objects.values_list("variant__sku", "quantity")),
        rewards=sorted(_reward(row, names) for row in Reward.objects.all()),
        settlements=sorted(
            (names.order[row.order_id], row.reason) for row in Settlement.objects.all()
        ),
        mails=sorted(
            (row.kind, names.cause(row.subject_row), row.recipient)
            for row in Message.objects.all()
            if not names.is_about_failure(row.subject_row)
        ),
    )


def timeline(order: Order) -> Counter:
    """What the customer reads about an order, in no order."""
    return Counter(
        OrderEvent.objects.filter(order=order, is_public=True).values_list(
            "kind", flat=True
        )
    )


class _Names:
    """Rows by what they are about: an order's place in the story, a refund's sums."""

    def __init__(self):
        orders = Order.objects.order_by("pk").values_list("pk", flat=True)
        self.order = {pk: place for place, pk in enumerate(orders)}
        self.refund = {row.pk: self._refund(row) for row in Refund.objects.all()}
        self._reward = dict(Reward.objects.values_list("pk", "order"))
        self._failed = set(
            Refund.objects.filter(failed_at__isnull=False).values_list("pk", flat=True)
        ) | set(Refund.objects.filter(state="cancelled").values_list("pk", flat=True))

    def cause(self, key: str) -> str:
        """`refund:17:return:4` with the story's names for its numbers."""
        word, _, rest = key.partition(":")
        number, _, step = rest.partition(":")
        step = step.partition(":")[0]
        if word == "order":
            return f"order {self.order[int(number)]} {step}"
        if word == "refund":
            return f"refund {self.refund[int(number)]} {step}"
        if word == "reward":
            return f"reward of {self.order[self._reward[int(number)]]}"
        return word

    def is_about_failure(self, key: str) -> bool:
        """Whoever hears of a refund and its failure at once tells nobody of money."""
        word, _, number = key.partition(":")
        return word == "refund" and int(number) in self._failed

    def _refund(self, row):
        return (
            self.order[row.order_id],
            row.origin,
            row.amount_card,
            row.amount_balance,
            row.amount_shipping,
            row.state,
            row.reason,
            row.accepted_at is not None,
            row.resolved_at is not None,
            row.cancels,
        )


def _order(order):
    return (
        order.status,
        order.held_because,
        order.confirmed_at is not None,
        order.amount_total,
        order.amount_balance,
        order.amount_due,
        sorted(timeline(order).items()),
    )


def _reward(row, names):
    figures = (row.amount, row.amount_frozen)
    return (names.order[row.order_id], row.state, *figures, row.reason)


def _balances():
    """Every account that holds something, the shop's own summed from transfers."""
    moved = Counter()
    for transfer in Transfer.objects.all():
        moved[transfer.credit_id] += transfer.amount
        moved[transfer.debit_id] -= transfer.amount
    return {
        (account.owner and account.owner.email, account.kind): moved[account.pk]
        for account in LedgerAccount.objects.select_related("owner")
        if moved[account.pk]
    }
