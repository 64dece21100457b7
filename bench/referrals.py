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
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_test_environment  # noqa: E402

from referrals import retention, rollup, settlement  # noqa: E402
from referrals.models import (  # noqa: E402
    Attribution,
    Code,
    ReferralLink,
    Visit,
    Visitor,
)
from referrals.tests.factories import make_order  # noqa: E402

CLICKS = 500
ORDERS = 100
BIG = ("referrals_visit", "referrals_visitor", "referrals_attribution")

rows: list[dict] = []


def main():
    if connection.vendor != "postgresql":
        sys.exit("Give DATABASE_URL of a scratch PostgreSQL database.")
    setup_test_environment()
    sizes = {
        "visits": Visit.objects.count(),
        "attributions": Attribution.objects.count(),
    }
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
    with timed("settle, orders a second", count=ORDERS, of=orders()) as each:
        each(settlement.settle)
    with timed("purge, the first time") as row:
        row.update(retention.purge())
    with timed("purge, again") as row:
        row.update(retention.purge())
    report(sizes)


def note(**row):
    """Print a figure as soon as it is there: the whole takes minutes."""
    rows.append(row)
    said = ", ".join(f"{name} {value}" for name, value in row.items() if name != "what")
    print(f"{row['what']:52} {said}", flush=True)


def door(codes, number):
    return f"/r/{codes[number % len(codes)]}/"


def requests(what, ask, count=CLICKS):
    """Time so many requests, each by a new browser; the row that says how fast."""
    cache.clear()
    took, statements = [], 0
    for number in range(count):
        client = Client()
        started = time.perf_counter()
        ask(client, number)
        took.append((time.perf_counter() - started) * 1000)
    with CaptureQueriesContext(connection) as asked:
        ask(Client(), count + 1)
    statements = [q for q in asked.captured_queries if not _is_frame(q["sql"])]
    row = {
        "what": what,
        "per_second": round(1000 * count / sum(took)),
        "p50_ms": round(statistics.median(took), 2),
        "p95_ms": round(statistics.quantiles(took, n=20)[-1], 2),
        "queries": len(statements),
    }
    note(**row)
    return row


def _is_frame(statement):
    return statement.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))


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
    return [make_order(attribution.invitee) for attribution in lately]


def plans(codes):
    """Ask the planner, and stop if a big table would be read from end to end."""
    link = ReferralLink.objects.filter(codes__text=codes[0])
    owner = link.get().owner
    today = rollup.today()
    quarter = (today - timedelta(days=90), today)
    visitor = Visitor.objects.order_by("-pk").first()
    asked = {
        "resolve a code": Code.objects.filter(text=codes[0]),
        "find a browser": Visitor.objects.filter(token_hash=visitor.token_hash),
        "its visits": Visit.objects.filter(visitor=visitor).order_by("first_at"),
        "an inviter's friends": Attribution.objects.filter(inviter=owner),
        "an inviter's quarter": rollup._rows(None, owner, None, *quarter),
        "old visits": Visit.objects.filter(first_at__lt=retention.visits_since())
        .order_by("first_at", "pk")
        .values_list("first_at", "pk")[: retention.BATCH],
    }
    for what, query in asked.items():
        plan = query.explain()
        scanned = [table for table in BIG if f"Seq Scan on {table} " in f"{plan} "]
        note(what=f"plan: {what}", **{"reads whole tables": scanned})
        if scanned:
            print(plan)
            sys.exit(f"{what}: reads {scanned} from end to end")


def report(sizes):
    found = {"sizes": sizes, "rows": rows}
    path = HERE / "latest-referrals.json"
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
