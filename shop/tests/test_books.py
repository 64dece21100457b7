"""The proof of the books: clean after honest trade, and every rule can fail."""

import json
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import privacy
from accounts.models import CreditLot, LedgerAccount, Transfer
from catalog.models import StockMovement, Variant
from catalog.tests.factories import make_variant
from orders import confirmation, payments, reconciler, refunds
from orders.models import Dispute, Order, Payment, Refund
from orders.tests.factories import (
    deliver,
    give,
    make_cart,
    make_order,
    make_user,
    pay,
    place,
)
from referrals import budgets, settlement
from referrals import rewards as reward_verbs
from referrals.models import Budget, InviterQuota, MilestoneReward, Reward
from referrals.tests.factories import make_attribution, make_member
from shop.kit import books, guards
from shop.kit.models import BookProof
from shop.kit.staff import change_url

pytestmark = [pytest.mark.django_db, pytest.mark.cooked_books]


@pytest.fixture
def trade(client, stripe_sandbox, settings):
    """A day at the shop: one order paid, one open, one expired, one reward paid."""
    settings.CHECKOUT_DISCOUNTS = ["orders.tests.factories.five_off"]
    lamp = make_variant(amount=5000, stock=9)
    friend, waits, forgets = make_attribution().invitee, make_user(), make_user()
    orders = [_placed(user, lamp) for user in (friend, waits, forgets)]
    for event in pay(stripe_sandbox, orders[0]):
        deliver(client, stripe_sandbox, event)
    confirmation.expire_order(orders[2].pk)
    orders[0].refresh_from_db()
    settlement.settle(orders[0])
    reward = Reward.objects.get(order=orders[0])
    reward_verbs.release(reward, friend.attribution.terms)
    return orders


def _placed(user, lamp):
    give(user, 700)
    return place(make_cart(user, {lamp: 1}), user)


def broken(**how):
    """The rules that are broken, each with the ids of its rows."""
    return {
        finding.rule.name: [row.id for row in finding.rows]
        for finding in books.prove(**how)
        if finding.rows
    }


def test_the_books_of_an_honest_day_add_up(trade):
    assert broken() == {}


def _only(rows, **changes):
    """Change rows behind the back of every rule of the database; the first's id."""
    with guards.lifted(), _unchecked():
        pk = rows.order_by("pk").values_list("pk", flat=True)[0]
        type(rows[0]).objects.filter(pk=pk).update(**changes)
    return pk


@contextmanager
def _unchecked():
    """Without the CHECKs of orders, until the test's transaction is rolled back."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else ALTER is refused
            for name in ("order_adds_up", "order_due_adds_up"):
                cursor.execute(f"ALTER TABLE orders_order DROP CONSTRAINT {name}")
            yield
        else:
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            yield
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


def _orders(status="confirmed"):
    return Order.objects.filter(status=status)


def _pots(kind):
    return LedgerAccount.objects.filter(kind=kind)


def _gone():
    gone = make_member()
    privacy.close(gone, gives_up={})
    return gone


def _uncredited(order):
    return Refund.objects.create(
        order=order,
        idempotency_key="test",
        amount_balance=5,
        currency=order.currency,
        state=Refund.State.SUCCEEDED,
        accepted_at=timezone.now(),
        origin=Refund.Origin.STAFF,
    )


def _unshelved(order):
    """A refund that says a piece is on the shelf again, which it is not."""
    refund = _uncredited(order)
    line = order.lines.get()
    refund.lines.create(line=line, quantity=1, restocked=1, amount=line.amount)
    return refund


def _beyond(order):
    """The payment of which more is asked back than it brought."""
    payment = order.payments.get(status=Payment.Status.PAID)
    Refund.objects.create(
        order=order,
        payment=payment,
        idempotency_key="test",
        amount_card=payment.amount_received + 1,
        amount_left=payment.amount_received + 1,
        currency=order.currency,
        origin=Refund.Origin.STAFF,
    )
    return payment


def _frozen(trade):
    """The day's reward, on hold since its payment was disputed."""
    order = trade[0]
    _dispute(order)
    settlement.settle(order)
    return Reward.objects.get(order=order)


def _dispute(order, status="needs_response"):
    payment = order.payments.get(status=Payment.Status.PAID)
    return Dispute.objects.create(
        payment=payment,
        stripe_id=f"du_{status}",
        amount=payment.amount_received,
        currency=payment.currency,
        status=status,
        closed_at=timezone.now() if status == "lost" else None,
    )


