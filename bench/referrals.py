"""What the referral programme costs at size: `make bench-referrals`.

Runs against a scratch PostgreSQL database that `manage.py seed_visits` has filled, in
one process, beside a trivial view in the same run: absolute figures depend on the
machine, the ratios hardly do. Prints rows and writes them to `latest-referrals.json`.
"""

import json
import os
import statistics
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

import django  # noqa: E402

django.setup()

from django.core.cache import cache  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Count, Q  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.urls import reverse  # noqa: E402

from accounts.models import User  # noqa: E402
from orders.models import Order, OrderAddress, Payment  # noqa: E402
from referrals import retention, rollup, settlement, sweeps  # noqa: E402
from referrals.models import (  # noqa: E402
    Attribution,
    Code,
    ReferralLink,
    Visit,
    Visitor,
)
from referrals.tests.counting import counted  # noqa: E402
from referrals.tests.factories import make_order  # noqa: E402

CLICKS = 500
ORDERS = 100
LOOKS = 5
BIG = (
    "accounts_user",
    "orders_order",
    "orders_orderaddress",
    "orders_payment",
    "referrals_attribution",
    "referrals_funnelday",
    "referrals_reward",
    "referrals_settlement",
    "referrals_visit",
    "referrals_visitor",
)

rows: list[dict] = []
sizes: dict[str, int] = {}


def main():
    if connection.vendor != "postgresql":
        sys.exit("Give DATABASE_URL of a scratch PostgreSQL database.")
    setup_test_environment()
    sizes.update(
        visits=Visit.objects.count(),
        attributions=Attribution.objects.count(),
        orders=Order.objects.count(),
    )
    codes = list(Code.objects.order_by("pk").values_list("text", flat=True)[:CLICKS])
    trivial = requests("a trivial view", lambda client, n: client.get("/healthz"))
    first = requests(
        "a click, a new browser", lambda client, n: client.get(door(codes, n))
    )
    known = Client()
    requests("a click, a known browser", lambda client, n: known.get(door(codes, n)))
    times = round(first["p50_ms"] / trivial["p50_ms"], 1)
    note(what="a click, in trivial views", times=times)
    plans(codes)
    with timed("roll up one day"):
        rollup.roll_up(rollup.today() - timedelta(days=2))
    with timed("roll up today and yesterday, as every five minutes"):
        rollup.roll_up_since(rollup.today() - timedelta(days=1))
    pages()
    with timed("the sweep looks for orders to settle") as row:
        row["found"] = sweeps.outdated().count()
    with timed("settle, orders a second", count=ORDERS, of=orders()) as each:
        each(settlement.settle)
    with timed("purge, the first time") as row:
        row.update(retention.purge())
    with timed("purge, again") as row:
        row.update(retention.purge())


def note(**row):
    """Print and keep a figure as soon as it is there: the whole takes minutes."""
    rows.append(row)
    found = {"sizes": sizes, "rows": rows}
    path = HERE / "latest-referrals.json"
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    said = ", ".join(f"{name} {value}" for name, value in row.items() if name != "what")
    print(f"{row['what']:52} {said}", flush=True)


def door(codes, number):
    return f"/r/{codes[number % len(codes)]}/"


def requests(what, ask, count=CLICKS):
    """Time so many requests, each by a new browser; the row that says how fast."""
    cache.clear()
    took = []
    for number in range(count):
        client = Client()
        started = time.perf_counter()
        ask(client, number)
        took.append((time.perf_counter() - started) * 1000)
    with counted() as asked:
        ask(Client(), count + 1)
    row = {
        "what": what,
        "per_second": round(1000 * count / sum(took)),
        "p50_ms": round(statistics.median(took), 2),
        "p95_ms": round(statistics.quantiles(took, n=20)[-1], 2),
        "queries": len(asked.own),
    }
    note(**row)
    return row


