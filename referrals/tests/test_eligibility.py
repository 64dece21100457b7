"""Who is nobody new: customers under another name, the inviter's own card."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import ledger, mailboxes
from orders.models import Order, OrderAddress, Payment
from orders.tests.factories import ADDRESS
from referrals import attributions, eligibility, formers, settlement
from referrals.models import Attribution, Claim, FormerCustomer, Reward
from referrals.tests.afterwards import give_back
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    set_terms,
)
from referrals.tests.people import join

pytestmark = pytest.mark.django_db

Status = Attribution.Status


@pytest.fixture
def link():
    return make_link(make_member("anna@example.com"), text="A01B2C3D")


def bought(user=None, *, email="", card="", days_ago=20, **fields):
    """A paid order of a while ago, by an account or by a guest."""
    at = timezone.now() - timedelta(days=days_ago)
    order = make_order(user, placed_at=at, confirmed_at=at, **fields)
    if email:
        Order.objects.filter(pk=order.pk).update(email=email)
    if card:
        Payment.objects.filter(order=order).update(card_hash=card)
    return order


# R-A5


@pytest.mark.parametrize(
    "email", ["ben@example.com", "BEN@example.com", "ben+shop@example.com"]
)
def test_whoever_bought_as_a_guest_before_the_link_is_a_customer(
    client, link, mailoutbox, email
):
    bought(email=email)
    client.get("/r/A01B2C3D/")

    join(client, mailoutbox)

    attribution = Attribution.objects.get()
    assert attribution.void_reason == "existing_customer"
    assert Claim.objects.filter(won=False, reason="existing_customer").exists()
    assert client.session.get("_auth_user_id")


def test_another_account_of_the_same_mailbox_that_bought_makes_a_customer(
    client, link, mailoutbox
):
    bought(make_member("b.e.n@gmail.com"))
    client.get("/r/A01B2C3D/")

    join(client, mailoutbox, "ben+new@googlemail.com")

    assert Attribution.objects.get().void_reason == "existing_customer"


@pytest.mark.parametrize("email", ["bent@example.com", "xben@example.com"])
def test_the_order_of_somebody_else_makes_nobody_a_customer(
    client, link, mailoutbox, email
):
    bought(email=email)
    client.get("/r/A01B2C3D/")

    join(client, mailoutbox)

    assert Attribution.objects.get().status == Status.ACTIVE


@pytest.mark.parametrize(("counts", "status"), [(True, "void"), (False, "active")])
def test_the_shop_says_whether_a_cancelled_purchase_makes_a_customer(
    client, link, mailoutbox, settings, counts, status
):
    settings.REFERRAL_CANCELLED_ORDERS_COUNT = counts
    bought(email="ben@example.com", status=Order.Status.CANCELLED)
    client.get("/r/A01B2C3D/")

    join(client, mailoutbox)

    assert Attribution.objects.get().status == status


def test_an_order_nobody_paid_makes_no_customer(client, link, mailoutbox):
    order = make_order(None, status=Order.Status.EXPIRED)
    Order.objects.filter(pk=order.pk).update(email="ben@example.com")
    client.get("/r/A01B2C3D/")

    join(client, mailoutbox)

    assert Attribution.objects.get().status == Status.ACTIVE


@pytest.mark.parametrize(
    ("name", "street", "known"),
    [
        ("ada lovelace", "12  Analytical-Row", True),
        ("Grace Hopper", ADDRESS["street"], False),
        (ADDRESS["name"], "13 Analytical Row", False),
    ],
)
def test_the_same_name_at_the_same_door_is_the_same_person(name, street, known):
    friend = make_member(days_ago=1)
    mine = bought(friend, days_ago=0)
    theirs = bought(email="other@example.com", days_ago=9)
    OrderAddress.objects.create(order=mine, **ADDRESS)
    OrderAddress.objects.create(
        order=theirs, **ADDRESS | {"name": name, "street": street}
    )

    against = eligibility.of_person(friend, None, friend.date_joined)

    assert (against == "existing_customer") is known


# Customers who left


def test_a_customer_who_left_is_known_by_mailbox_for_two_years(time_machine):
    gone = make_member("ben@gmail.com")
    bought(gone, card="card")
    formers.remember(gone)
    formers.remember(gone)
    known = {mailboxes.hash_of("b.e.n+new@googlemail.com")}

    assert FormerCustomer.objects.count() == 2
    assert formers.knows(formers.Kind.EMAIL, known)
    assert formers.knows(formers.Kind.CARD, {"card"})
    time_machine.move_to(timezone.now() + timedelta(days=731))
    assert not formers.knows(formers.Kind.EMAIL, known)


def test_nothing_is_kept_of_somebody_who_never_bought():
    formers.remember(make_member())

    assert not FormerCustomer.objects.exists()


# R-F3: one card, one person


def settled(friend, order):
    attributions.judge_payment(order.pk)
    settlement.settle(order)
    friend.attribution.refresh_from_db()
    return friend.attribution


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_inviters_card_is_the_inviter(when):
    attribution = make_attribution(terms=set_terms(hold_days=0))
    friend, inviter = attribution.invitee, attribution.inviter
    order = bought(friend, card="card", days_ago=0)
    if when == "after":
        assert settled(friend, order).status == Status.ACTIVE
        assert ledger.balance(inviter, "USD") == 500
    bought(inviter, card="card", days_ago=0 if when == "after" else 3)

    attribution = settled(friend, order)

    assert (attribution.status, attribution.void_reason) == (Status.VOID, "same_card")
    assert ledger.balance(inviter, "USD") == 0
    order.refresh_from_db()
    assert order.status == Order.Status.CONFIRMED


def test_the_card_of_any_earlier_customer_is_not_new():
    friend = make_attribution().invitee
    bought(email="stranger@example.com", card="card", days_ago=9)

    assert settled(friend, bought(friend, card="card", days_ago=0)).void_reason


def test_a_card_that_somebody_uses_later_speaks_against_nobody():
    friend = make_attribution().invitee
    order = bought(friend, card="card", days_ago=0)
    make_order(make_member())
    Payment.objects.update(card_hash="card")

    assert settled(friend, order).status == Status.ACTIVE


def test_no_card_proves_nothing():
    friend = make_attribution().invitee
    bought(friend.attribution.inviter)

    assert settled(friend, bought(friend, days_ago=0)).status == Status.ACTIVE


def test_where_everybody_pays_with_test_cards_a_card_is_nobody(settings):
    settings.REFERRAL_CARDS_ARE_PEOPLE = False
    friend = make_attribution().invitee
    bought(friend.attribution.inviter, card="card")

    order = bought(friend, card="card", days_ago=0)

    assert settled(friend, order).status == Status.ACTIVE


def test_what_an_earlier_order_earned_goes_when_a_later_one_shows_the_inviters_card(
    run_jobs,
):
    attribution = make_attribution(terms=set_terms(hold_days=0))
    friend, inviter = attribution.invitee, attribution.inviter
    bought(inviter, card="the inviter's", days_ago=3)
    first = bought(friend, card="a friend's", days_ago=0)
    settlement.judge_and_settle(first.pk)
    assert ledger.balance(inviter, "USD") == 500

    second = bought(friend, card="the inviter's", days_ago=0)
    settlement.judge_and_settle(second.pk)
    run_jobs()

    assert ledger.balance(inviter, "USD") == 0
    assert Reward.objects.get().reason == "attribution_void"


def test_the_shop_says_whether_a_purchase_that_all_went_back_makes_a_customer(settings):
    order = make_order(make_member(), goods=5000, shipping=700)
    mine = eligibility.bought().filter(user=order.user)
    assert mine.exists()

    settings.REFERRAL_CANCELLED_ORDERS_COUNT = False
    give_back(order, 4999)
    assert eligibility.bought().filter(user=order.user).exists()
    give_back(order, 1)

    assert not eligibility.bought().filter(user=order.user).exists()


def test_the_card_of_a_customer_who_left_is_not_new():
    friend = make_attribution().invitee
    FormerCustomer.objects.create(kind="card", value_hash="card")

    attribution = settled(friend, bought(friend, card="card", days_ago=0))

    assert attribution.void_reason == "existing_customer"
