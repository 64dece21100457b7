"""What must be true of orders, their goods and their money.

One rule, one function: what refunds must obey is added here, too.
"""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.models import LedgerAccount, Transfer
from catalog.models import StockMovement
from orders import disputes, payments, reconciler
from orders.models import Dispute, Order, Payment, Refund
from shop.kit import books
from shop.kit.books import Row, ask, part, rule

# How far back Stripe's own list is compared with ours.
COMPARED = timedelta(days=30)
# What Stripe took a moment ago may still be on its way to us.
IN_FLIGHT = timedelta(minutes=1)
# A session lives for a day at most, so its attempt began no earlier than that.
LONGEST_ATTEMPT = timedelta(days=1)
# A refund made in Stripe's dashboard is written here when its event arrives.
HEARD_WITHIN = timedelta(days=4)

ASK_STRIPE = books.Repair("Ask Stripe again", reconciler.ask_again)


@rule("An order's goods are the sum of its lines", Order)
def goods():
    return ask(_lines_against("amount_goods", "amount"))


@rule("An order's discount is the sum of its lines' shares", Order)
def shares():
    return ask(_lines_against("amount_discount", "amount_discount"))


@rule("An order's tax is the sum of its lines' tax", Order)
def tax():
    return ask(_lines_against("amount_tax", "amount_tax"))


@rule("An order's discount is the sum of its discounts", Order)
def discounts():
    return ask(
        """
        SELECT shop_order.id, COALESCE(given.total, 0), shop_order.amount_discount
        FROM orders_order shop_order
        LEFT JOIN (
            SELECT order_id, SUM(amount) AS total
            FROM orders_orderdiscount
            GROUP BY order_id
        ) given ON given.order_id = shop_order.id
        WHERE shop_order.amount_discount <> COALESCE(given.total, 0)
        ORDER BY shop_order.id
        """
    )


@rule("An order's parts make its total, and its total what is due", Order)
def totals():
    parts = "amount_goods + amount_shipping + amount_tax - amount_discount"
    return ask(
        f"""
        SELECT id, {parts} - amount_balance, amount_due
        FROM orders_order
        WHERE amount_total <> {parts} OR amount_due <> amount_total - amount_balance
        ORDER BY id
        """
    )


@rule("An order that lives has its goods, and a closed one gave them back", Order)
def taken():
    """Pieces that its movements took, net, against the pieces of its lines."""
    return ask(
        f"""
        SELECT wanted.order_id,
               SUM(wanted.pieces),
               SUM(COALESCE(moved.pieces, 0))
        FROM (
            SELECT line.order_id, line.variant_id,
                   CASE WHEN shop_order.status = 'pending'
                             OR shop_order.confirmed_at IS NOT NULL
                        THEN line.quantity ELSE 0 END AS pieces
            FROM orders_orderline line
            JOIN orders_order shop_order ON shop_order.id = line.order_id
        ) wanted
        LEFT JOIN (
            SELECT {part("key", 2)} AS order_id, variant_id, -SUM(quantity) AS pieces
            FROM catalog_stockmovement
            WHERE key LIKE 'order:%:take:%'
               OR key LIKE 'order:%:return:%'
               OR key LIKE 'order:%:retake:%'
            GROUP BY 1, 2
        ) moved
          ON moved.order_id = wanted.order_id AND moved.variant_id = wanted.variant_id
        WHERE wanted.pieces <> COALESCE(moved.pieces, 0)
        GROUP BY wanted.order_id
        ORDER BY wanted.order_id
        """
    )


@rule("Stock that moved for an order or a refund moved for a line of it", StockMovement)
def moved_for_a_line():
    return ask(
        f"""
        SELECT movement.id, 'a line', movement.key
        FROM catalog_stockmovement movement
        LEFT JOIN orders_orderline line
               ON line.order_id = {part("movement.key", 2)}
              AND line.variant_id = movement.variant_id
        WHERE movement.key LIKE 'order:%'
          AND (line.id IS NULL
               OR NOT (movement.key LIKE 'order:%:take:%'
                       OR movement.key LIKE 'order:%:return:%'
                       OR movement.key LIKE 'order:%:retake:%'))
        UNION ALL
        SELECT movement.id, 'a line', movement.key
        FROM catalog_stockmovement movement
        LEFT JOIN (
            SELECT back.refund_id, line.variant_id
            FROM orders_refundline back
            JOIN orders_orderline line ON line.id = back.line_id
        ) back ON back.refund_id = {part("movement.key", 2)}
              AND back.variant_id = movement.variant_id
        WHERE movement.key LIKE 'refund:%' AND back.refund_id IS NULL
        ORDER BY 1
        """
    )


