import itertools
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import ledger
from accounts.models import LedgerAccount, Transfer
from catalog.tests.factories import make_variant
from orders.models import Order, OrderEvent, Payment
from orders.signals import order_facts_changed
from orders.tests.factories import deliver, pay
from orders.tests.factories import make_order as place_order
from referrals import settlement, sweeps
from referrals.models import Attribution, Reward, Settlement, Unsettled
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)
from shop.kit import guards

pytestmark = pytest.mark.django_db

State = Reward.State


@pytest.fixture
def now_terms():
    """Terms without a hold: the reward is paid at once."""
    return set_terms(hold_days=0)


@pytest.fixture
def friend(now_terms):
    return make_attribution(terms=now_terms).invitee


def wallet(user):
    return ledger.balance(user, "USD")


# Paid exactly once


def test_the_inviter_is_paid_once_however_often_an_order_is_settled(friend, mailoutbox):
    order = make_order(friend)

    for _ in range(20):
        settlement.settle(order)

    reward = Reward.objects.get()
    assert (reward.state, reward.amount) == (State.AVAILABLE, 500)
    assert wallet(friend.attribution.inviter) == 500
    assert Transfer.objects.get().key == f"reward:{reward.pk}:1"
    assert ledger.shop_balance(ledger.Kind.PROGRAMME_COST, "USD") == -500


def test_the_inviter_is_told_once_by_mail(friend, run_jobs, mailoutbox):
    order = make_order(friend)

    settlement.settle(order)
    settlement.settle(order)
    run_jobs()

    mail = mailoutbox[0]
    assert len(mailoutbox) == 1
    assert mail.to == [friend.attribution.inviter.email]
    assert mail.subject == "$5 for you: a friend bought at Tandem"
    assert "$5.00 came into your balance" in mail.body
    assert order.code not in mail.body


def test_a_roll_back_takes_reward_money_and_mail_with_it(friend, run_jobs, mailoutbox):
    order = make_order(friend)

    with transaction.atomic():
        settlement.settle(order)
        transaction.set_rollback(True)
    run_jobs()

    assert not Reward.objects.exists()
    assert not Transfer.objects.exists()
    assert not mailoutbox


def test_a_reward_waits_for_the_end_of_its_hold(time_machine):
    friend = make_attribution().invitee
    order = make_order(friend)

    settlement.settle(order)
    reward = Reward.objects.get()
    assert reward.state == State.PENDING
    assert reward.available_at == order.confirmed_at + timedelta(days=14)
    assert not Transfer.objects.exists()

    time_machine.move_to(order.confirmed_at + timedelta(days=13, hours=23), tick=False)
    assert sweeps.release_due() == 0
    time_machine.move_to(order.confirmed_at + timedelta(days=14), tick=False)
    assert sweeps.release_due() == 1
    assert sweeps.release_due() == 0
    assert wallet(friend.attribution.inviter) == 500


def test_what_is_owed_is_repaid_first(friend):
    inviter = friend.attribution.inviter
    ledger.post(
        key="test:clawback",
        debit=(None, ledger.Kind.PROGRAMME_COST),
        credit=(inviter, ledger.Kind.OWED),
        amount=300,
        currency="USD",
        kind="clawback",
        reason="Taken back",
    )

    settlement.settle(make_order(friend))

    assert wallet(inviter) == 200
    assert ledger.balance(inviter, "USD", ledger.Kind.OWED) == 0


# What qualifies


@pytest.mark.parametrize(
    ("order", "paid"),
    [
        ({"goods": 1999}, False),
        ({"goods": 2000}, True),
        # Before the welcome gift, after any other promotion.
        ({"goods": 2000, "welcome": 500}, True),
        ({"goods": 2400, "promotion": 401}, False),
        ({"goods": 2400, "promotion": 400}, True),
        # Delivery does not count, nor what balance pays.
        ({"goods": 1999, "shipping": 5000}, False),
        ({"goods": 5000, "balance": 3001}, False),
        ({"goods": 5000, "balance": 3000}, True),
        ({"goods": 5000, "balance": 5000}, False),
    ],
)
def test_the_minimum_is_tested_on_goods_paid_in_money(friend, order, paid):
    settlement.settle(make_order(friend, **order))

    assert Reward.objects.exists() is paid
    reason = Settlement.objects.get().reason
    assert reason == ("" if paid else "below_minimum")


