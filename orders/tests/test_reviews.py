"""Held orders: what staff may decide, once, and what follows."""

import copy

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts import ledger
from accounts.models import User
from catalog.tests.factories import make_variant
from orders import confirmation, payments, refunds, reviews
from orders.models import Order, Refund
from orders.reviews import Way
from orders.tests.factories import (
    deliver,
    let_go,
    make_order,
    make_user,
    make_zone,
    pay,
)
from shop.kit import books

pytestmark = pytest.mark.django_db

Kind = ledger.Kind


@pytest.fixture
def boss():
    return User.objects.create_superuser("boss@example.com", "x")


@pytest.fixture
def wrong(client, stripe_sandbox):
    """Makes an order of $85 by card and $20 by balance, for which less money came."""
    make_zone(amount=500)

    def make(amount=6000):
        user = make_user(balance=2000)
        order = make_order(user, {make_variant(amount=5000, stock=9): 2})
        for event in pay(stripe_sandbox, order):
            event = copy.deepcopy(event)
            if event["type"] == "checkout.session.completed":
                event["data"]["object"]["amount_total"] = amount
            deliver(client, stripe_sandbox, event)
        order.refresh_from_db()
        assert order.held_because == "The amount paid is not the amount due."
        return order

    return make


def pots(order):
    kinds = (Kind.WALLET, Kind.HELD)
    return [ledger.balance(order.user, "USD", kind) for kind in kinds]


def mismatches():
    return {each.rule.name for each in books.prove() if each.rows}


def repeat(client, stripe):
    """Stripe tells everything once more, under other names, as its retries may."""
    for number, event in enumerate(stripe.events("checkout.session.completed")):
        deliver(client, stripe, event | {"id": f"evt_again_{number}"})


def test_money_that_is_right_after_all_confirms(wrong, boss, client, stripe_sandbox):
    order = wrong()

    reviews.confirm(reviews.look(order), actor=boss, reason="Agreed by phone")

    order.refresh_from_db()
    assert (order.status, order.held_at) == (Order.Status.CONFIRMED, None)
    assert pots(order) == [0, 0]
    note = order.events.get(kind="review_confirm")
    assert (note.actor, note.is_public) == (boss, False)
    assert "Agreed by phone" in note.text
    assert order.events.filter(kind="confirmed").count() == 1
    assert mismatches() == set()


def test_a_repeated_message_does_not_hold_again_and_new_money_does(
    wrong, boss, client, stripe_sandbox
):
    order = wrong()
    reviews.confirm(reviews.look(order), actor=boss, reason="Agreed")

    repeat(client, stripe_sandbox)
    order.refresh_from_db()
    assert order.held_at is None

    confirmation.hold(order, "Paid twice.")
    assert reviews.look(order).ways == (Way.LEAVE,)


def test_everything_goes_back_and_the_order_is_closed(wrong, boss, client):
    order = wrong()

    reviews.refund(reviews.look(order), actor=boss, reason="Not ours")

    order.refresh_from_db()
    refund = Refund.objects.get()
    assert (refund.amount_card, refund.actor) == (6000, boss)
    assert refund.state == Refund.State.SUCCEEDED
    assert (order.status, order.held_at) == (Order.Status.CANCELLED, None)
    assert pots(order) == [2000, 0]
    assert order.lines.get().variant.stock == 9
    assert mismatches() == set()


def test_a_refund_that_stripe_does_not_answer_leaves_the_order_held(
    wrong, boss, stripe_sandbox, settings
):
    order = wrong()
    stripe_sandbox.faults.answer(500, 9)

    with pytest.raises(payments.PaymentUnavailable):
        reviews.refund(reviews.look(order), actor=boss, reason="Not ours")

    order.refresh_from_db()
    assert order.held_at
    assert order.status == Order.Status.PENDING
    assert Refund.objects.get().state == Refund.State.REQUESTED


def test_a_closed_order_whose_money_went_back_is_left_as_it_is(
    wrong, boss, client, stripe_sandbox
):
    order = make_order(None, {make_variant(amount=5000, stock=1): 1})
    events = pay(stripe_sandbox, order)
    let_go(order)
    make_order(None, {order.lines.get().variant: 1})
    for event in events:
        deliver(client, stripe_sandbox, event)
    refunds.finish_requested()
    order.refresh_from_db()
    assert order.held_at
    assert set(reviews.look(order).ways) == {Way.REFUND, Way.LEAVE}

    reviews.leave(reviews.look(order), actor=boss, reason="Went back by itself")

    order.refresh_from_db()
    assert (order.held_at, order.status) == (None, Order.Status.EXPIRED)
    assert Refund.objects.count() == 1
    assert mismatches() == set()


def test_a_message_told_once_more_does_not_sell_what_went_back(
    boss, client, stripe_sandbox
):
    order = make_order(None, {make_variant(amount=5000, stock=1): 1})
    events = pay(stripe_sandbox, order)
    let_go(order)
    faster = make_order(None, {order.lines.get().variant: 1})
    for event in events:
        deliver(client, stripe_sandbox, event)
    refunds.finish_requested()
    order.refresh_from_db()
    reviews.leave(reviews.look(order), actor=boss, reason="Went back by itself")
    confirmation.expire_order(faster.pk)  # and the lamp is there again

    repeat(client, stripe_sandbox)

    order.refresh_from_db()
    assert (order.status, order.held_at) == (Order.Status.EXPIRED, None)
    assert order.lines.get().variant.stock == 1


