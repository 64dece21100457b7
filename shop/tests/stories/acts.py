"""What may happen in a story: a friend buys, banks and staff do what they do.

A story is a beginning and a list of acts. An act names a verb, the order it is about
and a figure that the verb reads as it likes; one that cannot happen is told so, and
that is an outcome like any other.
"""

from dataclasses import dataclass
from typing import NamedTuple

from accounts import ledger
from catalog import stock
from orders import (
    buying,
    cancellations,
    checkout,
    confirmation,
    disputes,
    payments,
    refunds,
)
from orders.models import Cart, Dispute, Order, Payment, Refund
from orders.tests.factories import details, fill, let_go
from shop.sandbox.stripe import refunds as stripe_refunds
from shop.sandbox.stripe import store
from shop.sandbox.stripe.errors import ApiError

CARDS = ("4242424242424242", "4000000000007726", "4000002500003155")


class Act(NamedTuple):
    verb: str
    order: int = 0
    figure: int = 0


@dataclass(frozen=True)
class Beginning:
    """Days that a reward waits, the friend's balance, whether Stripe offers debits."""

    hold_days: int = 0
    balance: int = 0
    allows_debit: bool = False


@dataclass(frozen=True)
class Story:
    beginning: Beginning
    acts: tuple[Act, ...]


class Impossible(Exception):
    """There is nothing that it could be done to."""


# What people are told when their wish cannot be met; nothing else may be raised.
REFUSALS = (
    Impossible,
    ApiError,
    refunds.NotRefundable,
    refunds.FactsChanged,
    payments.PaymentUnavailable,
    payments.RefundRefused,
    payments.AlreadyPaid,
    checkout.CartEmpty,
    checkout.TooSmall,
    stock.OutOfStock,
    ledger.InsufficientBalance,
)


def attempt(verb, stage, act) -> str:
    """Do it; what came of it, in a word."""
    try:
        return verb(stage, act) or "done"
    except REFUSALS as refusal:
        return type(refusal).__name__


# Of the customers


def order(stage, act):
    """The friend buys: pieces of a lamp, the last of its kind, or both."""
    wanted = [{stage.lamp: 2}, {stage.lamp: 3}, {stage.last: 1}]
    wanted += [{stage.lamp: 1, stage.last: 1}]
    return _buy(stage, stage.friend, wanted[act.figure % 4])


def spend(stage, act):
    """The inviter buys one lamp and uses what the balance holds."""
    return _buy(stage, stage.inviter, {stage.lamp: 1})


def snatch(stage, act):
    """The last piece is sold at the door."""
    cause = f"door:{len(stage.outcomes)}"
    stock.take({stage.last: 1}, cause=cause, reason="Sold at the door")


def cancel(stage, act):
    """The buyer takes a paid order back."""
    chosen = _chosen(stage, act)
    if cancellations.refusal(chosen):
        raise Impossible
    wish = refunds.Wish(everything=True, restock=True, cancels=True, reason="Changed")
    _refund(chosen, wish, chosen.user, Refund.Origin.CUSTOMER)


def pay(stage, act):
    """By card; some cards take refunds slowly, some ask for 3-D Secure."""
    number = CARDS[act.figure % len(CARDS)]
    return _paid(stage.stripe.pay(_page(stage, act), number))


def decline(stage, act):
    return _paid(stage.stripe.pay(_page(stage, act), "4000000000000002"))


def debit(stage, act):
    """A bank debit, under way for days, where Stripe offers one."""
    if not stage.allows_debit:
        raise Impossible
    return _paid(stage.stripe.pay_by_debit(_page(stage, act)))


# Of Stripe and the banks


def arrive(stage, act):
    stage.stripe.debits.arrive(_page(stage, act))


def bounce(stage, act):
    stage.stripe.debits.fail(_page(stage, act))


def lapse(stage, act):
    """The page at Stripe runs out of time."""
    stage.stripe.expire(_page(stage, act))


def give_back(stage, act):
    """In Stripe's dashboard: a third, a half or all of what is left."""
    charge = _charge(stage, act)
    left = charge["amount"] - charge["amount_refunded"]
    amount = left // (3, 2, 1)[act.figure % 3]
    asked = {"charge": charge["id"], "amount": amount}
    with store.transaction(stage.stripe.config) as tx:
        stripe_refunds.create(tx, asked)


def refund_fails(stage, act):
    stage.stripe.refunds.fail(_of_charge(stage, act, "refund"))


def refund_arrives(stage, act):
    stage.stripe.refunds.succeed(_of_charge(stage, act, "refund"))


def call_off(stage, act):
    stage.stripe.refunds.call_off(_of_charge(stage, act, "refund"))


def dispute(stage, act):
    stage.stripe.disputes.open(_charge(stage, act)["id"])


def inquire(stage, act):
    stage.stripe.disputes.open(_charge(stage, act)["id"], inquiry=True)


