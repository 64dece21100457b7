"""kill -9 at every point of a purchase: nothing is lost, nothing is doubled."""

import pytest

from shop.tests.crash import shops
from shop.tests.crash.launch import POINTS

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crash")
    with shops.opened(folder, with_webhooks=False) as shop:
        shop.run("act", "open_shop")
        yield shop


def of(rows, order):
    return [row for row in rows if row["order"] == order]


def proved(shop):
    shop.run("manage", "prove_books")
    return shop.books()


TABLE = "kill -9 at twelve named points"
# Whose part each step is: the pages and webhooks are the web server's.
PARTS = {
    "buy": "web server, a purchase",
    "hear": "web server, a webhook",
    "refund": "web server, a refund",
    "worker": "worker",
    "expire": "worker, an expiry",
}
REFUNDING = [name for name in POINTS if name.startswith("refund")]
BUYING = [name for name in POINTS if name[:6] not in ("expiry", "refund")]


@pytest.mark.parametrize("point", BUYING)
def test_inv_34_a_purchase_survives_a_crash(shop, point, record_property):
    email = f"ada@{point}.example".replace("_", "-")
    shop.run("act", "join", email)
    killed = []

    def step(*arguments):
        died, _ = shop.run(*arguments, crash_at="" if killed else point)
        if died:
            killed.append(arguments[1])
        return died

    if step("act", "buy", email):
        assert not step("act", "buy", email)  # the customer presses again
    told = shop.told(email)
    assert len(told["sessions"]) == 1
    shop.pay(told["sessions"][0])
    step("act", "hear", email)  # and nobody tells it again
    step("manage", "worker", "--once")
    shop.recover()

    assert killed, f"{point} was never passed"
    books = proved(shop)
    order = told["order"]
    row = next(row for row in books["orders"] if row["number"] == order)
    assert (row["state"], row["captured"]) == ("confirmed", row["total"])
    assert [row["to"] for row in of(books["audit"], order)] == ["pending", "confirmed"]
    sent = [row["kind"] for row in of(books["mails"], order)]
    assert sent == ["order_confirmed"]
    assert len(of(books["rewards"], order)) == 1
    steps = [row["source"] for row in books["ledger"] if f":{order}:" in row["source"]]
    assert sorted(steps) == sorted(
        2 * [f"order:{order}:spend", f"order:{order}:capture"]
    )
    assert {row["processed"] for row in books["events"]} == {True}
    assert shop.ask("SELECT count(*) FROM kit_message WHERE state <> 'sent'") == [(0,)]
    said = shop.run("manage", "reconcile")[1]
    assert "0 settled. 0 events had not arrived, 0 were replayed. 0 failures" in said
    tell(
        record_property,
        point,
        killed[0],
        f"1 session, {row['state']}, {row['captured']} of {row['total']} paid, "
        f"{len(sent)} mail, 1 reward",
    )


@pytest.mark.parametrize("point", REFUNDING)
def test_inv_34_a_refund_survives_a_crash(shop, point, record_property):
    email = f"ada@{point}.example".replace("_", "-")
    for step in ("join", "buy"):
        shop.run("act", step, email)
    shop.pay(shop.told(email)["sessions"][0])
    shop.run("act", "hear", email)

    killed, _ = shop.run("act", "refund", email, crash_at=point)
    shop.recover()

    assert killed
    books, told = proved(shop), shop.told(email)
    row = next(row for row in books["orders"] if row["number"] == told["order"])
    assert told["refunds"] == [row["captured"]]
    assert (row["refunded"], row["state"]) == (row["captured"], "confirmed")
    back = [leg for leg in books["ledger"] if leg["source"].startswith("refund:")]
    to_friend = [leg["amount"] for leg in back if leg["account"].startswith("user:")]
    assert to_friend == [700] * (1 + REFUNDING.index(point))
    back = f"{row['refunded']} of {row['captured']} given back"
    tell(record_property, point, "refund", f"{len(told['refunds'])} refund, {back}")


def test_inv_34_an_expiry_survives_a_crash(shop, record_property):
    email = "ada@expiry.example"
    shop.run("act", "join", email)
    shop.run("act", "buy", email)

    killed, _ = shop.run("act", "expire", email, crash_at="expiry_released")
    shop.run("act", "expire", email)
    shop.recover()

    assert killed
    books = proved(shop)
    order = shop.told(email)["order"]
    row = next(row for row in books["orders"] if row["number"] == order)
    assert (row["state"], row["restocked"]) == ("expired", True)
    assert [row["to"] for row in of(books["audit"], order)] == ["pending", "expired"]
    found = f"{row['state']}, {row['captured']} paid, goods back on the shelf"
    tell(record_property, "expiry_released", "expire", found)


def tell(record_property, point, step, found):
    row = {"point": point, "killed": PARTS[step], "found after restart": found}
    record_property(TABLE, row)
