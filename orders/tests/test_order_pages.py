import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog.models import Product
from catalog.tests.factories import make_product, make_variant
from orders import confirmation
from orders.models import Order
from orders.tests.factories import deliver, make_order, make_user, pay
from shop.kit.models import Message

pytestmark = pytest.mark.django_db

RETURN = "/checkout/return/"
FIND = "/orders/find/"


def read(response):
    return response.content.decode()


def confirmed(user=None, amount=5000):
    """An order that balance or a gift of the house paid."""
    user = user or make_user(balance=9000)
    order = make_order(user, {make_variant(amount=amount): 1})
    assert order.status == Order.Status.CONFIRMED
    return order


def test_the_owner_reads_states_lines_amounts_address_and_story(client):
    anna = make_user(balance=9000)
    order = confirmed(anna)
    client.force_login(anna)

    html = read(client.get(order.get_absolute_url()))

    line = order.lines.get()
    for words in (
        order.spoken_code,
        line.product_name,
        "$50.00",
        "From your balance",
        "12 Analytical Row",
        "You placed the order",
        "We have your order",
        "Packing",
    ):
        assert words in html
    assert "Pay $" not in html


@pytest.mark.parametrize("address", ["/orders/{code}/", RETURN + "?order={code}"])
def test_an_order_of_somebody_else_is_not_found(client, address):
    order = confirmed()
    client.force_login(make_user())

    response = client.get(address.format(code=order.code))

    assert response.status_code == 404


@pytest.mark.parametrize("address", ["/orders/{code}/", RETURN + "?order={code}"])
def test_strangers_without_a_link_are_asked_to_sign_in(client, address):
    order = make_order()

    for code in (order.code, "NQTHERE2"):
        response = client.get(address.format(code=code))
        assert response.status_code == 302
        assert response.url.startswith(reverse("account_login"))


def test_a_guest_opens_the_order_by_its_link(client):
    order = make_order()

    response = client.get(order.get_absolute_url())

    assert response.status_code == 200
    assert f'name="t" value="{order.access_token}"' in read(response)
    assert 'name="referrer"' in read(response)
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("token", ["wrong", "ÿ", "x" * 5000, "' OR 1=1"])
def test_a_wrong_link_finds_nothing(client, token):
    order = make_order()

    for path, data in (
        (reverse("orders:order", args=[order.code]), {"t": token}),
        (RETURN, {"order": order.code, "t": token}),
    ):
        assert client.get(path, data).status_code == 404
    response = client.post(reverse("orders:pay", args=[order.code]), {"t": token})
    assert response.status_code == 404


def test_the_token_of_a_members_order_opens_nothing(client):
    order = confirmed()
    path = reverse("orders:order", args=[order.code])

    answer = client.get(path, {"t": order.access_token})
    assert answer.url.startswith(reverse("account_login"))
    client.force_login(make_user())
    assert client.get(path, {"t": order.access_token}).status_code == 404


@pytest.mark.parametrize("code", ["a", "x" * 300, "Ω" * 8, "%20", "..", "ßßßßßßßß"])
def test_odd_codes_are_not_found(client, code):
    client.force_login(make_user())

    assert client.get(f"/orders/{code}/").status_code == 404
    response = client.get(RETURN, {"order": code})
    assert response.status_code == 404


def test_a_waiting_order_can_be_paid_from_its_page(client, stripe_sandbox):
    order = make_order()

    html = read(client.get(order.get_absolute_url()))
    response = client.post(
        reverse("orders:pay", args=[order.code]), {"t": order.access_token}
    )

    assert "It waits for $55.00." in html
    assert response.url.startswith(stripe_sandbox.config.public_base)


def test_paying_needs_a_sign_in_and_comes_back_to_the_order(client):
    order = make_order(make_user(), balance=0)

    response = client.post(reverse("orders:pay", args=[order.code]))

    assert response.url.endswith(f"?next={order.get_absolute_url()}")


@pytest.mark.parametrize(
    ("close", "words"),
    [
        (confirmation.expire_order, "This order was not paid in time."),
        (
            lambda pk: confirmation.cancel_order(pk, reason="You changed your cart"),
            "This order was cancelled.",
        ),
    ],
)
def test_a_closed_order_says_why_and_leads_back(client, close, words):
    order = make_order()
    close(order.pk)

    page = read(client.get(order.get_absolute_url()))
    back = read(client.get(RETURN, {"order": order.code, "t": order.access_token}))

    for html in (page, back):
        assert words in html
        assert f'href="{reverse("orders:cart")}"' in html
        assert "Pay $" not in html
    assert 'http-equiv="refresh"' not in back


def test_a_closed_order_tells_that_the_balance_came_back(client):
    anna = make_user(balance=1500)
    order = make_order(anna)
    confirmation.expire_order(order.pk)
    client.force_login(anna)

    html = read(client.get(order.get_absolute_url()))

    assert "$15.00 went back to your balance" in html


def test_a_held_order_is_looked_at_and_asks_for_no_second_payment(client):
    order = make_order()
    confirmation.hold(order, "The amount paid is not the amount due.")

    page = read(client.get(order.get_absolute_url()))
    back = read(client.get(RETURN, {"order": order.code, "t": order.access_token}))

    assert "A person is looking at this order." in page
    assert "We are looking at your payment." in back
    for html in (page, back):
        assert "not the amount due" not in html
        assert "/pay/" not in html
    client.post(reverse("orders:pay", args=[order.code]), {"t": order.access_token})
    assert order.payments.get().session_id is None


