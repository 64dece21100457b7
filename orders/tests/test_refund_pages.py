import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts import ledger
from accounts.models import User
from catalog.tests.factories import make_variant
from orders.models import Order, Refund
from orders.tests.factories import deliver, make_order, make_user, make_zone, pay

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(client, stripe_sandbox):
    """Two lamps of $50 and delivery of $5, $20 of it paid by balance."""
    make_zone(amount=500)
    user = make_user("ada@example.com", balance=2000)
    order = make_order(user, {make_variant(amount=5000, stock=9): 2})
    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)
    order.refresh_from_db()
    return order


@pytest.fixture
def boss(client):
    user = User.objects.create_superuser("boss@example.com", "x")
    client.force_login(user)
    return user


def refund_url(order):
    return reverse("admin:orders_order_refund", args=[order.pk])


def cancel_url(order):
    return reverse("orders:cancel", args=[order.code])


def test_staff_see_the_balance_sheet_and_do_exactly_that(client, order, boss):
    line = order.lines.get()
    said = {f"line_{line.pk}": "1", "shipping": "on", "restock": "on", "reason": "Torn"}
    assert client.get(refund_url(order)).status_code == 200

    sheet = client.post(refund_url(order), said)
    assert not Refund.objects.exists()
    version = sheet.context["plan"].version
    page = sheet.content.decode()
    assert "This is what happens: $55.00" in page
    assert "1 back on the shelf" in page
    done = client.post(refund_url(order), said | {"version": version}, follow=True)
    again = client.post(refund_url(order), said | {"version": version})

    refund = Refund.objects.get()
    assert (refund.amount_card, refund.amount_shipping) == (5500, 500)
    assert refund.actor == boss
    assert "Refunded $55.00." in done.content.decode()
    assert "Something has changed since" in again.content.decode()
    assert LogEntry.objects.get().change_message == "Refunded $55.00: Torn"


def test_staff_cancel_a_paid_order_with_everything_back(client, order, boss):
    form = client.get(refund_url(order) + "?cancel").context["form"]
    assert form.initial["cancels"]
    said = {"cancels": "on", "restock": "on", "reason": "Out of oak"}

    version = client.post(refund_url(order), said).context["plan"].version
    client.post(refund_url(order), said | {"version": version})

    order.refresh_from_db()
    assert order.status == Order.Status.CANCELLED
    assert ledger.balance(order.user, "USD") == 2000
    assert order.lines.get().variant.stock == 9


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"reason": "x"},
        {"reason": "x", "amount": "999"},
        {"reason": "x", "amount": "-5"},
        {"reason": "x", "amount": "abc"},
        {"reason": "x", "payment": "77"},
    ],
)
def test_a_refund_that_cannot_be_is_a_sentence_on_the_form(client, order, boss, said):
    page = client.post(refund_url(order), said)

    assert page.status_code == 200
    assert page.context["plan"] is None
    assert page.context["form"].errors
    assert not Refund.objects.exists()


def test_looking_at_orders_is_not_enough_to_refund(client, order):
    clerk = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_order"))
    client.force_login(clerk)

    assert client.get(refund_url(order)).status_code == 403
    assert client.post(refund_url(order), {"reason": "x"}).status_code == 403


def test_a_buyer_cancels_and_reads_where_the_money_goes(client, order):
    client.force_login(order.user)
    assert cancel_url(order) in client.get(order.get_absolute_url()).content.decode()

    page = client.get(cancel_url(order))
    assert "$85.00" in page.content.decode()
    assert "$20.00" in page.content.decode()
    assert not Refund.objects.exists()
    stale = client.post(cancel_url(order), {"version": "old"})
    assert stale.status_code == 200
    said = {"version": page.context["plan"].version}
    done = client.post(cancel_url(order), said, follow=True).content.decode()
    client.post(cancel_url(order), said)

    order.refresh_from_db()
    refund = Refund.objects.get()
    assert order.status == Order.Status.CANCELLED
    assert (refund.origin, refund.actor) == ("customer", order.user)
    assert "Your order is cancelled." in done
    assert "Back to your card" in done
    assert "its money comes back to you" in done
    assert cancel_url(order) not in done


def test_nobody_else_cancels_an_order(client, order):
    assert client.get(cancel_url(order)).status_code == 302
    client.force_login(make_user())

    assert client.get(cancel_url(order)).status_code == 404
    assert client.post(cancel_url(order), {"version": "x"}).status_code == 404


def test_a_guest_cancels_by_the_link(client, stripe_sandbox):
    order = make_order()
    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)

    page = client.get(cancel_url(order), {"t": order.access_token})
    said = {"t": order.access_token, "version": page.context["plan"].version}
    client.post(cancel_url(order), said)

    order.refresh_from_db()
    assert order.status == Order.Status.CANCELLED


def test_an_order_that_a_person_looks_at_is_not_cancelled_by_its_buyer(client, order):
    Order.objects.filter(pk=order.pk).update(held_at=order.placed_at)
    client.force_login(order.user)

    answer = client.get(cancel_url(order), follow=True).content.decode()

    assert "cannot be cancelled any more" in answer


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (None, "Your bank is looking into this payment"),
        ("lose", "Your bank has given you this money back already"),
    ],
)
def test_a_customer_cannot_cancel_what_the_bank_decides(
    client, stripe_sandbox, order, ends, words
):
    intent = order.payments.get().intent_id
    charge = stripe_sandbox.object("payment_intent", intent)["latest_charge"]
    dispute = stripe_sandbox.disputes.open(charge)
    if ends:
        getattr(stripe_sandbox.disputes, ends)(dispute["id"])
    for event in stripe_sandbox.events():
        deliver(client, stripe_sandbox, event)
    client.force_login(order.user)

    page = client.get(order.get_absolute_url()).content.decode()
    asked = client.get(cancel_url(order), follow=True).content.decode()
    client.post(cancel_url(order), {"version": "x"})

    assert cancel_url(order) not in page
    assert words in asked
    order.refresh_from_db()
    assert order.status == Order.Status.CONFIRMED
    assert order.lines.get().variant.stock == 7


def test_a_customer_may_cancel_what_a_bank_only_asks_about(
    client, stripe_sandbox, order
):
    intent = order.payments.get().intent_id
    charge = stripe_sandbox.object("payment_intent", intent)["latest_charge"]
    stripe_sandbox.disputes.warn(charge)
    for event in stripe_sandbox.events():
        deliver(client, stripe_sandbox, event)
    client.force_login(order.user)

    assert cancel_url(order) in client.get(order.get_absolute_url()).content.decode()