def _questioned(order):
    settlement.settle(order)
    _dispute(order)
    return Reward.objects.get(order=order).pk


def _unfrozen(order):
    reward = _frozen([order])
    _only(Reward.objects.filter(pk=reward.pk), amount_frozen=0)
    return _pots("frozen").get().pk


def _lot(amount=700, remaining=700):
    """Credit with an end that the last gift says it brought, and what is left of it."""
    gift = Transfer.objects.filter(credit__kind="wallet").latest("pk")
    return CreditLot.objects.create(
        transfer=gift,
        owner=gift.credit.owner,
        currency=gift.currency,
        amount=amount,
        remaining=remaining,
        expires_at=timezone.now() + timedelta(days=365),
    )


def _beyond_its_wallet():
    owner = _lot(amount=99_000, remaining=99_000).owner
    return _pots("wallet").get(owner=owner).pk


def _unpaid_milestone():
    """A bonus that is said to be in the balance, which it is not."""
    reward = Reward.objects.get()
    return MilestoneReward.objects.create(
        recipient=reward.recipient,
        campaign=reward.attribution.terms.campaign,
        friends_count=5,
        amount=500,
        currency=reward.currency,
    ).pk


def _miscounted():
    """One reward more than the inviter has."""
    reward = Reward.objects.get()
    return InviterQuota.objects.create(
        inviter=reward.recipient,
        campaign=reward.attribution.terms.campaign,
        period=InviterQuota.Period.LIFE,
        starts_on=timezone.localdate(),
        used=2,
        most=9,
    ).pk


def _overpromised():
    campaign = Reward.objects.get().attribution.terms.campaign
    budgets.set_limit(campaign, "USD", 100_000)
    return _only(Budget.objects.filter(campaign=campaign), amount_committed=9)


TAMPERED = {
    "balances": lambda: _only(_pots("wallet"), balance=9),
    "currencies": lambda: _only(Transfer.objects.all(), currency="EUR"),
    "lots": lambda: _lot(remaining=600).pk,
    "lots_within_wallets": _beyond_its_wallet,
    "stock": lambda: _only(Variant.objects.all(), stock=77),
    "goods": lambda: _only(_orders(), amount_goods=6000),
    "shares": lambda: _only(_orders(), amount_discount=100),
    "tax": lambda: _only(_orders(), amount_tax=10),
    "discounts": lambda: _only(_orders(), amount_discount=100),
    "totals": lambda: _only(_orders(), amount_total=1),
    "taken": lambda: _only(_orders("expired"), status="pending"),
    "moved_for_a_line": lambda: _only(
        StockMovement.objects.filter(key__startswith="order:"), key="order:999:take:1"
    ),
    "shelved": lambda: _unshelved(_orders().get()).pk,
    "told": lambda: _only(_orders(), status="cancelled"),
    "holds": lambda: _only(_pots("held").filter(balance=700), balance=600),
    "captures": lambda: _only(_orders(), status="cancelled", confirmed_at=None),
    "credits": lambda: _uncredited(_orders().get()).pk,
    "moved_for_its_customer": lambda: _only(
        Transfer.objects.filter(key__endswith=":capture"),
        key=f"order:{_orders('pending').get().pk}:gift",
        amount=5,
    ),
    "within_received": lambda: _beyond(_orders().get()).pk,
    "paid_in_full": lambda: _only(
        _orders("pending"), status="confirmed", confirmed_at=timezone.now()
    ),
    "never_quiet": lambda: _only(_orders(), status="expired", confirmed_at=None),
    "rewards": lambda: _only(Reward.objects.all(), state="void"),
    "questioned": lambda: _questioned(_orders().get()),
    "frozen": lambda: _unfrozen(_orders().get()),
    "frozen_parts": lambda: _only(
        Reward.objects.filter(state="available"),
        amount_frozen=1,
        frozen_at=timezone.now(),
    ),
    "closed": lambda: _only(_pots("wallet").filter(balance__gt=0), owner=_gone()),
    "milestone_rewards": _unpaid_milestone,
    "promised": _overpromised,
    "counted": _miscounted,
}


def test_every_rule_of_ours_is_tampered_with_below():
    ours = {name for name, rule in books.rules().items() if not rule.outside}

    assert ours == set(TAMPERED)


@pytest.mark.parametrize("rule", TAMPERED)
def test_a_row_that_was_tampered_with_is_named(trade, rule):
    pk = TAMPERED[rule]()

    assert pk in broken()[rule]


