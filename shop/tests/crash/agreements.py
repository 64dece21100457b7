"""Whether Stripe, orders, ledger, stock and mails tell the same story.

Each rule gives whatever offends it. Stripe's side is read from the sandbox's own file,
the shop's from `dump_books --json`: nothing here asks the code that is on trial.
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from orders import facts
from shop.sandbox.config import Config
from shop.sandbox.stripe import store
from shop.tests.crash.crowds import Diary

RULES = {}


@dataclass(frozen=True)
class Stripe:
    """What is true at Stripe, and which mails arrived."""

    sessions: list[dict]
    intents: list[dict]
    refunds: list[dict]
    events: list[str]
    redeliveries: int
    letters: Counter  # by Message-ID

    def taken(self) -> Counter:
        """What cards paid, by order; minor units."""
        return _sums(self.intents, "amount_received")

    def given_back(self) -> Counter:
        """What cards got back, by order; minor units."""
        standing = [one for one in self.refunds if one["status"] not in _UNDONE]
        return _sums(standing, "amount")


_UNDONE = ("failed", "canceled")


def read_stripe(config: Config) -> Stripe:
    with store.transaction(config) as tx:
        events = tx.db.execute("SELECT id, type FROM event").fetchall()
        tries = tx.db.execute("SELECT sum(attempts - 1) FROM delivery WHERE attempts")
        headers = tx.db.execute("SELECT headers FROM mail").fetchall()
        return Stripe(
            sessions=store.every(tx, "checkout.session"),
            intents=store.every(tx, "payment_intent"),
            refunds=store.every(tx, "refund"),
            events=[row["id"] for row in events if row["type"] in facts.EVENTS],
            redeliveries=tries.fetchone()[0] or 0,
            letters=Counter(
                dict(json.loads(row["headers"]))["Message-ID"] for row in headers
            ),
        )


def config_of(shop) -> Config:
    """The sandbox of a running shop, to be looked into and hurried."""
    return Config(
        path=Path(shop.env["SANDBOX_DB"]),
        public_base=shop.sandbox,
        webhook_url=f"{shop.address}/webhooks/stripe/",
        webhook_secret="whsec_sandbox_tandem",
        shop_url=shop.address,
        background=False,
    )


def drift(books: dict, stripe: Stripe, diary: Diary) -> dict[str, list]:
    """By rule, what offends it."""
    return {says: list(rule(books, stripe, diary)) for says, rule in RULES.items()}


def rule(says):
    def decorate(function):
        RULES[says] = function
        return function

    return decorate


@rule("Every paid session has one order, which counts or was cancelled with its money")
def sessions(books, stripe, diary):
    of_session = defaultdict(list)
    for order in books["orders"]:
        for session in order["sessions"]:
            of_session[session].append(order)
    for session in stripe.sessions:
        orders = of_session[session["id"]]
        if session["payment_status"] == "paid" and not _counts(orders, session):
            yield session["id"], orders


def _counts(orders, session):
    if len(orders) != 1:
        return False
    order = orders[0]
    is_back = order["state"] == "cancelled" and order["refunded"] == order["captured"]
    fits = order["captured"] == order["total"] == session["amount_total"]
    return fits and (order["state"] == "confirmed" or is_back)


@rule("An attempt to pay opens one page at Stripe")
def pages(books, stripe, diary):
    attempts = Counter(session["metadata"]["payment"] for session in stripe.sessions)
    yield from (attempt for attempt, pages in attempts.items() if pages > 1)


@rule("Nobody is charged twice")
def charged_once(books, stripe, diary):
    paid = [one for one in stripe.sessions if one["payment_status"] == "paid"]
    for column in ("client_reference_id", "customer_email"):
        times = Counter(session[column] for session in paid)
        yield from (who for who, count in times.items() if count > 1)


@rule("Each order took and gave back what Stripe says")
def amounts(books, stripe, diary):
    taken, given_back = stripe.taken(), stripe.given_back()
    for order in books["orders"]:
        number = order["number"]
        said = (taken.pop(number, 0), given_back.pop(number, 0))
        if said != (order["captured"], order["refunded"]):
            yield number, said, order
    yield from (taken | given_back).items()


@rule("A refund that was asked for exists once")
def refunds(books, stripe, diary):
    made = Counter(refund["metadata"].get("order") for refund in stripe.refunds)
    totals = {order["number"]: order["total"] for order in books["orders"]}
    asked = {code for code in diary.refunded | diary.cancelled if totals[code]}
    yield from (code for code in asked | set(made) if made[code] != (code in asked))


@rule("Whom the shop thanked has an order that was confirmed, once")
def thanked(books, stripe, diary):
    confirmed = Counter(
        row["order"] for row in books["audit"] if row["to"] == "confirmed"
    )
    yield from (code for code in diary.thanked.values() if confirmed[code] != 1)


@rule("An order's history leads from placed to its state, each step once")
def histories(books, stripe, diary):
    steps = defaultdict(list)
    for row in books["audit"]:
        steps[row["order"]].append(row["to"])
    for order in books["orders"]:
        told = steps[order["number"]]
        in_order = told[:1] == ["pending"] and told[-1:] == [order["state"]]
        if not in_order or len(set(told)) != len(told):
            yield order["number"], told


@rule("Cancelled by the buyer is cancelled, and nothing waits or is held")
def states(books, stripe, diary):
    for order in books["orders"]:
        wrong = order["number"] in diary.cancelled and order["state"] != "cancelled"
        if wrong or order["flagged"] or order["state"] == "pending":
            yield order["number"], order["state"]


@rule("Stock is what there was, less what was sold")
def stock(books, stripe, diary):
    back = {order["number"] for order in books["orders"] if order["restocked"]}
    sold = Counter()
    for line in books["lines"]:
        sold[line["sku"]] += 0 if line["order"] in back else line["qty"]
    for row in books["stock"]:
        if row["start"] - sold[row["sku"]] != row["on_hand"] or row["reserved"]:
            yield row, sold[row["sku"]]


@rule("Every transfer has two legs that sum to zero, and a source of its own")
def ledger(books, stripe, diary):
    legs, transfers = defaultdict(list), defaultdict(set)
    for leg in books["ledger"]:
        legs[leg["transfer"]].append(leg["amount"])
        transfers[leg["source"]].add(leg["transfer"])
    yield from (pk for pk, sums in legs.items() if len(sums) != 2 or sum(sums))
    yield from (source for source, pks in transfers.items() if len(pks) > 1)


@rule("What people own is the sum of their legs")
def balances(books, stripe, diary):
    sums = Counter()
    for leg in books["ledger"]:
        sums[leg["account"]] += leg["amount"]
    kept = books["balances"].items()
    yield from ((name, sums[name], has) for name, has in kept if sums[name] != has)


@rule("A friend who bought and kept it earned one reward")
def rewards(books, stripe, diary):
    bought = _kept_by_friends(books, stripe, diary)
    live = Counter(row["order"] for row in books["rewards"] if not row["reversed"])
    yield from (code for code in bought | set(live) if live[code] != (code in bought))


def _kept_by_friends(books, stripe, diary):
    """Orders whose money stayed: part of it given back leaves the reward."""
    given_back = stripe.given_back()
    of_friends = {
        code for email, code in diary.thanked.items() if email.startswith("friend")
    }
    return {
        order["number"]
        for order in books["orders"]
        if order["number"] in of_friends
        and order["state"] == "confirmed"
        and given_back[order["number"]] < order["captured"]
    }


@rule("Each confirmed order has one mail that says so, each refund one of its own")
def mails(books, stripe, diary):
    written = Counter((row["order"], row["kind"]) for row in books["mails"])
    confirmed = {row["order"] for row in books["audit"] if row["to"] == "confirmed"}
    due = {
        "order_confirmed": confirmed,
        "cancelled": diary.cancelled,
        "refunded": diary.refunded,
    }
    for number in (order["number"] for order in books["orders"]):
        for kind, orders in due.items():
            if written[number, kind] != (number in orders):
                yield number, kind, written[number, kind]


@rule("Every mail that was written arrived, and none that was not")
def arrived(books, stripe, diary):
    written = {row["message_id"] for row in books["mails"]}
    yield from written ^ set(stripe.letters)


@rule("Every event of Stripe's is here once, and processed")
def events(books, stripe, diary):
    here = Counter(row["id"] for row in books["events"])
    yield from (event for event in stripe.events if here[event] != 1)
    yield from (row["id"] for row in books["events"] if not row["processed"])


def _sums(rows, column):
    sums = Counter()
    for row in rows:
        if row[column]:
            sums[row["metadata"].get("order")] += row[column]
    return sums