@rule("What a refund puts back on the shelf is there once", Refund)
def shelved():
    return ask(
        f"""
        SELECT refund.id,
               CASE WHEN refund.accepted_at IS NOT NULL
                    THEN COALESCE(line.pieces, 0) ELSE 0 END,
               COALESCE(moved.pieces, 0)
        FROM orders_refund refund
        LEFT JOIN (
            SELECT refund_id, SUM(restocked) AS pieces
            FROM orders_refundline
            GROUP BY refund_id
        ) line ON line.refund_id = refund.id
        LEFT JOIN (
            SELECT {part("key", 2)} AS refund_id, SUM(quantity) AS pieces
            FROM catalog_stockmovement
            WHERE key LIKE 'refund:%'
            GROUP BY 1
        ) moved ON moved.refund_id = refund.id
        WHERE COALESCE(moved.pieces, 0) <>
              CASE WHEN refund.accepted_at IS NOT NULL
                   THEN COALESCE(line.pieces, 0) ELSE 0 END
        ORDER BY refund.id
        """
    )


@rule("An order is in the state that its list of events ends with", Order)
def told():
    return ask(
        """
        SELECT shop_order.id, COALESCE(event."after", ''), shop_order.status
        FROM orders_order shop_order
        LEFT JOIN (
            SELECT order_id, MAX(id) AS id
            FROM orders_orderevent
            WHERE "after" <> ''
            GROUP BY order_id
        ) latest ON latest.order_id = shop_order.id
        LEFT JOIN orders_orderevent event ON event.id = latest.id
        WHERE shop_order.status <> COALESCE(event."after", '')
        ORDER BY shop_order.id
        """
    )


@rule("What is held for a person is the balance their open orders use", LedgerAccount)
def holds():
    return ask(
        """
        SELECT account.id, COALESCE(used.total, 0), account.balance
        FROM accounts_ledgeraccount account
        LEFT JOIN (
            SELECT user_id, currency, SUM(amount_balance) AS total
            FROM orders_order
            WHERE status = 'pending' AND user_id IS NOT NULL
            GROUP BY user_id, currency
        ) used ON used.user_id = account.owner_id AND used.currency = account.currency
        WHERE account.kind = 'held' AND account.balance <> COALESCE(used.total, 0)
        UNION ALL
        SELECT 0, SUM(shop_order.amount_balance), 0
        FROM orders_order shop_order
        LEFT JOIN accounts_ledgeraccount account
               ON account.owner_id = shop_order.user_id
              AND account.currency = shop_order.currency AND account.kind = 'held'
        WHERE shop_order.status = 'pending' AND shop_order.amount_balance > 0
          AND account.id IS NULL
        GROUP BY shop_order.user_id, shop_order.currency
        ORDER BY 1
        """
    )


@rule("Balance is captured once by each confirmed order, and by no other", Order)
def captures():
    return ask(
        f"""
        SELECT shop_order.id,
               CASE WHEN shop_order.confirmed_at IS NOT NULL
                    THEN shop_order.amount_balance ELSE 0 END,
               COALESCE(captured.total, 0)
        FROM orders_order shop_order
        LEFT JOIN (
            SELECT {part("key", 2)} AS order_id, SUM(amount) AS total
            FROM accounts_transfer
            WHERE key LIKE 'order:%:capture'
            GROUP BY 1
        ) captured ON captured.order_id = shop_order.id
        WHERE COALESCE(captured.total, 0) <>
              CASE WHEN shop_order.confirmed_at IS NOT NULL
                   THEN shop_order.amount_balance ELSE 0 END
        ORDER BY shop_order.id
        """
    )


@rule("Balance that moved for an order or a refund is its own customer's", Transfer)
def moved_for_its_customer():
    """Of the amount that the order or the refund names."""
    return ask(
        f"""
        SELECT transfer.id,
               COALESCE(cause.user_id, 0),
               COALESCE(debit.owner_id, credit.owner_id, 0)
        FROM accounts_transfer transfer
        JOIN accounts_ledgeraccount debit ON debit.id = transfer.debit_id
        JOIN accounts_ledgeraccount credit ON credit.id = transfer.credit_id
        LEFT JOIN (
            SELECT 'order' AS kind, id, user_id, amount_balance
            FROM orders_order
            UNION ALL
            SELECT 'refund', refund.id, shop_order.user_id, refund.amount_balance
            FROM orders_refund refund
            JOIN orders_order shop_order ON shop_order.id = refund.order_id
        ) cause ON transfer.key LIKE cause.kind || ':%'
               AND cause.id = {part("transfer.key", 2)}
        WHERE (transfer.key LIKE 'order:%' OR transfer.key LIKE 'refund:%')
          AND (cause.id IS NULL
               OR transfer.amount <> cause.amount_balance
               OR debit.owner_id <> cause.user_id
               OR credit.owner_id <> cause.user_id)
        ORDER BY transfer.id
        """
    )


