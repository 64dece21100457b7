"""Give money back: say first what would happen, then do exactly that or nothing.

`plan` reads the facts and writes a small balance sheet; `execute` does it in three
beats: the request is committed with its idempotency key, Stripe is asked outside any
transaction, the answer is recorded by `reversals`, as a webhook would.
"""

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import User
from orders import payments, reversals
from orders.models import Dispute, Order, OrderLine, Payment, Refund, RefundLine
from shop.kit import jobs, money
from shop.kit.currencies import step
from shop.kit.money import format_money

logger = logging.getLogger("tandem.refunds")

ASKED_AGAIN_AFTER = timedelta(minutes=1)
MOST_ASKED = 100


class NotRefundable(Exception):
    """It cannot be done; the message is for a person."""


class FactsChanged(Exception):
    """Something moved since the plan was shown. Nothing was done."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants back: pieces of lines by id, delivery, a free amount, all.

    Minor units. `payment` picks one of several payments.
    """

    pieces: tuple[tuple[int, int], ...] = ()
    shipping: bool = False
    amount: int = 0
    everything: bool = False
    restock: bool = False
    cancels: bool = False
    notify: bool = True
    reason: str = ""
    payment: int | None = None


@dataclass(frozen=True)
class Entry:
    """One row of the balance sheet; only `is_public` ones are the customer's to see."""

    label: str
    value: str
    note: str = ""
    is_public: bool = True


@dataclass(frozen=True)
class Outcome:
    """What consequences are judged by, once the refund is done; in minor units.

    `goods` counts what is given back now, delivery apart.
    """

    goods: int
    total: int
    cancels: bool


@dataclass(frozen=True)
class Piece:
    """Pieces of one line that go back, and how many of them onto the shelf."""

    line: OrderLine
    quantity: int
    restocked: int
    amount: int


@dataclass(frozen=True)
class Plan:
    """What would happen, as a balance sheet. `version` stands for all facts read."""

    order: Order
    wish: Wish
    payment: Payment | None
    pieces: tuple[Piece, ...]
    amount_card: int
    amount_balance: int
    amount_shipping: int
    amount_left: int
    sheet: tuple[Entry, ...]
    version: str

    @property
    def amount(self) -> int:
        return self.amount_card + self.amount_balance

    @property
    def public_sheet(self) -> list[Entry]:
        return [entry for entry in self.sheet if entry.is_public]


@dataclass(frozen=True)
class Facts:
    """Everything about an order's money that a plan depends on; ids and minor units."""

    status: str
    paid: tuple[tuple[int, int, int], ...]  # payment, received, left
    balance_left: int
    shipping_left: int
    lines: tuple[tuple[int, int, int], ...]  # line, pieces left, pieces to restock
    refunds: tuple[tuple[int, str], ...]
    is_disputed: bool


def plan(order: Order, wish: Wish) -> Plan:
    """What `wish` would come to now. Raises NotRefundable. Writes nothing."""
    read = _Read(order)
    facts = read.facts()
    _refuse_closed(facts, wish)
    payment, left = _payment_for(facts, wish, read)
    chosen = payment.pk if payment else None
    if wish.cancels and any(rest for pk, _, rest in facts.paid if pk != chosen):
        raise NotRefundable(
            "It was paid more than once: the other money goes back first."
        )
    pieces = _pieces(facts, wish, read)
    shipping = facts.shipping_left if wish.shipping or wish.everything else 0
    if wish.everything:
        wanted = left + facts.balance_left
    else:
        wanted = sum(piece.amount for piece in pieces) + shipping + wish.amount
    if wish.amount != money.floor(wish.amount, order.currency):
        smallest = format_money(step(order.currency), order.currency)
        raise NotRefundable(f"Money goes back in steps of {smallest}.")
    if wanted > left + facts.balance_left:
        most = format_money(left + facts.balance_left, order.currency)
        raise NotRefundable(f"Only {most} is left to give back.")
    if not wanted and not wish.cancels:
        raise NotRefundable("Nothing is left to give back.")
    # To the card up to what the card paid; never cash for balance.
    card = min(wanted, left)
    made = {
        "order": order,
        "wish": wish,
        "payment": payment if card else None,
        "pieces": pieces,
        "amount_card": card,
        "amount_balance": wanted - card,
        "amount_shipping": min(shipping, wanted),
        "amount_left": left,
    }
    sheet = tuple(_sheet(made, read))
    return Plan(**made, sheet=sheet, version=_version(facts, wish, sheet))


