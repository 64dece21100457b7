import pytest
from django.urls import reverse

from accounts.models import Address
from catalog.tests.factories import make_variant
from orders import confirmation
from orders.models import Order
from orders.tests.factories import (
    ADDRESS,
    deliver,
    make_cart,
    make_guest_cart,
    make_user,
    make_zone,
    pay,
)

pytestmark = pytest.mark.django_db

CHECKOUT = "/checkout/"
TYPED = {name: value for name, value in ADDRESS.items() if value}
HTMX = {"HX-Request": "true"}
AWKWARD = [
    "",
    " ",
    "x" * 10_000,
    "-1",
    "\0",
    "a\0b",
    "‮ Ω 🪑 <script>alert(1)</script>",
    "1e99999999",
    "NaN",
    "' OR 1=1 --",
]


@pytest.fixture
def guest(client):
    """A guest with one lamp of $50 in the cart; delivery to the US costs $6."""
    make_zone(["US"], amount=600)
    make_zone(["DE"], amount=1800, position=1)
    make_guest_cart(client, {make_variant(amount=5000): 1})
    return client


@pytest.fixture
def anna(client):
    """Anna is signed in, has $15 of balance and a lamp of $50 in her cart."""
    make_zone(["US"], amount=600)
    anna = make_user("anna@example.com", name="Anna Lindqvist", balance=1500)
    make_cart(anna, {make_variant(amount=5000): 1})
    client.force_login(anna)
    return anna


def guest_form(**changes):
    return {"email": "ada@example.com", "expected_due": "5600", **TYPED, **changes}


def member_form(**changes):
    return {"expected_due": "4100", "use_balance": "on", **TYPED, **changes}


def read(response):
    return response.content.decode()


def test_an_empty_cart_has_nothing_to_check_out(client):
    assert client.get(CHECKOUT).url == reverse("orders:cart")
    assert client.post(CHECKOUT, guest_form()).url == reverse("orders:cart")


def test_htmx_is_sent_to_the_cart_page_when_nothing_is_left(client):
    response = client.post(CHECKOUT, {"update": "country"}, headers=HTMX)

    assert response["HX-Redirect"] == reverse("orders:cart")


def test_a_shop_that_delivers_nowhere_says_so(client):
    make_guest_cart(client, {make_variant(): 1})

    html = read(client.get(CHECKOUT, follow=True))

    assert "cannot deliver anywhere yet" in html


def test_a_guest_is_asked_for_an_email_and_may_sign_in(guest):
    html = read(guest.get(CHECKOUT))

    assert 'autocomplete="email"' in html
    assert f"{reverse('account_login')}?next={CHECKOUT}" in html
    assert 'autocomplete="postal-code"' in html
    assert "Pay $56.00 by card" in html
    assert "Use my balance" not in html
    assert "Keep this address" not in html


def test_a_member_starts_with_name_last_address_and_all_the_balance_that_helps(
    client, anna
):
    Address.objects.create(user=anna, **ADDRESS)

    html = read(client.get(CHECKOUT))

    assert "anna@example.com" in html
    assert 'value="12 Analytical Row"' in html
    assert "Use my balance" in html
    assert "−$15.00" in html
    assert "Pay $41.00 by card" in html


def test_a_guest_is_sent_to_the_card_page(guest, stripe_sandbox):
    response = guest.post(CHECKOUT, guest_form())

    assert response.status_code == 302
    assert response.url.startswith(stripe_sandbox.config.public_base)
    order = Order.objects.get()
    assert (order.email, order.amount_due) == ("ada@example.com", 5600)


def test_an_empty_form_names_every_field_and_moves_focus_there(guest):
    response = guest.post(CHECKOUT, {"country": "US", "expected_due": "5600"})

    html = read(response)
    assert response.status_code == 422
    assert "data-error-summary" in html
    for field in ("email", "name", "street", "city", "region", "postal_code"):
        assert f'href="#id_{field}"' in html
        assert f'id="id_{field}_error"' in html
    assert html.index("#id_email") < html.index("#id_name") < html.index("#id_city")
    assert "This field is required" not in html
    assert not Order.objects.exists()


@pytest.mark.parametrize("awkward", AWKWARD)
@pytest.mark.parametrize(
    "field",
    ["email", "country", "name", "street", "city", "region", "postal_code"],
)
def test_whatever_a_guest_types_is_answered_in_words(
    guest, stripe_sandbox, field, awkward
):
    response = guest.post(CHECKOUT, guest_form(**{field: awkward}))

    assert response.status_code in (302, 422)
    assert b"<script>alert" not in response.content
    if response.status_code == 422:
        assert "to fix" in read(response)
        assert not Order.objects.exists()
    updated = guest.post(CHECKOUT, guest_form(**{field: awkward, "update": "1"}))
    assert updated.status_code == 200