@rule("What we asked Stripe to give back is within what the payment brought", Payment)
def within_received():
    """A refund made in Stripe's dashboard is a fact without a ceiling."""
    return ask(
        """
        SELECT payment.id, payment.amount_received, SUM(refund.amount_card)
        FROM orders_payment payment
        JOIN orders_refund refund ON refund.payment_id = payment.id
        WHERE refund.state NOT IN ('failed', 'cancelled')
          AND refund.origin <> 'stripe'
        GROUP BY payment.id, payment.amount_received
        HAVING SUM(refund.amount_card) > payment.amount_received
        ORDER BY payment.id
        """
    )


@rule("A confirmed order received what was due, or waits for a person's look", Order)
def paid_in_full():
    return ask(
        f"""
        SELECT shop_order.id, shop_order.amount_due, COALESCE(received.total, 0)
        FROM orders_order shop_order
        LEFT JOIN ({_RECEIVED}) received ON received.order_id = shop_order.id
        WHERE shop_order.status = 'confirmed'
          AND shop_order.held_at IS NULL
          AND shop_order.amount_due <> COALESCE(received.total, 0)
          AND (shop_order.reviewed_at IS NULL
               OR shop_order.reviewed_at < received.latest)
        ORDER BY shop_order.id
        """
    )


@rule("Money for an order that is not confirmed waits for a person's look", Order)
def never_quiet():
    return ask(
        f"""
        SELECT shop_order.id, 0, received.total
        FROM orders_order shop_order
        JOIN ({_RECEIVED}) received ON received.order_id = shop_order.id
        WHERE shop_order.confirmed_at IS NULL
          AND shop_order.held_at IS NULL
          AND (shop_order.reviewed_at IS NULL
               OR shop_order.reviewed_at < received.latest)
        ORDER BY shop_order.id
        """
    )


@rule("What a refund puts back into a balance is there once", Refund)
def credits():
    return ask(
        f"""
        SELECT refund.id,
               CASE WHEN refund.accepted_at IS NOT NULL
                    THEN refund.amount_balance ELSE 0 END,
               COALESCE(credited.total, 0)
        FROM orders_refund refund
        LEFT JOIN (
            SELECT {part("key", 2)} AS refund_id, SUM(amount) AS total
            FROM accounts_transfer
            WHERE key LIKE 'refund:%:credit'
            GROUP BY 1
        ) credited ON credited.refund_id = refund.id
        WHERE COALESCE(credited.total, 0) <>
              CASE WHEN refund.accepted_at IS NOT NULL
                   THEN refund.amount_balance ELSE 0 END
        ORDER BY refund.id
        """
    )


@rule(
    "Payments are those of Stripe's own list",
    Payment,
    outside=True,
    repair=ASK_STRIPE,
)
def stripe_payments():
    """Both ways: what Stripe took and we do not know, what we say and Stripe does not.

    An id that is not a payment's is Stripe's, of money that came by no attempt we have.
    """
    now = timezone.now()
    since = now - COMPARED
    listed = _listed(payments.taken_since, since - LONGEST_ATTEMPT)
    taken = {intent["metadata"]["payment"]: intent for intent in listed}
    ours = Payment.objects.filter(
        Q(created_at__gte=since - 2 * LONGEST_ATTEMPT) | Q(paid_at__gte=since)
    )
    for payment in ours.values(
        "pk", "idempotency_key", "amount_received", "paid_at"
    ).iterator(2000):
        intent = taken.pop(payment["idempotency_key"], None)
        if intent is not None:
            found = payment["amount_received"]
            if intent["amount_received"] != found and _has_landed(intent, now):
                yield Row(payment["pk"], intent["amount_received"], found)
        elif payment["paid_at"] and since <= payment["paid_at"] <= now - IN_FLIGHT:
            yield Row(payment["pk"], 0, payment["amount_received"])
    for intent in taken.values():
        if _has_landed(intent, now):
            yield Row(intent["id"], intent["amount_received"], 0)