def test_an_order_keeps_its_words_when_the_product_is_gone(client):
    anna = make_user(balance=9000)
    lamp = make_product("Old Lamp", amount=5000, images=1).variants.get()
    order = make_order(anna, {lamp: 1})
    lamp.product.images.all().delete()
    Product.objects.filter(pk=lamp.product_id).update(
        name="New Lamp", status=Product.Status.ARCHIVED, looks={}
    )
    client.force_login(anna)

    html = read(client.get(order.get_absolute_url()))

    assert "Old Lamp" in html
    assert "New Lamp" not in html
    assert lamp.product.get_absolute_url() not in html
    assert order.lines.get().image in html  # a lost file is drawn as a placeholder


def test_an_order_page_costs_the_same_for_one_line_and_for_many(client):
    anna = make_user(balance=900_000)
    client.force_login(anna)
    counts = []
    for lines in (1, 6):
        variants = {
            make_product("Mug", images=1).variants.get(): 1 for _ in range(lines)
        }
        order = make_order(anna, variants)
        client.get(order.get_absolute_url())
        with CaptureQueriesContext(connection) as seen:
            client.get(order.get_absolute_url())
        counts.append(len(seen))

    assert counts[0] == counts[1]


def test_the_find_form_answers_alike_whether_there_is_such_an_order(
    client, mailoutbox, run_jobs
):
    order = make_order()
    answers = []

    for code, email in (
        (order.code, order.email),
        (order.code, "somebody@else.example"),
        ("NQTHERE2", order.email),
    ):
        response = client.post(FIND, {"code": code, "email": email}, follow=True)
        answers.append(read(response).split("<main")[1].split("csrfmiddleware")[0])
    run_jobs()

    assert len(set(answers)) == 1
    assert [message.to for message in mailoutbox] == [[order.email]]
    assert order.get_absolute_url() in mailoutbox[0].body


def test_a_code_is_found_as_people_write_it(client, mailoutbox, run_jobs):
    order = make_order()
    spoken = f" {order.code[:4].lower()}-{order.code[4:].lower()} "

    client.post(FIND, {"code": spoken, "email": order.email.upper()})
    run_jobs()

    assert len(mailoutbox) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"code": "", "email": ""},
        {"code": "\0", "email": "a@example.com"},
        {"code": "x" * 5000, "email": "a@example.com"},
        {"code": "Q3XN8VTA", "email": "not an email"},
        {"code": "Q3XN8VTA", "email": "a\0@example.com"},
        {"code[]": "Q3XN8VTA", "email[0]": "a@example.com"},
    ],
)
def test_a_bad_find_form_is_answered_in_words(client, fields):
    response = client.post(FIND, {"csrf": "", **fields})

    assert response.status_code == 422
    assert "to fix" in read(response)


def test_after_many_tries_the_find_form_says_how_long_to_wait(client):
    for _ in range(10):
        client.post(FIND, {"code": "NQTHERE2", "email": "a@example.com"})

    response = client.post(FIND, {"code": "NQTHERE2", "email": "a@example.com"})

    assert response.status_code == 422
    assert "Wait 10 minutes" in read(response)


@pytest.mark.parametrize(("trusted", "status"), [(0, 422), (1, 302)])
def test_who_asks_is_told_apart_by_a_trusted_proxy_only(
    client, settings, trusted, status
):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = trusted
    wrong = {"code": "NQTHERE2", "email": "a@example.com"}
    for _ in range(11):
        client.post(FIND, wrong, headers={"X-Forwarded-For": "203.0.113.1"})

    response = client.post(FIND, wrong, headers={"X-Forwarded-For": "203.0.113.2"})

    assert response.status_code == status


def test_a_link_is_mailed_a_few_times_an_hour(client, time_machine, run_jobs):
    order = make_order()
    for minute in range(9):
        time_machine.move_to(f"2027-03-01T12:{minute:02}Z", tick=False)
        client.post(FIND, {"code": order.code, "email": order.email})

    assert Message.objects.filter(kind="order_link").count() == 6


def test_the_buyer_gets_one_mail_with_what_was_bought_and_where_it_goes(
    client, stripe_sandbox, mailoutbox, run_jobs
):
    lamp = make_product("Lamp <b>& Co", amount=5000).variants.get()
    order = make_order(quantities={lamp: 2})
    for event in pay(stripe_sandbox, order) * 2:
        deliver(client, stripe_sandbox, event)
    run_jobs()

    assert mail.outbox == mailoutbox
    message = next(each for each in mailoutbox if order.spoken_code in each.subject)
    html = message.alternatives[0][0]
    assert len(mailoutbox) == 1
    assert message.to == [order.email]
    assert "2 × Lamp <b>& Co: $100.00" in message.body
    assert "Paid by card: $105.00" in message.body
    assert "12 Analytical Row" in message.body
    assert order.get_absolute_url() in message.body
    assert "Lamp &lt;b&gt;&amp; Co" in html
    assert order.access_token in html