@pytest.mark.parametrize(
    "status", [Order.Status.PENDING, Order.Status.EXPIRED, Order.Status.CANCELLED]
)
def test_an_order_that_is_not_confirmed_earns_nothing(friend, status):
    settlement.settle(make_order(friend, status=status))

    assert not Reward.objects.exists()
    assert Settlement.objects.get().reason == "not_confirmed"


def test_a_confirmed_order_whose_money_did_not_come_earns_nothing(friend):
    settlement.settle(make_order(friend, received=4999))

    assert Settlement.objects.get().reason == "not_paid"
    assert not Reward.objects.exists()


def test_an_order_that_waits_for_a_look_is_promised_and_not_paid(friend):
    order = make_order(friend, held_at=timezone.now())

    settlement.settle(order)
    assert Reward.objects.get().state == State.PENDING
    assert sweeps.release_due() == 0

    Order.objects.filter(pk=order.pk).update(held_at=None)
    assert sweeps.release_due() == 1
    assert wallet(friend.attribution.inviter) == 500


def test_only_the_first_order_earns(friend):
    first = make_order(friend)
    second = make_order(friend)

    settlement.settle(second)
    settlement.settle(first)
    settlement.settle(second)

    assert Reward.objects.get().order == first
    assert Settlement.objects.get(order=second).reason == "not_first_order"


def test_a_first_order_below_the_minimum_spends_the_chance(friend):
    settlement.settle(make_order(friend, goods=1000))
    settlement.settle(make_order(friend))

    assert not Reward.objects.exists()


@pytest.mark.parametrize(("days", "paid"), [(90, True), (91, False)])
def test_the_order_must_come_within_ninety_days_of_joining(now_terms, days, paid):
    friend = make_attribution(terms=now_terms, joined_days_ago=days).invitee

    settlement.settle(make_order(friend))

    assert Reward.objects.exists() is paid


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Attribution.Status.VOID, "attribution_void"),
        (Attribution.Status.PROVISIONAL, "not_verified"),
    ],
)
def test_only_an_active_attribution_earns(now_terms, status, reason):
    friend = make_attribution(terms=now_terms, status=status).invitee

    settlement.settle(make_order(friend))

    assert Settlement.objects.get().reason == reason
    assert not Reward.objects.exists()


def test_another_currency_earns_nothing(friend):
    settlement.settle(make_order(friend, currency="EUR"))

    assert Settlement.objects.get().reason == "other_currency"


def test_terms_without_a_reward_for_the_inviter_give_none():
    friend = make_attribution(terms=set_terms(inviter_amount=0)).invitee

    settlement.settle(make_order(friend))

    assert Settlement.objects.get().reason == "no_reward_promised"


def test_the_reward_is_that_of_the_terms_the_friend_joined_under(friend):
    set_terms(inviter_amount=300)

    settlement.settle(make_order(friend))

    assert Reward.objects.get().amount == 500


def test_a_currency_without_cents_works():
    terms = set_terms(currency="JPY", inviter_amount=500, hold_days=0)
    friend = make_attribution(terms=terms).invitee

    settlement.settle(make_order(friend, currency="JPY"))

    assert ledger.balance(friend.attribution.inviter, "JPY") == 500


@pytest.mark.parametrize("customer", [None, "member"])
def test_who_came_by_themselves_leaves_no_trace(customer):
    order = make_order(make_member() if customer else None)

    assert settlement.settle(order) is None
    assert not Settlement.objects.exists()


# Facts change


def test_an_inviter_who_left_before_the_release_gets_nothing(time_machine):
    friend = make_attribution().invitee
    order = make_order(friend)
    settlement.settle(order)
    inviter = friend.attribution.inviter
    inviter.is_active = False
    inviter.save()

    time_machine.move_to(order.confirmed_at + timedelta(days=15))
    sweeps.release_due()

    reward = Reward.objects.get()
    assert (reward.state, reward.reason) == (State.VOID, "inviter_gone")
    assert not Transfer.objects.exists()


def test_a_voided_reward_comes_back_when_the_facts_do(friend):
    order = make_order(friend, received=4999)
    payment = Payment.objects.get()
    settlement.settle(order)
    with guards.lifted():
        Payment.objects.filter(pk=payment.pk).update(amount_received=5000)

    settlement.settle(order)

    assert Reward.objects.get().state == State.AVAILABLE