@pytest.mark.parametrize("awkward", [*AWKWARD[2:], "-5", "1.234", "999999999999"])
def test_whatever_stands_for_the_balance_is_answered_in_words(
    client, anna, stripe_sandbox, awkward
):
    response = client.post(CHECKOUT, member_form(balance_amount=awkward))

    assert response.status_code == 422
    assert 'href="#id_balance_amount"' in read(response)
    assert not Order.objects.exists()


@pytest.mark.parametrize("awkward", [*AWKWARD[2:], "5600.5", "9" * 400])
def test_an_amount_we_did_not_print_is_asked_about_again(
    guest, stripe_sandbox, awkward
):
    response = guest.post(CHECKOUT, guest_form(expected_due=awkward))

    assert response.status_code == 422
    assert not Order.objects.exists()


def test_names_that_look_like_lists_are_ignored(guest, stripe_sandbox):
    odd = {
        "email[]": "x",
        "name[0]": "y",
        "street": ["Other Road 1", "12 Analytical Row"],
        "amount_due": "1",
        "__proto__": "z",
    }

    response = guest.post(CHECKOUT, guest_form(**odd))

    assert response.status_code == 302
    assert Order.objects.get().address.street == "12 Analytical Row"
    assert Order.objects.get().amount_due == 5600


def test_two_presses_are_one_order_and_one_card_page(guest, stripe_sandbox):
    first = guest.post(CHECKOUT, guest_form())
    second = guest.post(CHECKOUT, guest_form())

    assert first.url == second.url
    assert Order.objects.get().payments.count() == 1


def test_two_presses_with_a_balance_are_one_order(client, anna, stripe_sandbox):
    first = client.post(CHECKOUT, member_form())
    second = client.post(CHECKOUT, member_form())

    assert first.url == second.url
    assert Order.objects.get().amount_balance == 1500


def test_coming_back_from_the_card_page_the_balance_is_still_offered(
    client, anna, stripe_sandbox
):
    client.post(CHECKOUT, member_form())

    html = read(client.get(CHECKOUT))

    assert "You have $15.00" in html
    assert "Pay $41.00 by card" in html


@pytest.mark.parametrize("changed", [True, False])
def test_an_order_that_a_person_looks_at_is_not_paid_twice(
    client, anna, stripe_sandbox, changed
):
    client.post(CHECKOUT, member_form())
    order = Order.objects.get()
    order.payments.update(status="paid", paid_at=order.placed_at)
    confirmation.hold(order, "The amount paid is not the amount due.")
    if changed:
        anna.cart.lines.update(quantity=2)

    due = "9100" if changed else "4100"
    response = client.post(CHECKOUT, member_form(expected_due=due))

    assert response.url == order.get_absolute_url()
    assert order.payments.count() == 1
    assert Order.objects.count() == 1


def test_a_total_that_moved_is_shown_and_asked_again(guest, stripe_sandbox):
    response = guest.post(CHECKOUT, guest_form(expected_due="5500"))

    html = read(response)
    assert response.status_code == 422
    assert "The amount has changed since you looked." in html
    assert "Pay $56.00 by card" in html
    assert 'name="expected_due" value="5600"' in html
    assert not Order.objects.exists()


def test_a_price_that_moved_is_asked_again_where_balance_pays_everything(
    client, settings
):
    settings.SPENDING_QUESTIONS = []
    make_zone(amount=0)
    anna = make_user(balance=9000)
    make_cart(anna, {make_variant(amount=5000): 1})
    client.force_login(anna)

    typed = member_form(expected_due="0", expected_total="4900")
    response = client.post(CHECKOUT, typed)

    assert response.status_code == 422
    assert "The amount has changed since you looked." in read(response)
    assert not Order.objects.exists()


def test_what_sold_out_meanwhile_is_told_in_the_cart(guest, stripe_sandbox):
    make_variant_gone()

    html = read(guest.post(CHECKOUT, guest_form(), follow=True))

    assert "Sold out" in html
    assert not Order.objects.exists()


def make_variant_gone():
    from catalog import stock
    from catalog.models import Variant

    variant = Variant.objects.get()
    stock.correct(variant, -variant.stock, cause="test:gone", reason="Broken")


def test_the_page_says_when_less_is_left_than_was_asked_for(client):
    make_zone(["US"], amount=600)
    make_guest_cart(client, {make_variant(amount=5000, stock=2): 3})

    assert "less left than you asked for" in read(client.get(CHECKOUT))


def test_without_script_update_prints_the_new_country_and_judges_nothing(guest):
    typed = guest_form(country="DE", city="", update="country")

    response = guest.post(CHECKOUT, typed)

    html = read(response)
    assert response.status_code == 200
    assert "<html" in html
    assert "Pay $68.00 by card" in html
    assert 'value="12 Analytical Row"' in html
    assert 'name="region"' not in html
    assert "to fix" not in html
    assert not Order.objects.exists()