def pages():
    """What a busy member and staff look at: queries with a cold cache, time with a warm
    one."""
    busiest = User.objects.annotate(friends=Count("invited")).order_by("-friends")[0]
    note(what="friends of the busiest inviter", friends=busiest.friends)
    staff = User.objects.filter(email="bench@example.invalid").first()
    staff = staff or User.objects.create_superuser("bench@example.invalid", "bench")
    programme = reverse("admin:referrals_programme")
    looks = [
        (busiest, "invite page", reverse("referrals:invite")),
        (busiest, "links page", reverse("referrals:links")),
        (busiest, "news page", reverse("referrals:news")),
        (busiest, "board", reverse("referrals:board")),
        (staff, "funnel of a quarter", programme),
        *[
            (staff, f"funnel cut by {by}", f"{programme}?by={by}")
            for by in ("kind", "channel", "week")
        ],
        *[
            (staff, name, reverse(f"admin:referrals_programme_{name}"))
            for name in ("orders", "yearly", "liability", "inviters", "health")
        ],
        (staff, "list of visits", reverse("admin:referrals_visit_changelist")),
        (staff, "list of friends", reverse("admin:referrals_attribution_changelist")),
        (staff, "review queue", reverse("admin:referrals_reviewcase_changelist")),
    ]
    for user, what, address in looks:
        look(user, what, address)


def look(user, what, address):
    client = Client()
    client.force_login(user)
    cache.clear()
    with counted() as asked:
        answer = client.get(address)
    queries = len(asked.own)  # the next request empties the log
    if answer.status_code != 200:
        sys.exit(f"{what}: {address} answered {answer.status_code}")
    took = []
    for _ in range(LOOKS):
        started = time.perf_counter()
        client.get(address)
        took.append((time.perf_counter() - started) * 1000)
    ms = round(statistics.median(took), 1)
    note(what=f"page: {what}", queries=queries, p50_ms=ms)


@contextmanager
def timed(what, count=0, of=()):
    """Time the block; `each` is given when it goes over so many things."""
    row = {"what": what}
    started = time.perf_counter()
    if count:
        yield lambda verb: [verb(one) for one in of]
    else:
        yield row
    seconds = time.perf_counter() - started
    row["seconds"] = round(seconds, 2)
    if count:
        row["per_second"] = round(count / seconds)
    note(**row)


def orders():
    """Paid orders of friends who joined lately, one each."""
    newest = Attribution.objects.select_related("invitee").order_by("-created_at")
    lately = newest.filter(invitee__orders=None)[:ORDERS]
    found = [make_order(attribution.invitee) for attribution in lately]
    for order in found:
        OrderAddress.objects.create(
            order=order,
            name=f"Friend {order.pk}",
            street=f"Street {order.pk}",
            city="Town",
            postal_code="00042",
            country="US",
        )
    return found


def plans(codes):
    """Ask the planner, and stop if a big table would be read from end to end."""
    link = ReferralLink.objects.filter(codes__text=codes[0])
    owner = link.get().owner
    today = rollup.today()
    quarter = (today - timedelta(days=90), today)
    visitor = Visitor.objects.order_by("-pk").first()
    guest = Order.objects.filter(user=None).order_by("pk")[:1].get()
    address, cards = guest.address, guest.payments.values_list("card_hash", flat=True)
    asked = {
        "resolve a code": Code.objects.filter(text=codes[0]),
        "find a browser": Visitor.objects.filter(token_hash=visitor.token_hash),
        "its visits": Visit.objects.filter(visitor=visitor).order_by("first_at"),
        "an inviter's friends": Attribution.objects.filter(inviter=owner),
        "an inviter's quarter": rollup._rows(None, owner, *quarter),
        "the shop's day": rollup._rows(None, None, today, today),
        "orders to settle": sweeps.outdated(),
        "old visits": Visit.objects.filter(
            kept_at=None, first_at__lt=retention.visits_since()
        )
        .order_by("first_at", "pk")
        .values_list("first_at", "pk")[: retention.BATCH],
        "a mailbox, of orders": Order.objects.filter(
            Q(email__mailbox=guest.email) | Q(user__in=[owner.pk])
        ),
        "a mailbox, of accounts": User.objects.filter(email__mailbox=owner.email),
        "an account to sign in": User.objects.filter(email__iexact=owner.email),
        "a guest's orders": Order.objects.filter(user=None, email__iexact=guest.email),
        "a card": Payment.objects.filter(card_hash__in=list(cards)),
        "a door": OrderAddress.objects.filter(
            name__iexact=address.name, postal_code__iexact=address.postal_code
        ),
    }
    for what, query in asked.items():
        plan = query.explain()
        scanned = [table for table in BIG if f"Seq Scan on {table} " in f"{plan} "]
        note(what=f"plan: {what}", **{"reads whole tables": scanned})
        if scanned:
            print(plan)
            sys.exit(f"{what}: reads {scanned} from end to end")


if __name__ == "__main__":
    main()