@rule(
    "Refunds to cards are those of Stripe's own list",
    Refund,
    outside=True,
    repair=ASK_STRIPE,
)
def stripe_refunds():
    """Both ways, as with payments; what failed counts as nothing on either side."""
    now = timezone.now()
    since = now - COMPARED
    listed = _listed(payments.given_back_since, since - HEARD_WITHIN)
    given = {refund["id"]: refund for refund in listed}
    ours = Refund.objects.filter(
        created_at__gte=since - HEARD_WITHIN - LONGEST_ATTEMPT, stripe_id__isnull=False
    )
    for refund in ours.iterator(2000):
        found = refund.amount_card if refund.state in _GIVEN_HERE else 0
        said = given.pop(refund.stripe_id, None)
        if said is None:
            if since <= refund.created_at <= now - IN_FLIGHT:
                yield Row(refund.pk, 0, found)
        elif found != _given(said) and _has_landed(said, now):
            yield Row(refund.pk, _given(said), found)
    # The account may have other shops on it: only refunds of our own payments count.
    intents = {refund["payment_intent"] for refund in given.values()}
    known = Payment.objects.filter(intent_id__in=intents)
    known = set(known.values_list("intent_id", flat=True)) if intents else set()
    for refund in given.values():
        ours = refund["payment_intent"] in known
        if ours and _given(refund) and _has_landed(refund, now):
            yield Row(refund["id"], _given(refund), 0)


@rule(
    "Disputes, and the money they took, are those of Stripe's own list",
    Dispute,
    outside=True,
    repair=ASK_STRIPE,
)
def stripe_disputes():
    """Both ways; each side says the state and what of the money is away, fee apart."""
    now = timezone.now()
    since = now - COMPARED
    listed = _listed(payments.disputed_since, since - HEARD_WITHIN)
    theirs = {dispute["id"]: dispute for dispute in listed}
    ours = Dispute.objects.exclude(status=Dispute.FRAUD_WARNING).filter(
        opened_at__gte=since - HEARD_WITHIN
    )
    for dispute in ours.iterator(2000):
        found = f"{dispute.status}, {_away(dispute)}"
        said = theirs.pop(dispute.stripe_id, None)
        if said is None:
            if since <= dispute.opened_at <= now - IN_FLIGHT:
                yield Row(dispute.pk, "none", found)
        elif not _agrees(dispute, said) and _has_landed(said, now):
            yield Row(dispute.pk, _disputed(said), found)
    intents = {dispute["payment_intent"] for dispute in theirs.values()}
    known = Payment.objects.filter(intent_id__in=intents)
    known = set(known.values_list("intent_id", flat=True)) if intents else set()
    for said in theirs.values():
        if said["payment_intent"] in known and _has_landed(said, now):
            yield Row(said["id"], _disputed(said), "none")


def _agrees(dispute, said):
    """By word and money; what ended by a vague word is written down by its money."""
    word = said["status"]
    if disputes.is_unknown(dispute):
        return word == dispute.status
    is_read = dispute.closed_at and disputes.is_vague(word)
    if word != dispute.status and not is_read:
        return False
    return disputes.money_away(said) == _away(dispute)


def _away(dispute):
    """Money that a dispute of ours took and did not bring back."""
    if dispute.status == "lost":
        return dispute.amount
    asks_only = dispute.status.startswith("warning")
    return 0 if asks_only or dispute.closed_at else dispute.amount


def _disputed(said):
    return f"{said['status']}, {disputes.money_away(said)}"


_GIVEN_HERE = (Refund.State.PENDING, Refund.State.SUCCEEDED)


def _given(refund):
    """What Stripe gives back by this refund."""
    return 0 if refund["status"] in ("failed", "canceled") else refund["amount"]


def _has_landed(said, now):
    return said["created"] <= (now - IN_FLIGHT).timestamp()


def _listed(listing, since):
    """All that Stripe lists since a moment. Raises books.Unreachable."""
    try:
        return list(listing(since))
    except payments.PaymentUnavailable as error:
        raise books.Unreachable("Stripe could not be asked.") from error


_RECEIVED = """
    SELECT order_id, SUM(amount_received) AS total, MAX(paid_at) AS latest
    FROM orders_payment
    WHERE status = 'paid'
    GROUP BY order_id
"""


def _lines_against(column, of_lines):
    return f"""
        SELECT shop_order.id, COALESCE(line.total, 0), shop_order.{column}
        FROM orders_order shop_order
        LEFT JOIN (
            SELECT order_id, SUM({of_lines}) AS total
            FROM orders_orderline
            GROUP BY order_id
        ) line ON line.order_id = shop_order.id
        WHERE shop_order.{column} <> COALESCE(line.total, 0)
        ORDER BY shop_order.id
    """
