from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import ledger
from catalog.tests.factories import make_variant
from orders import confirmation, expiry, payments
from orders.models import Order
from orders.tests.factories import (
    forget_session,
    make_cart,
    make_order,
    make_user,
    open_session,
    place,
)
from shop.kit import guards, jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(time_machine):
    """The sandbox and Stripe's library look at this clock, too."""
    time_machine.move_to(timezone.now(), tick=False)
    return time_machine


def overdue(clock):
    clock.shift(timedelta(minutes=40, seconds=1))


def status(order):
    order.refresh_from_db()
    return order.status


def test_an_order_has_forty_minutes(clock, stripe_sandbox):
    order = make_order()

    clock.shift(timedelta(minutes=39, seconds=59))
    assert expiry.expire_overdue() == 0
    assert status(order) == Order.Status.PENDING


def test_inv_14_an_overdue_order_is_closed_at_stripe_before_anything_returns(
    clock, stripe_sandbox
):
    ada = make_user(balance=1000)
    lamp = make_variant(stock=5)
    order = place(make_cart(ada, {lamp: 2}))
    session = open_session(order)
    Order.objects.update(expires_at=timezone.now())

    assert expiry.expire_overdue() == 1

    assert stripe_sandbox.object("checkout.session", session)["status"] == "expired"
    assert status(order) == Order.Status.EXPIRED
    lamp.refresh_from_db()
    assert lamp.stock == 5
    assert ledger.balance(ada, "USD") == 1000
    assert expiry.expire_overdue() == 0


def test_an_order_that_cannot_be_closed_keeps_nobody_elses_goods(
    clock, stripe_sandbox, monkeypatch
):
    """One at a time: what fails goes behind what was not tried yet."""
    monkeypatch.setattr(expiry, "MOST_ORDERS", 1)
    stuck, other = make_order(), make_order()
    with guards.lifted():
        stuck.payments.update(session_id="cs_nobody_knows")
    overdue(clock)

    assert expiry.expire_overdue() == 0
    clock.shift(timedelta(minutes=1))
    assert expiry.expire_overdue() == 1

    assert (status(stuck), status(other)) == ("pending", "expired")


def test_an_order_whose_page_was_never_opened_expires(clock, stripe_sandbox):
    order = make_order()
    overdue(clock)

    assert expiry.expire_overdue() == 1
    assert status(order) == Order.Status.EXPIRED


def test_an_order_paid_in_its_last_second_is_confirmed_instead(clock, stripe_sandbox):
    lamp = make_variant(stock=5)
    order = place(make_cart(None, {lamp: 2}))
    stripe_sandbox.pay(open_session(order))  # and the webhook never comes
    overdue(clock)

    assert expiry.expire_overdue() == 0

    assert status(order) == Order.Status.CONFIRMED
    lamp.refresh_from_db()
    assert lamp.stock == 3


def test_nothing_returns_while_stripe_cannot_be_asked(clock, stripe_sandbox, settings):
    lamp = make_variant(stock=5)
    order = place(make_cart(None, {lamp: 2}))
    open_session(order)
    overdue(clock)
    there = settings.STRIPE_API_BASE
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    payments.client.cache_clear()

    assert expiry.expire_overdue() == 0
    assert status(order) == Order.Status.PENDING
    lamp.refresh_from_db()
    assert lamp.stock == 3

    settings.STRIPE_API_BASE = there
    payments.client.cache_clear()
    assert expiry.expire_overdue() == 1
    assert status(order) == Order.Status.EXPIRED


def test_an_order_that_waits_for_a_person_does_not_expire(clock, stripe_sandbox):
    order = make_order()
    confirmation.hold(order, "The amount paid is not the amount due.")
    overdue(clock)

    assert expiry.expire_overdue() == 0
    assert status(order) == Order.Status.PENDING


def test_one_order_that_fails_does_not_keep_the_others_waiting(
    clock, stripe_sandbox, settings
):
    """Its attempt is spoilt: Stripe knows no such session."""
    spoilt, good = make_order(), make_order()
    open_session(spoilt)
    forget_session(spoilt, "cs_test_unheard_of")
    overdue(clock)

    assert expiry.expire_overdue() == 1

    assert status(spoilt) == Order.Status.PENDING
    assert status(good) == Order.Status.EXPIRED


def test_the_schedule_looks_every_minute(clock, stripe_sandbox, run_jobs):
    order = make_order()
    overdue(clock)

    jobs.tick()
    run_jobs()

    assert status(order) == Order.Status.EXPIRED


def test_one_order_that_breaks_keeps_nobody_elses_goods(
    clock, stripe_sandbox, monkeypatch
):
    broken, sound = make_order(), make_order()
    overdue(clock)
    expire = confirmation.expire_order

    def break_on_one(pk):
        if pk == broken.pk:
            raise LookupError("a row is not as it should be")
        return expire(pk)

    monkeypatch.setattr(confirmation, "expire_order", break_on_one)

    assert expiry.expire_overdue() == 1
    assert (status(broken), status(sound)) == ("pending", "expired")