def escalate(stage, act):
    stage.stripe.disputes.escalate(_of_charge(stage, act, "dispute"))


def win(stage, act):
    stage.stripe.disputes.win(_of_charge(stage, act, "dispute"))


def lose(stage, act):
    stage.stripe.disputes.lose(_of_charge(stage, act, "dispute"))


def warn(stage, act):
    stage.stripe.disputes.warn(_charge(stage, act)["id"])


# Of the shop


def refund_amount(stage, act):
    _staff_refund(stage, act, amount=(1, 700, 1900, 3000)[act.figure % 4])


def refund_pieces(stage, act):
    line = _chosen(stage, act).lines.order_by("pk").first()
    pieces = ((line.pk, 1 + act.figure % 2),)
    _staff_refund(stage, act, pieces=pieces, restock=act.figure % 3 == 0)


def refund_delivery(stage, act):
    _staff_refund(stage, act, shipping=True)


def refund_all(stage, act):
    _staff_refund(stage, act, everything=True, restock=act.figure % 2 == 0)


def cancel_by_staff(stage, act):
    """A paid order ends with a refund, an unpaid one is closed at Stripe first."""
    chosen = _chosen(stage, act)
    if chosen.status == Order.Status.PENDING:
        payments.close(chosen)
        confirmation.cancel_order(chosen.pk, reason="By the shop", actor=stage.staff)
    else:
        _staff_refund(stage, act, everything=True, restock=True, cancels=True)


def give_up(stage, act):
    """The shop lets an unpaid order go while its page at Stripe can still be paid."""
    let_go(_chosen(stage, act))


def dismiss(stage, act):
    warnings = Dispute.objects.filter(status=Dispute.FRAUD_WARNING).order_by("pk")
    if not warnings:
        raise Impossible
    if not disputes.dismiss_warning(warnings[act.figure % len(warnings)], stage.staff):
        return "closed already"


def wait(stage, act):
    """An hour, a day and a half, or a week."""
    stage.pass_time(hours=(1, 36, 168)[act.figure % 3])


def _buy(stage, user, quantities):
    cart, _ = Cart.objects.get_or_create(user=user)
    cart.lines.all().delete()
    for variant, quantity in quantities.items():
        fill(cart, variant, quantity)
    placed = buying.place(cart, user, details(email=user.email))
    if placed.amount_due and placed.status == Order.Status.PENDING:
        payments.start(placed)
        if stage.allows_debit:
            _offer_debit(stage, placed)
    return placed.status


def _offer_debit(stage, placed):
    """As a session of another shop might; this one asks for cards only."""
    session_id = placed.payments.get(status=Payment.Status.OPEN).session_id
    with store.transaction(stage.stripe.config) as tx:
        session = store.get(tx, "checkout.session", session_id)
        session["payment_method_types"] = ["card", "us_bank_account"]
        store.update(tx, session)


def _staff_refund(stage, act, **wish):
    _refund(_chosen(stage, act), refunds.Wish(**wish), stage.staff, Refund.Origin.STAFF)


def _refund(chosen, wish, actor, origin):
    refunds.execute(refunds.plan(chosen, wish), actor, origin)


def _chosen(stage, act):
    orders = list(stage.orders())
    if not orders:
        raise Impossible
    return orders[act.order % len(orders)]


def _page(stage, act):
    """The newest page at Stripe of the chosen order."""
    attempt = _chosen(stage, act).payments.order_by("pk").last()
    if not attempt or not attempt.session_id:
        raise Impossible
    return attempt.session_id


def _paid(where):
    return "paid" if where else "stays on the page"


def _charge(stage, act):
    session = stage.stripe.object("checkout.session", _page(stage, act))
    intent = session["payment_intent"]
    found = intent and stage.stripe.object("payment_intent", intent)["latest_charge"]
    if not found:
        raise Impossible
    charge = stage.stripe.object("charge", found)
    if not charge["paid"]:
        raise Impossible
    return charge


def _of_charge(stage, act, kind):
    """One of the refunds or disputes of the chosen order's payment."""
    charge = _charge(stage, act)["id"]
    with store.transaction(stage.stripe.config) as tx:
        found = [row["id"] for row in store.every(tx, kind) if row["charge"] == charge]
    if not found:
        raise Impossible
    return found[act.figure % len(found)]


# Each verb, and whether it depends on what the shop has heard: before such an act
# everything that was said has arrived, in every telling.
VERBS = {
    verb.__name__: (verb, depends)
    for depends, verbs in (
        (False, (pay, decline, debit, arrive, bounce, lapse)),
        (False, (give_back, refund_fails, refund_arrives, call_off)),
        (False, (dispute, inquire, escalate, win, lose, warn)),
        (True, (order, spend, snatch, cancel)),
        (True, (refund_amount, refund_pieces, refund_delivery, refund_all)),
        (True, (cancel_by_staff, give_up, dismiss, wait)),
    )
    for verb in verbs
}