def test_with_htmx_only_the_form_is_exchanged(guest):
    typed = guest_form(country="DE", update="country")

    html = read(guest.post(CHECKOUT, typed, headers=HTMX))

    assert "<html" not in html
    assert 'id="checkout"' in html
    assert 'id="checkout-said"' in html
    assert "to pay $68.00" in html


def test_the_customer_picks_how_much_balance_to_use(client, anna, stripe_sandbox):
    html = read(client.post(CHECKOUT, member_form(balance_amount="7", update="1")))
    response = client.post(
        CHECKOUT, member_form(balance_amount="7", expected_due="4900")
    )

    assert "Pay $49.00 by card" in html
    assert response.status_code == 302
    assert Order.objects.get().amount_balance == 700


def test_more_than_there_is_is_capped_with_a_note(client, anna):
    html = read(client.post(CHECKOUT, member_form(balance_amount="99", update="1")))

    assert "We used $15.00: that is all there is." in html
    assert "Pay $41.00 by card" in html


def test_more_than_helps_is_capped_with_a_note(client):
    make_zone(amount=0)
    anna = make_user(balance=9000)
    make_cart(anna, {make_variant(amount=5000): 1})
    client.force_login(anna)

    html = read(client.post(CHECKOUT, member_form(balance_amount="60", update="1")))

    assert "We used $50.00: more would not help." in html
    assert "Place the order" in html


def test_no_balance_is_used_unless_asked(client, anna, stripe_sandbox):
    typed = member_form(expected_due="5600")
    del typed["use_balance"]

    client.post(CHECKOUT, typed)

    assert Order.objects.get().amount_balance == 0


def test_an_order_that_balance_pays_is_thanked_for_at_once(client, settings):
    settings.SPENDING_QUESTIONS = []
    make_zone(amount=0)
    anna = make_user(balance=9000)
    make_cart(anna, {make_variant(amount=5000): 1})
    client.force_login(anna)

    response = client.post(CHECKOUT, member_form(expected_due="0"), follow=True)

    assert "Thank you" in read(response)
    assert "Your balance paid for all of it." in read(response)
    assert Order.objects.get().status == Order.Status.CONFIRMED


@pytest.mark.parametrize("keep", [True, False])
def test_an_address_is_kept_if_wanted(client, anna, stripe_sandbox, keep):
    typed = member_form(**({"keep_address": "on"} if keep else {}))

    client.post(CHECKOUT, typed)

    assert anna.addresses.exists() == keep


def test_a_payment_service_that_is_away_charges_nothing(guest, settings):
    from orders import payments

    settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    payments.client.cache_clear()
    response = guest.post(CHECKOUT, guest_form(), follow=True)
    payments.client.cache_clear()

    html = read(response)
    assert "Payment is not possible right now." in html
    assert "Pay $56.00 by card" in html


def return_page(client, order, **more):
    data = {"order": order.code, "t": order.access_token, **more}
    return client.get(reverse("orders:return"), data)


def test_the_return_page_waits_for_the_webhook_and_confirms_nothing(
    guest, stripe_sandbox
):
    guest.post(CHECKOUT, guest_form())
    order = Order.objects.get()
    events = pay(stripe_sandbox, order)

    before = read(return_page(guest, order))
    order.refresh_from_db()
    assert "Confirming your payment…" in before
    assert 'http-equiv="refresh"' in before
    assert 'hx-trigger="load delay:2s"' in before
    assert "looked=1" in before
    assert order.status == Order.Status.PENDING

    for event in events:
        deliver(guest, stripe_sandbox, event)
    polled = guest.get(
        reverse("orders:return"),
        {"order": order.code, "t": order.access_token},
        headers=HTMX,
    )
    after = read(return_page(guest, order))
    assert polled["HX-Refresh"] == "true"
    assert "Thank you, Ada." in after
    assert "Make an account" in after


@pytest.mark.parametrize("looked", ["40", "41", "999999", "9" * 400])
def test_after_many_looks_the_return_page_says_that_it_takes_long(
    guest, stripe_sandbox, looked
):
    guest.post(CHECKOUT, guest_form())

    html = read(return_page(guest, Order.objects.get(), looked=looked))

    assert "It takes longer than usual." in html
    assert 'http-equiv="refresh"' not in html
    assert "hx-get" not in html


@pytest.mark.parametrize("looked", ["", "x", "-1", "²", "1.5"])
def test_odd_counts_of_looks_start_anew(guest, stripe_sandbox, looked):
    guest.post(CHECKOUT, guest_form())

    html = read(return_page(guest, Order.objects.get(), looked=looked))

    assert "looked=1" in html