def execute(plan: Plan, actor: User | None, origin=Refund.Origin.STAFF) -> Refund:
    """Do exactly what the plan says, once.

    Raises FactsChanged; payments.RefundRefused when Stripe says no (the books are as
    before); payments.PaymentUnavailable when its answer is lost: then the request
    stands, and the worker asks again.
    """
    try:
        refund = _request(plan, actor, origin)
    except IntegrityError as error:  # two at once: the database took the first
        raise FactsChanged(plan.order.code) from error
    return refund if refund.accepted_at else _ask(refund)


def finish_requested() -> int:
    """Ask Stripe again for refunds whose answer is missing; how many got one.

    Those that were not asked for lately come first.
    """
    # Of a younger one somebody waits for the first answer right now.
    late = timezone.now() - ASKED_AGAIN_AFTER
    waiting = (
        Refund.objects.filter(state=Refund.State.REQUESTED, payment__isnull=False)
        .filter(Q(origin=Refund.Origin.AUTOMATIC) | Q(created_at__lte=late))
        .select_related("order", "payment")
        .order_by(F("asked_again_at").asc(nulls_first=True), "pk")
    )
    count = 0
    for refund in list(waiting[:MOST_ASKED]):
        Refund.objects.filter(pk=refund.pk).update(asked_again_at=timezone.now())
        try:
            _ask(refund, again=True)
        except (payments.RefundRefused, payments.PaymentUnavailable):
            logger.warning("refund %s is not made yet", refund.pk)
        except Exception:  # one that breaks keeps no other from its money
            logger.exception("refund %s cannot be written down", refund.pk)
        else:
            count += 1
    return count


@jobs.every("finish-refunds", minutes=1)
@jobs.job(attempts=1)
def finish_requested_refunds() -> None:
    finish_requested()


def _request(shown, actor, origin):
    """Beat one: under the order's lock, the plan as shown or nothing."""
    with transaction.atomic():
        order = (
            Order.objects.select_for_update(no_key=True, of=("self",))
            .select_related("user")
            .get(pk=shown.order.pk)
        )
        try:
            now = plan(order, shown.wish)
        except NotRefundable as error:
            raise FactsChanged(str(error)) from error
        if now.version != shown.version:
            raise FactsChanged(order.code)
        refund = Refund.objects.create(
            order=order,
            payment=now.payment,
            idempotency_key=reversals.new_key(order),
            amount_card=now.amount_card,
            amount_balance=now.amount_balance,
            amount_shipping=now.amount_shipping,
            amount_left=now.amount_left,
            currency=order.currency,
            cancels=shown.wish.cancels,
            notifies=shown.wish.notify,
            origin=origin,
            reason=shown.wish.reason,
            actor=actor,
        )
        RefundLine.objects.bulk_create(
            RefundLine(
                refund=refund,
                line=piece.line,
                quantity=piece.quantity,
                restocked=piece.restocked,
                amount=piece.amount,
            )
            for piece in now.pieces
        )
        if not refund.amount_card:
            reversals.accept_without_card(refund)
    return refund


def _ask(refund, again=False):
    """Beats two and three."""
    try:
        said = payments.refund(refund, again=again)
    except payments.RefundRefused as error:
        reversals.note_refused(refund, str(error))
        raise
    reversals.record_refund(said)
    refund.refresh_from_db()
    return refund


class _Read:
    """The rows behind the facts, read once."""

    def __init__(self, order):
        self.order = order
        self.lines = list(order.lines.select_related("variant"))
        self.payments = list(order.payments.filter(status=Payment.Status.PAID))
        self.refunds = list(order.refunds.prefetch_related("lines"))
        self.disputes = list(Dispute.objects.filter(payment__order=order))
        self.discounts = list(order.discounts.all())

    def facts(self):
        standing = [refund for refund in self.refunds if _stands(refund)]
        # Balance and goods of a failed refund went back all the same.
        effective = [each for each in self.refunds if _stands(each) or each.accepted_at]
        # What never counted gave its balance and its goods back when it was closed.
        counted = self.order.confirmed_at is not None
        balance = self.order.amount_balance if counted else 0
        return Facts(
            status=self.order.status,
            paid=tuple(
                (payment.pk, payment.amount_received, self._left(payment, standing))
                for payment in self.payments
            ),
            balance_left=balance - sum(each.amount_balance for each in effective),
            shipping_left=self.order.amount_shipping
            - sum(each.amount_shipping for each in standing),
            lines=tuple(
                (
                    line.pk,
                    line.quantity - _of(standing, line, "quantity"),
                    line.quantity - _of(effective, line, "restocked") if counted else 0,
                )
                for line in self.lines
            ),
            refunds=tuple((refund.pk, refund.state) for refund in self.refunds),
            is_disputed=any(_takes_money(each) for each in self.disputes),
        )

    def _left(self, payment, standing):
        back = sum(
            refund.amount_card for refund in standing if refund.payment_id == payment.pk
        )
        lost = sum(
            dispute.amount
            for dispute in self.disputes
            if dispute.payment_id == payment.pk and dispute.status == "lost"
        )
        # A bank may take a part that is finer than what a card can be paid back in.
        left = money.floor(payment.amount_received - back - lost, payment.currency)
        return max(0, left)