def test_what_is_gone_cannot_be_confirmed(wrong, boss, client, stripe_sandbox):
    order = make_order(None, {make_variant(amount=5000, stock=1): 1})
    events = [copy.deepcopy(event) for event in pay(stripe_sandbox, order)]
    let_go(order)
    make_order(None, {order.lines.get().variant: 1})
    for event in events:
        if event["type"] == "checkout.session.completed":
            event["data"]["object"]["amount_total"] = 1
        deliver(client, stripe_sandbox, event)
    order.refresh_from_db()
    seen = reviews.look(order)

    with pytest.raises(reviews.CannotConfirm, match="they are gone"):
        reviews.confirm(seen, actor=boss, reason="Agreed")

    order.refresh_from_db()
    assert order.held_at
    assert order.status == Order.Status.EXPIRED
    assert not Refund.objects.exists()


@pytest.mark.parametrize("first", [reviews.confirm, reviews.refund])
@pytest.mark.parametrize("second", [reviews.confirm, reviews.refund, reviews.leave])
def test_two_who_decide_at_once_are_one_decision(wrong, boss, first, second):
    order = wrong()
    seen = reviews.look(order)
    first(seen, actor=boss, reason="First")

    with pytest.raises(reviews.AlreadyDecided):
        second(seen, actor=boss, reason="Second")

    decided = order.events.filter(kind__startswith="review_")
    assert [note.data["reason"] for note in decided] == ["First"]


def test_an_order_that_waits_has_to_end_one_way_or_other(wrong, boss):
    order = wrong()
    seen = reviews.look(order)
    assert seen.ways == (Way.CONFIRM, Way.REFUND)

    with pytest.raises(reviews.AlreadyDecided):
        reviews.leave(seen, actor=boss, reason="Later")

    order.refresh_from_db()
    assert order.held_at


def test_an_order_whose_money_the_bank_took_back_can_be_closed(
    wrong, boss, client, stripe_sandbox
):
    order = wrong()
    payment = order.payments.get()
    charge = stripe_sandbox.object("payment_intent", payment.intent_id)
    stripe_sandbox.disputes.open(charge["latest_charge"])
    for event in stripe_sandbox.events("charge.dispute.created"):
        lost = copy.deepcopy(event)
        lost["data"]["object"] |= {"status": "lost", "amount": 6000}
        deliver(client, stripe_sandbox, lost)
    seen = reviews.look(order)
    assert (seen.lost, seen.left) == (6000, 0)
    assert seen.ways == (Way.REFUND,)

    reviews.refund(seen, actor=boss, reason="Charged back")

    order.refresh_from_db()
    assert (order.status, order.held_at) == (Order.Status.CANCELLED, None)
    assert pots(order) == [2000, 0]
    assert not Refund.objects.exists()


# The page


def url(order):
    return reverse("admin:orders_order_review", args=[order.pk])


def test_staff_see_the_sums_and_decide_once(wrong, boss, client):
    order = wrong()
    client.force_login(boss)
    page = client.get(url(order))
    html = page.content.decode()
    for words in ("The amount paid is not", "$85.00", "$60.00", "Refund everything"):
        assert words in html
    said = {
        "way": "confirm",
        "reason": "Agreed",
        "version": page.context["seen"].version,
    }

    done = client.post(url(order), said, follow=True)
    again = client.post(url(order), said, follow=True)

    order.refresh_from_db()
    assert order.status == Order.Status.CONFIRMED
    assert "Done: the money is right after all" in done.content.decode()
    assert "not held" in again.content.decode()
    assert order.events.filter(kind="confirmed").count() == 1
    assert "Agreed" in LogEntry.objects.get().change_message


@pytest.mark.parametrize(
    "said",
    [
        {"way": "confirm", "reason": ""},
        {"way": "confirm", "reason": "  "},
        {"way": "", "reason": "Agreed"},
        {"way": "leave", "reason": "Agreed"},
        {"way": "confirm", "reason": "Agreed", "version": "yesterday"},
    ],
)
def test_nothing_is_decided_without_way_reason_and_what_was_seen(
    wrong, boss, client, said
):
    order = wrong()
    client.force_login(boss)
    version = client.get(url(order)).context["seen"].version

    answer = client.post(url(order), {"version": version} | said)

    order.refresh_from_db()
    assert answer.status_code == 200
    assert order.held_at
    assert not Refund.objects.exists()


def test_a_way_that_cannot_be_gone_says_so(wrong, boss, client, stripe_sandbox):
    order = wrong()
    client.force_login(boss)
    version = client.get(url(order)).context["seen"].version
    stripe_sandbox.faults.answer(500, 9)

    said = {"way": "refund", "reason": "No", "version": version}
    answer = client.post(url(order), said, follow=True)

    assert "Stripe did not answer" in answer.content.decode()


def test_only_staff_who_may_act_decide(wrong, client):
    order = wrong()
    user = User.objects.create_user("reader@example.com", "x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(user)

    assert client.get(url(order)).status_code == 403
    assert client.post(url(order), {"way": "confirm"}).status_code == 403
    order_page = client.get(reverse("admin:orders_order_change", args=[order.pk]))
    assert "Decide…" not in order_page.content.decode()
