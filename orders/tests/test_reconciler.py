from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from catalog.tests.factories import make_variant
from orders import facts, payments, reconciler, webhooks
from orders.models import Order, OrderEvent, Payment, StripeEvent
from orders.tests.factories import (
    deliver,
    forget_session,
    make_cart,
    make_order,
    make_user,
    open_session,
    pay,
    place,
)
from shop.kit import books, jobs
from shop.kit.models import Message

pytestmark = pytest.mark.django_db


def status(order):
    order.refresh_from_db()
    return order.status


def everything():
    """What a second run must leave as it is."""
    return [
        list(model.objects.order_by("pk").values())
        for model in (Order, OrderEvent, Payment, StripeEvent, Message)
    ]


def test_inv_26_when_no_webhook_comes_all_is_well_after_one_run(
    stripe_sandbox, time_machine
):
    ada = make_user(balance=700)
    lamp = make_variant(stock=5)
    paid = place(make_cart(ada, {lamp: 1}), ada)
    guest = place(make_cart(None, {lamp: 2}))
    left = place(make_cart(None, {lamp: 1}))
    waits = place(make_cart(None, {lamp: 1}))
    pay(stripe_sandbox, paid)
    pay(stripe_sandbox, guest)
    stripe_sandbox.expire(open_session(left))
    open_session(waits)

    found = reconciler.reconcile()

    assert (found.asked, found.settled, found.failed) == (4, 3, 0)
    assert [status(order) for order in (paid, guest, left, waits)] == [
        "confirmed",
        "confirmed",
        "expired",
        "pending",
    ]
    assert paid.payments.get().card == "Visa ending 4242"
    lamp.refresh_from_db()
    assert lamp.stock == 1
    assert Message.objects.filter(kind="order_confirmed").count() == 2
    time_machine.move_to(timezone.now() + timedelta(minutes=2), tick=False)
    assert not [finding for finding in books.prove(outside=True) if finding.rows]


def test_inv_26_a_second_run_changes_nothing(stripe_sandbox):
    pay(stripe_sandbox, make_order())
    open_session(make_order())
    reconciler.reconcile()
    before = everything()

    found = reconciler.reconcile()

    assert everything() == before
    assert (found.settled, found.events, found.replayed) == (0, 0, 0)


def test_a_webhook_after_the_run_changes_nothing(client, stripe_sandbox):
    events = pay(stripe_sandbox, make_order())
    reconciler.reconcile()
    before = everything()

    for event in events:
        deliver(client, stripe_sandbox, event)

    known = [row for row in everything()[3] if row["type"] in facts.EVENTS]
    assert len(known) == len(before[3])
    assert everything()[:3] == before[:3]


def test_money_for_an_attempt_that_lost_its_session_is_found(stripe_sandbox):
    order = make_order()
    pay(stripe_sandbox, order)
    forget_session(order)

    reconciler.reconcile()

    assert status(order) == Order.Status.CONFIRMED


def test_money_that_came_after_the_order_was_closed_is_not_quiet(stripe_sandbox):
    order = make_order()
    session = open_session(order)
    stripe_sandbox.pay(session)
    order.payments.update(status="closed", closed_at=timezone.now())

    reconciler.reconcile()

    assert status(order) == Order.Status.CONFIRMED


def test_a_young_attempt_is_left_to_its_webhook(stripe_sandbox):
    order = make_order()
    pay(stripe_sandbox, order)

    found = reconciler.reconcile(look_back=timedelta(), older_than=timedelta(minutes=1))

    assert found.asked == 0


def test_the_schedule_finds_it_by_itself(stripe_sandbox, time_machine, run_jobs):
    order = make_order()
    pay(stripe_sandbox, order)
    time_machine.move_to(timezone.now() + timedelta(minutes=2), tick=False)

    jobs.tick()
    run_jobs()

    assert status(order) == Order.Status.CONFIRMED


def test_one_attempt_that_fails_stops_no_other(stripe_sandbox):
    lost, paid = make_order(), make_order()
    open_session(lost)
    forget_session(lost, "cs_test_of_another_account")
    pay(stripe_sandbox, paid)

    found = reconciler.reconcile()

    assert found.failed == 1
    assert status(paid) == Order.Status.CONFIRMED


def test_the_command_says_what_it_found(stripe_sandbox, capsys):
    pay(stripe_sandbox, make_order())

    call_command("reconcile")

    assert "Asked about 1 open attempts: 1 settled" in capsys.readouterr().out


def test_the_command_fails_when_stripe_cannot_be_asked(stripe_sandbox, settings):
    open_session(make_order())
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    payments.client.cache_clear()

    with pytest.raises(CommandError, match="Not all"):
        call_command("reconcile")


# Replaying the inbox


@pytest.fixture
def failed(client, stripe_sandbox, monkeypatch):
    """An order whose events failed midway, and are stored with their error."""
    order = make_order()
    events = pay(stripe_sandbox, order)
    with monkeypatch.context() as patch:
        patch.setattr(facts, "record", _fail)
        for event in events:
            deliver(client, stripe_sandbox, event)
    assert StripeEvent.objects.unprocessed().exists()
    return order


def _fail(event):
    raise RuntimeError("out of luck")


def test_failed_events_are_replayed_by_command(failed, capsys):
    call_command("webhooks")
    assert "RuntimeError: out of luck" in capsys.readouterr().out

    call_command("webhooks", "--retry")

    assert status(failed) == Order.Status.CONFIRMED
    assert not StripeEvent.objects.unprocessed().exists()


def test_replaying_twice_does_nothing_the_second_time(failed):
    call_command("webhooks", "--retry")
    before = everything()

    call_command("webhooks", "--retry")

    assert everything() == before


def test_one_event_can_be_replayed_alone(failed):
    one = StripeEvent.objects.get(type="checkout.session.completed")

    call_command("webhooks", "--retry", "--event", one.event_id)

    assert status(failed) == Order.Status.CONFIRMED
    one.refresh_from_db()
    assert one.processed_at
    assert StripeEvent.objects.unprocessed().exists()


def test_an_event_that_is_not_there_is_refused():
    with pytest.raises(CommandError, match="no event evt_1"):
        call_command("webhooks", "--retry", "--event", "evt_1")


def test_an_event_that_fails_again_is_told(failed, monkeypatch):
    monkeypatch.setattr(facts, "record", _fail)

    with pytest.raises(CommandError):
        call_command("webhooks", "--retry")

    assert webhooks.try_unprocessed().failed == StripeEvent.objects.count()


def test_the_reconciler_replays_what_failed(failed):
    reconciler.reconcile()

    assert not StripeEvent.objects.unprocessed().exists()