def test_a_transfer_without_its_reward_is_named(trade):
    with guards.lifted():
        Transfer.objects.filter(key__startswith="reward:").update(key="reward:999:1")

    assert 999 in broken()["rewards"]


def test_a_reward_on_hold_adds_up_until_its_dispute_is_lost_and_nobody_settles(trade):
    reward = _frozen(trade)
    assert reward.amount_frozen == reward.amount
    assert broken() == {}

    Dispute.objects.update(status="lost", closed_at=timezone.now())
    assert broken() == {"questioned": [reward.pk]}

    settlement.settle(trade[0])
    assert broken() == {}


def test_a_lost_movement_of_an_order_is_named(trade):
    with guards.lifted():
        StockMovement.objects.filter(key__startswith="order:").first().delete()

    assert trade[2].pk in broken()["taken"]


def test_the_proof_costs_the_same_however_much_there_is(trade):
    with CaptureQueriesContext(connection) as few:
        books.prove()

    for _ in range(5):
        make_order(make_user(balance=500))
    with CaptureQueriesContext(connection) as many:
        books.prove()

    assert len(many) == len(few) == len(TAMPERED) + 2  # and the savepoint


# The command


def proved(*arguments):
    out = StringIO()
    call_command("prove_books", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_line_per_rule_and_keeps_the_proof(trade):
    said = proved("--no-stripe")

    assert len(said.splitlines()) == len(TAMPERED)
    assert "     0  A balance is the sum of its transfers" in said
    proof = BookProof.objects.get()
    assert (proof.mismatch_count, proof.mismatches) == (0, [])
    assert proof.asked_outside is False


def test_the_command_names_the_row_and_exits_non_zero(trade):
    pk = TAMPERED["stock"]()
    out = StringIO()

    with pytest.raises(CommandError, match="1 rows do not add up"):
        call_command("prove_books", "--no-stripe", stdout=out)

    assert f"catalog.Variant {pk}: expected 7, found 77" in out.getvalue()
    assert BookProof.objects.get().mismatches == [
        {"rule": "stock", "id": pk, "expected": 7, "found": 77}
    ]


# Stripe's own list


@pytest.fixture
def later(trade, time_machine):
    """Whatever was on its way has arrived."""
    time_machine.move_to(timezone.now() + timedelta(minutes=2), tick=False)
    return trade


def test_payments_agree_with_stripes_list(later):
    assert broken(outside=True) == {}


def test_money_that_no_webhook_told_of_is_named(trade, stripe_sandbox, time_machine):
    pay(stripe_sandbox, trade[1])
    assert broken(outside=True) == {}  # it may still be on its way

    time_machine.move_to(timezone.now() + timedelta(minutes=2), tick=False)

    payment = trade[1].payments.get()
    assert broken(outside=True) == {"stripe_payments": [payment.pk]}


def test_money_that_stripe_does_not_know_is_named(later):
    payment = Payment.objects.create(
        order=later[0],
        idempotency_key="made-up",
        status="paid",
        amount=4300,
        amount_received=4300,
        currency="USD",
        session_expires_at=timezone.now(),
        paid_at=later[0].placed_at,
    )

    assert payment.pk in broken(outside=True)["stripe_payments"]


def test_money_of_an_attempt_that_was_lost_here_is_named(later, stripe_sandbox):
    intent = later[0].payments.get().intent_id
    with guards.lifted():
        Payment.objects.filter(intent_id=intent).update(idempotency_key="another")

    assert intent in broken(outside=True)["stripe_payments"]


def test_an_amount_that_differs_from_stripes_is_named(later):
    payment = later[0].payments.get()
    with guards.lifted():
        Payment.objects.filter(pk=payment.pk).update(amount_received=1)

    assert broken(outside=True)["stripe_payments"] == [payment.pk]


@pytest.fixture
def refunded(trade, client, stripe_sandbox):
    """The paid order's money went back, and Stripe's events arrived."""
    plan = refunds.plan(trade[0], refunds.Wish(everything=True))
    refund = refunds.execute(plan, actor=None)
    for event in stripe_sandbox.events():
        deliver(client, stripe_sandbox, event)
    return refund


def _two_minutes_pass(time_machine):
    time_machine.move_to(timezone.now() + timedelta(minutes=2), tick=False)


def test_refunds_agree_with_stripes_list(refunded, time_machine):
    _two_minutes_pass(time_machine)

    assert broken(outside=True) == {}


def test_a_refund_of_the_dashboard_that_no_webhook_told_of_is_named(
    trade, time_machine
):
    intent = trade[0].payments.get().intent_id
    made = payments.client().v1.refunds.create({"payment_intent": intent})

    _two_minutes_pass(time_machine)

    assert broken(outside=True) == {"stripe_refunds": [made.id]}


def test_a_refund_that_failed_unheard_is_named(refunded, stripe_sandbox, time_machine):
    stripe_sandbox.refunds.fail(refunded.stripe_id)

    _two_minutes_pass(time_machine)

    assert broken(outside=True) == {"stripe_refunds": [refunded.pk]}


def test_a_refund_that_stripe_does_not_know_is_named(refunded, time_machine):
    with guards.lifted():
        Refund.objects.filter(pk=refunded.pk).update(stripe_id="re_made_up")

    _two_minutes_pass(time_machine)

    assert refunded.pk in broken(outside=True)["stripe_refunds"]


@pytest.fixture
def disputed(trade, client, stripe_sandbox):
    """The paid order's money is disputed, and Stripe's events arrived."""
    intent = trade[0].payments.get().intent_id
    charge = stripe_sandbox.object("payment_intent", intent)["latest_charge"]
    stripe_sandbox.disputes.open(charge)
    for event in stripe_sandbox.events():
        deliver(client, stripe_sandbox, event)
    settlement.settle(trade[0])
    return Dispute.objects.get()


@pytest.mark.parametrize("ends", ["", "win", "lose"])
def test_disputes_agree_with_stripes_list(
    trade, disputed, client, stripe_sandbox, time_machine, ends
):
    if ends:
        getattr(stripe_sandbox.disputes, ends)(disputed.stripe_id)
        for event in stripe_sandbox.events():
            deliver(client, stripe_sandbox, event)
        settlement.settle(trade[0])

    _two_minutes_pass(time_machine)

    assert broken(outside=True) == {}


def test_a_dispute_that_ended_unheard_is_named(disputed, stripe_sandbox, time_machine):
    stripe_sandbox.disputes.win(disputed.stripe_id)

    _two_minutes_pass(time_machine)

    assert broken(outside=True) == {"stripe_disputes": [disputed.pk]}


def test_a_dispute_of_other_money_than_stripe_took_is_named(disputed, time_machine):
    Dispute.objects.update(amount=1)

    _two_minutes_pass(time_machine)

    assert broken(outside=True) == {"stripe_disputes": [disputed.pk]}


def test_a_dispute_that_only_stripe_or_only_we_know_is_named(disputed, time_machine):
    with guards.lifted():
        Dispute.objects.update(stripe_id="du_made_up")

    _two_minutes_pass(time_machine)

    known = Dispute.objects.get()
    named = broken(outside=True)["stripe_disputes"]
    assert named[0] == known.pk
    assert len(named) == 2


def test_the_reconciler_hears_of_refunds(refunded, stripe_sandbox, time_machine):
    stripe_sandbox.refunds.fail(refunded.stripe_id)

    reconciler.reconcile()

    _two_minutes_pass(time_machine)
    assert broken(outside=True) == {}


def test_nothing_is_proved_while_stripe_cannot_be_asked(trade, settings):
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    payments.client.cache_clear()

    with pytest.raises(CommandError, match="Nothing is proved"):
        call_command("prove_books")

    assert not BookProof.objects.exists()


# The page for staff


@pytest.fixture
def boss(admin_client):
    return admin_client


def kept(**mismatch):
    """A proof that found this one row."""
    rule = mismatch["rule"]
    return BookProof.objects.create(
        started_at=timezone.now(),
        finished_at=timezone.now(),
        asked_outside=True,
        counts={rule: 1},
        mismatches=[{"expected": 1, "found": 2, **mismatch}],
        mismatch_count=1,
    )


def press(client, proof, place=0):
    url = reverse("admin:kit_bookproof_mend", args=[proof.pk])
    return client.post(url, {"mismatch": place})


def test_the_page_links_the_row_and_offers_its_repair(boss, trade):
    TAMPERED["balances"]()
    proof, _ = books.prove_and_keep(outside=False)

    html = boss.get(change_url(BookProof, proof.pk)).content.decode()

    assert "A balance is the sum of its transfers: 1" in html
    assert change_url(LedgerAccount, proof.mismatches[0]["id"]) in html
    assert "Rebuild from transfers" in html


def test_a_balance_is_rebuilt_from_its_transfers(boss, trade):
    TAMPERED["balances"]()
    proof, _ = books.prove_and_keep(outside=False)

    for _ in range(2):
        press(boss, proof)

    assert broken() == {}
    assert LogEntry.objects.filter(object_id=proof.pk).count() == 2
    assert "9 became 0" in LogEntry.objects.last().change_message


def test_a_reward_is_settled_again(boss, trade):
    reward = Reward.objects.get()

    answer = press(boss, kept(rule="rewards", id=reward.pk))

    assert answer.status_code == 302
    assert reward.order.referral_settlement.reward == reward


def test_stripe_is_asked_again_by_the_worker(boss, trade, stripe_sandbox, run_jobs):
    pay(stripe_sandbox, trade[1])

    press(boss, kept(rule="stripe_payments", id="pi_1"))
    run_jobs()

    trade[1].refresh_from_db()
    assert trade[1].status == Order.Status.CONFIRMED


def test_a_row_without_a_repair_or_out_of_range_is_not_found(boss, trade):
    assert press(boss, kept(rule="stock", id=1)).status_code == 404
    assert press(boss, kept(rule="balances", id=1), place=7).status_code == 404
    assert press(boss, kept(rule="balances", id=1), place="x").status_code == 404


def test_a_repair_that_is_impossible_says_so(boss, trade):
    answer = press(boss, kept(rule="rewards", id=999))

    assert answer.status_code == 302
    assert not LogEntry.objects.exists()


def test_who_may_only_look_repairs_nothing(client, trade):
    clerk = make_user("clerk@example.com", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_bookproof"))
    client.force_login(clerk)
    pk = TAMPERED["balances"]()
    proof, _ = books.prove_and_keep(outside=False)

    html = client.get(change_url(BookProof, proof.pk)).content.decode()
    assert "Rebuild from transfers" not in html
    assert press(client, proof).status_code == 403
    assert client.post(reverse("admin:kit_bookproof_again")).status_code == 403

    assert pk in broken()["balances"]


def test_staff_have_the_books_proved_now(boss, trade, run_jobs):
    boss.post(reverse("admin:kit_bookproof_again"))
    run_jobs()

    assert BookProof.objects.get().asked_outside


def test_the_start_page_is_red_while_rows_do_not_add_up(boss):
    def figure():
        figures = boss.get(reverse("admin:index")).context["figures"]
        return next(f for f in figures if f.label == "Rows that do not add up")

    assert figure().note == "Not proved"
    kept(rule="stock", id=1)
    assert (figure().value, figure().needs_care) == ("1", True)
    books.prove_and_keep(outside=False)
    assert (figure().value, figure().needs_care) == ("0", False)


# The dump


def test_the_dump_prints_the_books_of_one_moment(trade, capsys):
    call_command("dump_books", "--json")

    told = json.loads(capsys.readouterr().out)
    paid, waits, forgot = trade
    by_number = {row["number"]: row for row in told["orders"]}
    assert by_number[paid.code] | {"age": 0} == {
        "number": paid.code,
        "state": "confirmed",
        "total": 4300,
        "credit": 700,
        "sessions": [paid.payments.get().session_id],
        "captured": 4300,
        "refunded": 0,
        "flagged": False,
        "restocked": False,
        "age": 0,
    }
    assert by_number[forgot.code]["restocked"]
    sku = paid.lines.get().sku
    assert told["lines"][0] == {"order": paid.code, "sku": sku, "qty": 1}
    assert told["stock"] == [{"sku": sku, "start": 9, "on_hand": 8, "reserved": 1}]
    legs = {}
    for leg in told["ledger"]:
        legs[leg["transfer"]] = legs.get(leg["transfer"], 0) + leg["amount"]
    assert set(legs.values()) == {0}
    sources = {leg["source"] for leg in told["ledger"]}
    assert f"order:{waits.code}:spend" in sources
    assert f"order:{forgot.code}:return" in sources
    for account, balance in told["balances"].items():
        moved = [leg["amount"] for leg in told["ledger"] if leg["account"] == account]
        assert sum(moved) == balance
    assert told["balances"][f"held:{waits.user_id}"] == 700
    assert told["rewards"] == [
        {
            "rule": "inviter",
            "invited": paid.user_id,
            "order": paid.code,
            "reversed": False,
        }
    ]
    assert {row["processed"] for row in told["events"]} == {True}
    told_of = {row["kind"]: row["order"] for row in told["mails"]}
    rewards = dict.fromkeys(["reward_pending", "reward_available"], "")
    assert told_of == {"order_confirmed": paid.code, **rewards}
    assert {"order": paid.code, "to": "confirmed"} in told["audit"]
    assert {"order": forgot.code, "to": "expired"} in told["audit"]