def _stands(refund):
    return refund.state not in (Refund.State.FAILED, Refund.State.CANCELLED)


def _of(refunds, line, field):
    return sum(
        getattr(row, field)
        for refund in refunds
        for row in refund.lines.all()
        if row.line_id == line.pk
    )


def _takes_money(dispute):
    warning = dispute.status.startswith("warning")
    return not (dispute.closed_at or warning or dispute.status == Dispute.FRAUD_WARNING)


def _refuse_closed(facts, wish):
    if any(state == Refund.State.REQUESTED for _, state in facts.refunds):
        raise NotRefundable(
            "A refund waits for Stripe's answer. Try again in a minute."
        )
    if facts.is_disputed:
        raise NotRefundable(
            "The payment is disputed: the bank decides about its money."
        )
    if wish.cancels and facts.status != Order.Status.CONFIRMED:
        raise NotRefundable("This order cannot be cancelled any more.")


def _payment_for(facts, wish, read):
    """The payment that gives back, and what is left of it; the fullest, if any will do.

    A customer who paid twice is refunded payment by payment.
    """
    choices = [row for row in facts.paid if wish.payment in (None, row[0])]
    if not choices:
        return None, 0
    pk, _, left = max(choices, key=lambda row: row[2])
    return next(each for each in read.payments if each.pk == pk), left


def _pieces(facts, wish, read):
    lines = {line.pk: line for line in read.lines}
    left = {pk: (pieces, shelf) for pk, pieces, shelf in facts.lines}
    wanted = dict(wish.pieces)
    if wish.everything:
        wanted = {pk: pieces for pk, (pieces, _) in left.items()}
    found = []
    for pk, quantity in wanted.items():
        if pk not in left or not 0 <= quantity <= left[pk][0]:
            raise NotRefundable("More pieces than are left of a line.")
        if quantity:
            line = lines[pk]
            shelf = min(quantity, left[pk][1]) if wish.restock else 0
            gone = line.quantity - left[pk][0]
            smallest = step(read.order.currency)
            amount = _worth(line, gone + quantity, smallest)
            amount -= _worth(line, gone, smallest)
            found.append(Piece(line, quantity, shelf, amount))
    return tuple(found)


def _worth(line, quantity, smallest):
    """Of so many pieces, after their share of the discount: all parts sum exactly."""
    paid = (line.amount - line.amount_discount) // smallest
    return paid * quantity // line.quantity * smallest


def _sheet(made, read):
    """The plan in words, for staff; the customer reads the public part."""
    order, wish = made["order"], made["wish"]
    if made["amount_card"]:
        value = format_money(made["amount_card"], order.currency)
        yield Entry("To the card", value, made["payment"].card)
    if made["amount_balance"]:
        value = format_money(made["amount_balance"], order.currency)
        yield Entry("To the balance", value)
    if made["amount_shipping"]:
        value = format_money(made["amount_shipping"], order.currency)
        yield Entry("Delivery in it", value)
    for piece in made["pieces"]:
        note = f"{piece.restocked} back on the shelf" if piece.restocked else ""
        name = f"{piece.line.product_name} {piece.line.variant_name}".strip()
        yield Entry(name, f"{piece.quantity} of {piece.line.quantity}", note)
    for discount in read.discounts:
        note = "Ends with the order" if wish.cancels else "Stays granted"
        value = format_money(discount.amount, order.currency)
        yield Entry(discount.label, value, note)
    shipping = made["amount_shipping"]
    total = made["amount_card"] + made["amount_balance"]
    outcome = Outcome(goods=total - shipping, total=total, cancels=wish.cancels)
    for path in settings.REFUND_CONSEQUENCES:
        yield from import_string(path)(order, outcome)
    if wish.cancels:
        yield Entry("The order", "Cancelled")
    kind = "Cancelled" if wish.cancels else "Refunded"
    yield Entry("Mail", order.email, kind) if wish.notify else Entry("Mail", "None")


def _version(facts, wish, sheet):
    read = [asdict(facts), asdict(wish), [asdict(entry) for entry in sheet]]
    return hashlib.sha256(json.dumps(read, default=str).encode()).hexdigest()
