import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from accounts import ledger
from accounts.models import User
from catalog.tests.factories import make_variant
from orders import cancellations, payments
from orders.admin import cancelling
from orders.cancellations import Decision
from orders.models import Order, Refund
from orders.tests.factories import (
    deliver,
    make_cart,
    make_order,
    make_user,
    open_session,
    pay,
    place,
)
from shop.kit.models import Message
from shop.kit.staff import list_url

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client):
    user = User.objects.create_superuser("boss@example.com", "x")
    client.force_login(user)
    return user


@pytest.fixture
def bought(client, stripe_sandbox):
    """Sell an order of one lamp of $50 and delivery of $5."""

    def buy(**decided):
        order = make_order(**decided)
        for event in pay(stripe_sandbox, order):
            deliver(client, stripe_sandbox, event)
        order.refresh_from_db()
        return order

    return buy


def cancel_url(order):
    return reverse("orders:cancel", args=[order.code])


def at_stripe(stripe, session):
    return stripe.object("checkout.session", session)["status"]


# By their buyers


def test_a_buyer_takes_an_unpaid_order_back(client, stripe_sandbox):
    ada = make_user(balance=1000)
    lamp = make_variant(amount=5000, stock=5)
    cart = make_cart(ada, {lamp: 2})
    order = place(cart)
    session = open_session(order)
    client.force_login(ada)
    assert cancel_url(order) in client.get(order.get_absolute_url()).text

    page = client.get(cancel_url(order)).text
    assert "Back to your balance" in page
    assert "$10.00" in page
    assert at_stripe(stripe_sandbox, session) == "open"
    done = client.post(cancel_url(order), follow=True).text
    again = client.post(cancel_url(order), follow=True).text

    order.refresh_from_db()
    lamp.refresh_from_db()
    assert order.status == Order.Status.CANCELLED
    assert at_stripe(stripe_sandbox, session) == "expired"
    assert lamp.stock == 5
    assert ledger.balance(ada, "USD") == 1000
    assert cart.lines.get().quantity == 2
    assert "Nothing was charged." in done
    assert "You cancelled the order" in done
    assert "cannot be cancelled any more" in again
    entry = order.events.get(kind="cancelled")
    assert (entry.actor, entry.origin) == (ada, "customer")
    assert not Message.objects.exists()


def test_a_guest_takes_an_unpaid_order_back_by_the_link(client, stripe_sandbox):
    order = make_order()
    open_session(order)

    assert client.post(cancel_url(order), {"t": "x"}).status_code == 404
    client.post(cancel_url(order), {"t": order.access_token})

    order.refresh_from_db()
    assert order.status == Order.Status.CANCELLED


def test_a_buyer_whose_payment_was_faster_is_told_so(client, stripe_sandbox):
    ada = make_user()
    order = make_order(ada)
    stripe_sandbox.pay(open_session(order))  # and the webhook is still on its way
    client.force_login(ada)

    answer = client.post(cancel_url(order), follow=True).text

    order.refresh_from_db()
    assert order.status == Order.Status.CONFIRMED
    assert "The order is paid; you can still cancel it." in answer


def test_an_order_stands_while_stripe_cannot_be_asked(client, stripe_sandbox):
    ada = make_user()
    order = make_order(ada)
    open_session(order)
    stripe_sandbox.faults.answer(500, times=9)
    client.force_login(ada)

    answer = client.post(cancel_url(order), follow=True).text

    order.refresh_from_db()
    assert order.status == Order.Status.PENDING
    assert "so your order stands" in answer


# By staff, many at once


def choose(client, *orders, **more):
    chosen = {"action": "cancel", "_selected_action": [order.pk for order in orders]}
    return client.post(list_url(Order), chosen | more, follow=True)


def as_shown(page, **more):
    """What the page that asks sends back, its reason filled in."""
    shown = {
        f"figures_{each.order.pk}": each.figures for each in page.context["possible"]
    }
    said = {"confirmed": "yes", "reason": "Out of oak"}
    return shown | said | {"restock": "on", "notify": "on"} | more


def test_staff_cancel_paid_and_unpaid_orders_together(
    client, boss, bought, stripe_sandbox
):
    unpaid = make_order()
    session = open_session(unpaid)
    paid, gone = bought(), bought()
    page = choose(client, unpaid, paid, gone)
    assert list(page.context["rows"])[1][1:] == (
        "Cancelled and refunded",
        "$55.00 to the card",
    )
    assert "<dt>To cards</dt><dd>$110.00</dd>" in page.text
    said = as_shown(page)
    cancellations.cancel_many([(gone, "5500+0")], Decision("Faster"), boss)

    answer = choose(client, unpaid, paid, gone, **said).text
    choose(client, unpaid, paid, gone, **said)

    for order in (unpaid, paid):
        order.refresh_from_db()
        assert order.status == Order.Status.CANCELLED
        assert order.lines.get().variant.stock == make_variant().stock
        entry = order.events.get(kind="cancelled")
        assert (entry.text, entry.origin, entry.actor) == ("Out of oak", "staff", boss)
    assert at_stripe(stripe_sandbox, session) == "expired"
    assert Refund.objects.count() == 2
    assert f"{paid.spoken_code}: Cancelled, $55.00 back." in answer
    assert f"{gone.spoken_code}: This order cannot be cancelled any more." in answer
    assert LogEntry.objects.filter(object_id=paid.pk).count() == 1
    mails = Message.objects.filter(kind="cancelled", text__contains="Why: Out of oak")
    assert mails.count() == 2


def test_an_order_that_has_changed_since_the_page_stays(client, boss, stripe_sandbox):
    order = make_order()
    said = as_shown(choose(client, order))
    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)

    answer = choose(client, order, **said).text

    order.refresh_from_db()
    assert order.status == Order.Status.CONFIRMED
    assert "It has changed since." in answer


def test_one_that_stripe_refuses_stops_no_other(client, boss, bought, stripe_sandbox):
    first, second = bought(), bought()
    said = as_shown(choose(client, first, second))
    intent = first.payments.get().intent_id
    payments.client().v1.refunds.create({"payment_intent": intent})  # by somebody else

    answer = choose(client, first, second, **said).text

    states = {order.code: order.status for order in Order.objects.all()}
    assert states == {first.code: "confirmed", second.code: "cancelled"}
    assert f"{first.spoken_code}: Stripe refused" in answer


@pytest.mark.parametrize(("restock", "stock"), [("on", 9), ("", 8)])
def test_staff_decide_whether_goods_return_and_whether_a_mail_goes_out(
    client, boss, bought, restock, stock
):
    lamp = make_variant(amount=5000, stock=9)
    order = bought(quantities={lamp: 1})
    said = as_shown(choose(client, order), restock=restock, notify="")

    choose(client, order, **said)

    lamp.refresh_from_db()
    assert lamp.stock == stock
    assert not Message.objects.filter(kind="cancelled").exists()


def test_cancelling_needs_a_reason(client, boss):
    order = make_order()
    page = choose(client, order)

    asked = choose(client, order, **as_shown(page, reason=" "))

    assert asked.context["form"].errors
    assert Order.objects.pending().count() == 1


def test_more_than_can_be_done_while_a_browser_waits_is_refused(
    client, boss, monkeypatch
):
    monkeypatch.setattr(cancelling, "MOST_AT_ONCE", 1)

    answer = choose(client, make_order(), make_order()).text

    assert "Choose at most 1 at once." in answer