def test_a_pending_reward_that_is_voided_reopens_as_the_same_row():
    attribution = make_attribution()
    order = make_order(attribution.invitee)
    settlement.settle(order)
    reward = Reward.objects.get()
    with guards.lifted():
        Payment.objects.update(amount_received=0)
    settlement.settle(order)
    reward.refresh_from_db()
    assert (reward.state, reward.reason) == (State.VOID, "not_paid")

    with guards.lifted():
        Payment.objects.update(amount_received=5000)
    settlement.settle(order)

    reward.refresh_from_db()
    assert (reward.state, reward.reason) == (State.PENDING, "")
    assert Reward.objects.count() == 1


def test_the_order_of_calls_does_not_matter(now_terms):
    """Confirm, pay late and settle, in every order and twice over: one ledger."""

    def confirm(order):
        Order.objects.filter(pk=order.pk, status="pending").update(
            status="confirmed", confirmed_at=timezone.now()
        )

    def receive(order):
        order.payments.filter(status="open").update(
            status="paid", amount_received=order.amount_due, paid_at=timezone.now()
        )

    ledgers = set()
    steps = [confirm, receive, settlement.settle, settlement.settle]
    for steps_taken in set(itertools.permutations(steps)):
        friend = make_attribution(terms=now_terms).invitee
        order = make_order(friend, status=Order.Status.PENDING)
        for step in (*steps_taken, *steps_taken, settlement.settle):
            step(order)
        ledgers.add(
            (Reward.objects.get(order=order).state, wallet(friend.attribution.inviter))
        )

    assert ledgers == {(State.AVAILABLE, 500)}


def test_every_move_of_a_reward_is_in_the_orders_timeline(friend):
    order = make_order(friend)

    settlement.settle(order)

    notes = list(order.events.exclude(kind="placed").values_list("kind", "is_public"))
    assert notes == [("reward_pending", False), ("reward_available", False)]


# What the database refuses


def test_the_database_refuses_a_second_live_reward(friend):
    order, other = make_order(friend), make_order(friend)
    settlement.settle(order)
    reward = Reward.objects.get()

    for again in (order, other):
        with pytest.raises(IntegrityError), transaction.atomic():
            Reward.objects.create(
                attribution=reward.attribution,
                order=again,
                recipient=reward.recipient,
                amount=500,
                currency="USD",
                available_at=timezone.now(),
            )


@pytest.mark.parametrize(
    "change", [{"amount": 900}, {"currency": "EUR"}, {"state": State.PENDING}]
)
def test_the_database_refuses_to_rewrite_a_reward(friend, change):
    settlement.settle(make_order(friend))

    with pytest.raises(IntegrityError), transaction.atomic():
        Reward.objects.update(**change)


# One function for the webhook and the batch


def test_a_fact_about_an_order_settles_it(friend, run_jobs):
    order = make_order(friend)

    order_facts_changed.send_robust(sender=None, order_id=order.pk)
    run_jobs()

    assert wallet(friend.attribution.inviter) == 500


def test_a_fact_about_somebody_elses_order_asks_for_no_work(run_jobs):
    from django_tasks_db.models import DBTaskResult

    order = make_order(make_member())

    order_facts_changed.send_robust(sender=None, order_id=order.pk)

    assert not DBTaskResult.objects.exists()


def test_the_till_takes_the_gift_off_and_the_webhook_pays_the_inviter(
    client, friend, stripe_sandbox, run_jobs, django_capture_on_commit_callbacks
):
    order = place_order(friend, {make_variant(amount=5000, stock=3): 1})
    assert order.amount_discount == 500
    assert order.discounts.get().label == "Welcome gift"
    assert order.amount_due == 5000 - 500 + order.amount_shipping

    with django_capture_on_commit_callbacks(execute=True):
        for event in pay(stripe_sandbox, order):
            deliver(client, stripe_sandbox, event)
            deliver(client, stripe_sandbox, event)
    with django_capture_on_commit_callbacks(execute=True):
        run_jobs()
    run_jobs()

    assert Order.objects.get().status == Order.Status.CONFIRMED
    assert wallet(friend.attribution.inviter) == 500
    assert Payment.objects.get().amount_received == order.amount_due


def test_the_sweep_finds_what_no_signal_told(friend):
    order = make_order(friend)
    make_order(make_member())
    assert list(sweeps.outdated()) == [order]

    call_command("settle", stdout=StringIO())

    assert wallet(friend.attribution.inviter) == 500
    assert not sweeps.outdated().exists()


def test_news_about_a_settled_order_bring_it_back_to_the_sweep(friend):
    order = make_order(friend)
    settlement.settle(order)

    OrderEvent.objects.create(order=order, kind="refund", text="Refunded")

    assert list(sweeps.outdated()) == [order]


