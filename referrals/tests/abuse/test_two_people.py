"""One person who wants to be two: scripts 27 to 33 and 35."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts import ledger
from accounts.models import User
from accounts.tests import software_key
from catalog.tests.factories import make_variant
from orders.models import Order
from orders.tests.factories import give, make_zone
from referrals import jobs
from referrals.models import Attribution, Device, ReviewCase, Reward
from referrals.tests.factories import (
    PASSWORD,
    make_attribution,
    make_link,
    make_member,
    set_terms,
)
from referrals.tests.people import TYPED_ADDRESS, buy, join, sign_up, type_mailed_code
from shop.kit.models import Message

pytestmark = pytest.mark.django_db

CODE = "A01B2C3D"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
OTHER_CARD = "5555555555554444"


@pytest.fixture
def anna():
    anna = make_member("anna@example.com", name="Anna Lindqvist")
    make_link(anna, text=CODE)
    return anna


@pytest.fixture
def lamp():
    make_zone(["US"], amount=600)
    return make_variant(amount=5000, stock=50)


def browser(agent=LAPTOP, address="198.51.100.7"):
    return Client(headers={"User-Agent": agent}, REMOTE_ADDR=address)


def sign_in(client, email="anna@example.com"):
    client.post("/accounts/login/", {"login": email, "password": PASSWORD})


def settle_all(run_jobs):
    """What the signal of each paid order asks for, once the request is committed."""
    for pk in Order.objects.values_list("pk", flat=True):
        jobs.settle.enqueue(pk)
    run_jobs()


def signals_of(email):
    attribution = Attribution.objects.get(invitee__email=email)
    return set(attribution.signals.values_list("code", flat=True))


def test_abuse_27_a_second_address_in_the_same_browser_is_held(
    anna, lamp, mailoutbox, stripe_sandbox, run_jobs
):
    both = browser()
    sign_in(both)
    both.post("/accounts/logout/")
    join(both, mailoutbox, invitation_code=CODE)

    buy(both, stripe_sandbox, lamp)  # the gift is withheld: the whole amount is due
    settle_all(run_jobs)

    assert Order.objects.get().status == Order.Status.CONFIRMED
    assert "same_device" in signals_of("ben@example.com")
    assert ReviewCase.objects.get().state == "open"
    reward = Reward.objects.get()
    assert (reward.state, reward.settlement.reason) == ("pending", "in_review")
    assert ledger.balance(anna, "USD") == 0


@pytest.mark.parametrize("email", ["a.n.n.a@gmail.com", "anna+2@googlemail.com"])
def test_abuse_28_dots_and_plus_make_nobody_new(
    client, lamp, mailoutbox, stripe_sandbox, run_jobs, email
):
    set_terms(hold_days=0)
    anna = make_member("anna@gmail.com")
    make_link(anna, text=CODE)

    response = join(client, mailoutbox, email, invitation_code=CODE)
    buy(client, stripe_sandbox, lamp)
    settle_all(run_jobs)

    assert response.status_code == 302
    attribution = Attribution.objects.get()
    assert (attribution.status, attribution.void_reason) == ("void", "same_email")
    order = Order.objects.get()
    assert order.status == Order.Status.CONFIRMED
    assert order.referral_settlement.reason == "attribution_void"
    assert client.get(order.get_absolute_url()).status_code == 200
    assert not Reward.objects.exists()
    assert ledger.balance(anna, "USD") == 0


def test_abuse_29_the_inviters_card_in_another_browser_earns_nothing(
    anna, lamp, mailoutbox, stripe_sandbox, run_jobs
):
    own, private = browser(), browser(PHONE, "203.0.113.9")
    sign_in(own)
    buy(own, stripe_sandbox, lamp)
    join(private, mailoutbox, invitation_code=CODE)

    buy(private, stripe_sandbox, lamp, due=5100)
    settle_all(run_jobs)

    assert set(Order.objects.values_list("status", flat=True)) == {"confirmed"}
    assert Attribution.objects.get().void_reason == "same_card"
    assert ledger.balance(anna, "USD") == 0
    assert not Reward.objects.filter(state__in=Reward.LIVE).exists()


def test_abuse_30_where_a_wallet_hides_the_card_the_rest_adds_up(
    anna, lamp, mailoutbox, stripe_sandbox, run_jobs
):
    own, private = browser(), browser()
    sign_in(own)
    buy(own, stripe_sandbox, lamp)
    join(private, mailoutbox, invitation_code=CODE)

    buy(
        private,
        stripe_sandbox,
        lamp,
        card=OTHER_CARD,
        due=5100,
        street="12 analytical row, Apt 0",
    )
    settle_all(run_jobs)

    assert signals_of("ben@example.com") >= {"same_address", "same_network"}
    case = ReviewCase.objects.get()
    assert (case.state, case.score >= 60) == ("open", True)
    assert Reward.objects.get().state == "pending"


def test_abuse_31_one_friend_of_a_household_is_credited_the_next_is_looked_at(
    anna, lamp, mailoutbox, stripe_sandbox, run_jobs, time_machine
):
    set_terms(hold_days=0)
    own = browser()
    sign_in(own)
    buy(own, stripe_sandbox, lamp)
    for number, card in enumerate([OTHER_CARD, "378282246310005"], start=1):
        friend = browser(PHONE, f"203.0.{number}.9")
        email = f"friend-{number}@example.com"
        join(friend, mailoutbox, email, invitation_code=CODE)
        time_machine.move_to(timezone.now() + timedelta(minutes=10))
        buy(friend, stripe_sandbox, lamp, card=card, due=5100)
        settle_all(run_jobs)

    assert "full_household" not in signals_of("friend-1@example.com")
    assert {"same_address", "full_household"} <= signals_of("friend-2@example.com")
    case = ReviewCase.objects.get()
    assert case.attribution.invitee.email == "friend-2@example.com"
    assert ledger.balance(anna, "USD") == 500


def test_abuse_32_a_ring_does_not_close_and_a_group_is_one_case(
    anna, lamp, mailoutbox, stripe_sandbox, run_jobs, admin_client
):
    set_terms(hold_days=0)
    brought = make_attribution(anna, make_member("b@example.com", days_ago=20))
    third = make_attribution(brought.invitee, make_member("c@example.com", days_ago=10))
    with pytest.raises(IntegrityError), transaction.atomic():
        make_attribution(third.invitee, anna)

    swapped = browser()
    sign_in(swapped)
    swapped.post("/accounts/logout/")
    cards = [OTHER_CARD, "378282246310005"]
    for number in range(2):
        join(swapped, mailoutbox, f"swap-{number}@example.com", invitation_code=CODE)
        buy(swapped, stripe_sandbox, lamp, card=cards[number])
        swapped.post("/accounts/logout/")
    settle_all(run_jobs)
    page = admin_client.get("/admin/referrals/reviewcase/queue/").content.decode()

    assert ReviewCase.objects.count() == 2
    assert page.count("data-review") == 1
    assert "2 friends who belong together" in page
    for number in range(2):
        assert "same_device" in signals_of(f"swap-{number}@example.com")
    orders = Order.objects.all()
    assert [order.status for order in orders] == ["confirmed"] * 2
    assert {order.referral_settlement.reason for order in orders} == {"in_review"}
    assert ledger.balance(anna, "USD") == 0


def test_abuse_33_the_sixth_newcomer_of_a_network_waits_and_five_do_not(
    anna, lamp, mailoutbox, stripe_sandbox, run_jobs
):
    farm = [browser(address=f"203.0.113.{number}") for number in range(1, 8)]
    for number, each in enumerate(farm):
        each.get(f"/r/{CODE}/")
        sign_up(each, f"mal-{number}@mailinator.com")
    last = farm[-1]
    type_mailed_code(last, mailoutbox)

    buy(last, stripe_sandbox, lamp, card=OTHER_CARD)
    settle_all(run_jobs)

    looked_at = ReviewCase.objects.order_by("pk")
    assert [case.attribution.invitee.email for case in looked_at] == [
        "mal-5@mailinator.com",
        "mal-6@mailinator.com",
    ]
    assert signals_of("mal-4@mailinator.com") == {"disposable_address"}
    assert "many_by_network" in signals_of("mal-5@mailinator.com")
    assert Order.objects.get().status == Order.Status.CONFIRMED
    assert Reward.objects.get().state == "pending"


def test_abuse_35_a_strange_browser_proves_the_password_before_it_spends(
    anna, lamp, run_jobs, mailoutbox
):
    give(anna, 6000)
    mal = browser(PHONE, "192.0.2.66")
    sign_in(mal)
    mal.post("/cart/add/", {"variant": lamp.sku, "quantity": 1})
    form = TYPED_ADDRESS | {"use_balance": "on", "expected_due": "0"}

    asked = mal.post("/checkout/", form)
    run_jobs()

    assert asked.status_code == 302
    assert asked.url.startswith("/accounts/reauthenticate/")
    assert not Order.objects.exists()
    assert ledger.balance(anna, "USD") == 6000
    notice = Message.objects.get(kind="new_device_spends")
    assert notice.recipient == "anna@example.com"
    assert "Safari, iOS" in notice.text

    wrong = mal.post(asked.url, {"password": "a guess"})
    assert wrong.status_code == 200
    assert not Order.objects.exists()

    mal.post(asked.url, {"password": PASSWORD})  # it was Anna: the order goes on
    assert Order.objects.get().amount_balance == 5600
    assert Device.objects.get(user=anna).trusted_at


def test_who_has_no_password_proves_a_passkey_before_much_is_spent(lamp, mailoutbox):
    own, anew = browser(), browser(PHONE, "192.0.2.66")
    key = software_key.join(own, mailoutbox, "ben@example.com")
    ben = User.objects.get(email="ben@example.com")
    give(ben, 6000)
    software_key.sign_in(anew, key)
    anew.post("/cart/add/", {"variant": lamp.sku, "quantity": 1})
    form = TYPED_ADDRESS | {"use_balance": "on", "expected_due": "0"}

    asked = anew.post("/checkout/", form)
    refused = software_key.prove(anew, software_key.SoftwareKey(), asked.url)
    assert not Order.objects.exists()
    software_key.prove(anew, key, asked.url)

    assert asked.url.startswith("/accounts/2fa/webauthn/reauthenticate/")
    assert refused.status_code == 422
    assert Order.objects.get().amount_balance == 5600
    assert Device.objects.filter(user=ben, trusted_at=None).count() == 0


def test_a_little_of_the_balance_is_spent_without_a_question(anna, lamp):
    give(anna, 2000)
    anew = browser()
    sign_in(anew)
    anew.post("/cart/add/", {"variant": lamp.sku, "quantity": 1})
    form = TYPED_ADDRESS | {"use_balance": "on", "expected_due": "3600"}

    anew.post("/checkout/", form)

    assert Order.objects.get().amount_balance == 2000


def test_the_browser_an_account_was_opened_on_is_its_owners(lamp, mailoutbox):
    own = browser()
    join(own, mailoutbox)
    ben = User.objects.get(email="ben@example.com")
    give(ben, 6000)
    own.post("/cart/add/", {"variant": lamp.sku, "quantity": 1})

    own.post("/checkout/", TYPED_ADDRESS | {"use_balance": "on", "expected_due": "0"})

    assert Order.objects.get().amount_balance == 5600


def test_the_cookie_of_a_device_is_for_the_server_alone(anna):
    own = browser()

    sign_in(own)

    cookie = own.cookies["tandem_device"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert not Device.objects.filter(token_hash=cookie.value).exists()


@pytest.mark.parametrize("value", ["x", "A" * 43, "'; --", "é" * 43])
def test_a_device_cookie_of_ones_own_making_is_replaced(anna, value):
    own = browser()
    own.cookies["tandem_device"] = value

    sign_in(own)

    assert own.cookies["tandem_device"].value != value
    assert Device.objects.count() == 1
