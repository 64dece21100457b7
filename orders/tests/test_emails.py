"""What a buyer is told when a payment fails, and the way back from there."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import ledger
from catalog.tests.factories import make_variant
from orders import expiry, payments
from orders.models import Order
from orders.tests.factories import (
    deliver,
    forget_session,
    make_order,
    make_user,
    open_session,
    pay,
)
from shop.kit.models import Message

pytestmark = pytest.mark.django_db

DAY = 24 * 3600
DECLINED = "4000000000000002"


def debit_fails(client, stripe, order, *, times=1):
    """The buyer chose a debit, as Stripe's dashboard may offer, and it never came."""
    payments.start(order)
    payment = order.payments.get(status="open")
    asked = payments._parameters(payment)
    asked["allowed_payment_method_types"] = ["card", "us_bank_account"]
    session = payments.client().v1.checkout.sessions.create(asked)
    forget_session(order, session.id)
    stripe.pay_by_debit(session.id, fails=True)
    stripe.clock.advance(5 * DAY)
    for event in stripe.events() * times:
        assert deliver(client, stripe, event).status_code == 200
    order.refresh_from_db()


def hear(client, stripe):
    for event in stripe.events():
        assert deliver(client, stripe, event).status_code == 200


def test_a_debit_that_never_came_is_told_once_with_the_way_to_pay_again(
    client, stripe_sandbox, run_jobs, mailoutbox
):
    lamp = make_variant(amount=5000, stock=5)
    order = make_order(None, {lamp: 2})
    before = (order.code, order.amount_due)

    debit_fails(client, stripe_sandbox, order, times=2)
    run_jobs()

    assert [mail.subject for mail in mailoutbox] == [
        f"Your payment for order {order.spoken_code} did not go through"
    ]
    assert order.is_open
    assert order.expires_at > timezone.now() + timedelta(hours=23)
    link = re.search(r"Pay \$105\.00: (\S+)", mailoutbox[0].body)[1]
    assert link in mailoutbox[0].alternatives[0].content
    page = client.get(link)
    assert "Your payment did not go through" in page.text
    client.post(f"/orders/{order.code}/pay/", {"t": order.access_token})
    pay(stripe_sandbox, order)
    hear(client, stripe_sandbox)

    order.refresh_from_db()
    lamp.refresh_from_db()
    assert order.status == Order.Status.CONFIRMED
    assert (order.code, order.amount_due) == before
    assert lamp.stock == 3
    assert [each.status for each in order.payments.all()] == ["closed", "paid"]


def test_a_second_try_keeps_the_number_the_goods_and_the_balance(
    client, stripe_sandbox
):
    ada = make_user(balance=2000)
    lamp = make_variant(amount=5000, stock=5)
    order = make_order(ada, {lamp: 2})
    session = open_session(order)
    client.force_login(ada)

    assert stripe_sandbox.pay(session, DECLINED) is None
    hear(client, stripe_sandbox)
    answer = client.post(f"/orders/{order.code}/pay/")
    assert session in answer["Location"]  # the same page is still open
    stripe_sandbox.pay(session)
    hear(client, stripe_sandbox)

    lamp.refresh_from_db()
    assert Order.objects.get().status == Order.Status.CONFIRMED
    assert order.payments.count() == 1
    assert (lamp.stock, ledger.balance(ada, "USD")) == (3, 0)


def test_a_refused_card_is_told_on_stripes_page_and_by_no_mail(client, stripe_sandbox):
    order = make_order()
    stripe_sandbox.pay(open_session(order), DECLINED)

    hear(client, stripe_sandbox)

    assert not Message.objects.exists()
    assert order.events.get(kind="payment_refused").is_public is False


def test_who_left_the_card_page_hears_that_nothing_was_charged(
    client, stripe_sandbox, run_jobs, mailoutbox
):
    ada = make_user(balance=1000)
    order = make_order(ada)
    stripe_sandbox.expire(open_session(order))

    for _ in range(2):
        hear(client, stripe_sandbox)
    Order.objects.update(expires_at=timezone.now())
    expiry.expire_overdue()
    run_jobs()

    assert [mail.subject for mail in mailoutbox] == [
        f"Order {order.spoken_code} was not paid, and nothing was charged"
    ]
    assert "still in your cart" in mailoutbox[0].body
    assert "$10.00 went back to your balance" in mailoutbox[0].body


def test_who_never_saw_the_card_page_hears_nothing(stripe_sandbox):
    order = make_order()
    Order.objects.update(expires_at=timezone.now())

    assert expiry.expire_overdue() == 1

    assert not Message.objects.filter(reference=order.code).exists()


def test_who_has_ordered_anew_hears_nothing_of_the_old_order(stripe_sandbox):
    old = make_order()
    open_session(old)
    make_order()
    Order.objects.filter(pk=old.pk).update(expires_at=timezone.now())

    assert expiry.expire_overdue() == 1

    assert not Message.objects.exists()