def test_an_order_of_somebody_who_is_attributed_later_is_outdated():
    buyer = make_member(days_ago=1)
    order = make_order(buyer)
    assert not sweeps.outdated().exists()

    make_attribution(invitee=buyer)

    assert list(sweeps.outdated()) == [order]


def test_an_order_nobody_paid_for_has_nothing_to_be_settled(friend):
    make_order(friend, status=Order.Status.PENDING)

    assert not Unsettled.objects.exists()


def test_the_mark_says_since_when_there_was_news(friend):
    order = make_order(friend)
    first = order.events.get().created_at
    OrderEvent.objects.create(order=order, kind="note", text="A second word")

    assert Unsettled.objects.get().since == first

    settlement.settle(order)

    assert not Unsettled.objects.exists()


def test_real_time_and_batch_write_the_same_ledger(now_terms):
    friends = [make_attribution(terms=now_terms).invitee for _ in range(3)]
    for one in friends:
        make_order(one)
    settlement.settle(friends[0].orders.get())

    call_command("settle", limit=1, stdout=StringIO())
    call_command("settle", stdout=StringIO())
    call_command("settle", stdout=StringIO())

    assert [wallet(one.attribution.inviter) for one in friends] == [500, 500, 500]
    assert Transfer.objects.count() == 3


def run(*args):
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def test_a_dry_run_says_what_would_be_and_writes_nothing(friend):
    order = make_order(friend)

    said = run("settle", "--dry-run")

    assert said == (
        f"{order.code}: reward is none, should be available: 500\n"
        "1 of 1 would change.\n"
    )
    assert not Settlement.objects.exists()
    assert not Reward.objects.exists()


def test_one_order_can_be_settled_by_its_code(friend):
    order = make_order(friend)
    make_order(make_member())

    assert run("settle", "--order", order.code.lower()) == "Settled 1 of 1.\n"
    with pytest.raises(CommandError, match="no order NOBODY"):
        run("settle", "--order", "NOBODY")


def test_orders_since_a_moment_are_settled_again(friend):
    settlement.settle(make_order(friend))
    tomorrow = (timezone.now() + timedelta(days=1)).date().isoformat()

    assert run("settle", "--since", "2020-01-01") == "Settled 1 of 1.\n"
    assert run("settle", "--since", tomorrow) == "Settled 0 of 0.\n"
    with pytest.raises(CommandError, match="Write the moment"):
        run("settle", "--since", "yesterday")
    assert wallet(friend.attribution.inviter) == 500


def test_the_release_command_pays_what_is_due(time_machine):
    friend = make_attribution().invitee
    order = make_order(friend)
    settlement.settle(order)
    time_machine.move_to(order.confirmed_at + timedelta(days=15))

    assert run("release_rewards") == "Released 1.\n"
    assert run("release_rewards") == "Released 0.\n"


def test_the_worker_settles_and_releases_by_itself(time_machine, run_jobs):
    from shop.kit import jobs

    friend = make_attribution().invitee
    order = make_order(friend)
    jobs.tick()
    run_jobs()
    assert Reward.objects.get().state == State.PENDING

    time_machine.move_to(order.confirmed_at + timedelta(days=15))
    jobs.tick()
    run_jobs()

    assert Reward.objects.get().state == State.AVAILABLE


def test_settling_costs_thirty_queries_at_most(friend):
    # Opened once in the life of a shop.
    LedgerAccount.objects.create(kind="programme_cost", currency="USD")
    order = make_order(friend)

    with counted() as first:
        settlement.settle(order)
    with counted() as again:
        settlement.settle(order)

    assert len(first.own) <= 30, len(first.own)
    assert len(again.own) <= 12, len(again.own)


def test_when_the_first_order_is_cancelled_the_second_is_looked_at_again(
    friend, run_jobs
):
    """Whichever of the two is settled last: facts decide, not the order of looks."""
    first, second = make_order(friend), make_order(friend)
    sweeps.settle_all(Order.objects.order_by("pk"))
    assert second.referral_settlement.reason == "not_first_order"

    first.status, first.cancelled_at = Order.Status.CANCELLED, timezone.now()
    first.save()
    settlement.settle(first)
    run_jobs()

    assert Reward.objects.get(order=first).state == State.REVERSED
    assert Reward.objects.get(order=second).state == State.AVAILABLE
