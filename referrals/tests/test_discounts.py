from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.tests.factories import make_variant
from orders.discounts import Basket
from orders.models import Order
from orders.tests.factories import make_cart, make_zone
from referrals import discounts
from referrals.models import Attribution, Campaign
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    make_visit,
    make_visitor,
    set_terms,
)

pytestmark = pytest.mark.django_db


def basket(user, goods=5000, balance=0, currency="USD"):
    return Basket(user, currency, goods, balance)


def test_a_friend_gets_five_dollars_off_by_itself():
    attribution = make_attribution()

    discount = discounts.welcome(basket(attribution.invitee))

    assert discount.amount == 500
    assert discount.source == "referrals.welcome"
    assert discount.reference == f"attribution:{attribution.pk}"
    assert discount.label == "Welcome gift"


@pytest.mark.parametrize(("goods", "given"), [(1999, False), (2000, True)])
def test_the_first_order_must_reach_the_minimum(goods, given):
    friend = make_attribution().invitee

    assert bool(discounts.welcome(basket(friend, goods))) is given


@pytest.mark.parametrize(("balance", "given"), [(3001, False), (3000, True)])
def test_what_balance_pays_does_not_reach_it(balance, given):
    friend = make_attribution().invitee

    assert bool(discounts.welcome(basket(friend, 5000, balance))) is given


def test_a_guest_gets_nothing_and_costs_nothing():
    with counted() as asked:
        assert discounts.welcome(basket(None)) is None

    assert not asked.own


def test_the_question_costs_one_query():
    friend = make_attribution().invitee

    with counted() as asked:
        discounts.welcome(basket(friend))

    assert len(asked.own) == 1


def test_who_came_by_themselves_gets_nothing():
    assert discounts.welcome(basket(make_member())) is None


def test_the_gift_is_for_the_first_order_only():
    friend = make_attribution().invitee
    make_order(friend)

    assert discounts.welcome(basket(friend)) is None


@pytest.mark.parametrize(
    "status", [Order.Status.PENDING, Order.Status.EXPIRED, Order.Status.CANCELLED]
)
def test_an_order_that_came_to_nothing_leaves_the_gift(status):
    friend = make_attribution().invitee
    make_order(friend, status=status)

    assert discounts.welcome(basket(friend))


def test_a_void_attribution_gives_nothing():
    friend = make_attribution(status=Attribution.Status.VOID).invitee

    assert discounts.welcome(basket(friend)) is None


@pytest.mark.parametrize(("days", "given"), [(90, True), (91, False)])
def test_the_gift_waits_ninety_days(days, given):
    friend = make_attribution(joined_days_ago=days).invitee

    assert bool(discounts.welcome(basket(friend))) is given


def test_the_gift_is_in_the_currency_of_its_terms():
    friend = make_attribution().invitee

    assert discounts.welcome(basket(friend, currency="EUR")) is None


def test_terms_without_a_gift_give_none():
    terms = set_terms(friend_amount=0)
    friend = make_attribution(terms=terms).invitee

    assert discounts.welcome(basket(friend)) is None


def test_the_friend_keeps_the_gift_of_the_day_they_joined():
    friend = make_attribution().invitee

    set_terms(friend_amount=100, minimum_amount=9900)

    assert discounts.welcome(basket(friend, 2000)).amount == 500


def test_a_pause_or_an_inviter_who_left_breaks_no_promise():
    attribution = make_attribution()
    Campaign.objects.update(paused_at=timezone.now())
    type(attribution.inviter).objects.filter(pk=attribution.inviter_id).update(
        is_active=False
    )

    assert discounts.welcome(basket(attribution.invitee))


# R-D1: the banner says what the till does


def page_of(client):
    return client.get("/").content.decode()


def invite(client, **inviter):
    inviter.setdefault("name", "Anna Lind")
    return make_visit(make_visitor(client), make_link(make_member(**inviter)))


def test_a_visitor_reads_what_a_friend_gives(client):
    invite(client)

    page = page_of(client)

    assert "A friend gives you $5 off your first order over $20." in page
    assert "Anna" not in page
    assert 'href="/accounts/signup/?' in page


def test_the_inviter_is_named_by_her_first_name_if_she_agreed(client):
    invite(client, shows_name=True)

    assert "Anna gives you $5 off your first order over $20." in page_of(client)
    assert "Lind" not in page_of(client)
    assert (
        "Anna’s $5 is waiting for you."
        in client.get("/accounts/signup/").content.decode()
    )


def test_markup_in_a_name_is_inert(client):
    invite(client, name="<script>alert(1)</script> & Co", shows_name=True)

    page = page_of(client)

    assert "&lt;script&gt;alert(1)&lt;/script&gt; gives you $5" in page
    assert "<script>alert(1)" not in page


def test_two_visitors_never_see_each_others_inviter(client):
    from django.test import Client

    invite(client, name="Anna", shows_name=True)
    other = Client()
    invite(other, name="Berta", shows_name=True)

    assert "Anna gives" in page_of(client)
    assert "Berta gives" in page_of(other)
    assert "gives you" not in page_of(Client())


def test_a_friend_reads_that_it_comes_off_by_itself_until_it_is_used(client):
    friend = make_attribution().invitee
    make_visitor(client)
    client.force_login(friend)
    assert "You have $5 off your first order over $20. It comes off by itself." in (
        page_of(client)
    )

    make_order(friend)

    assert "off your first order over" not in page_of(client).split("</header>")[0]


def test_a_customer_who_opens_a_link_is_promised_nothing(client):
    invite(client)
    client.force_login(make_member())

    assert "gives you" not in page_of(client)


def test_a_paused_campaign_promises_nothing(client):
    invite(client)
    Campaign.objects.get().save()
    campaign = Campaign.objects.get()
    campaign.paused_at = timezone.now()
    campaign.save()

    page = page_of(client)

    assert "gives you" not in page
    assert "Get your link" not in page


def test_new_terms_are_on_the_banner_at_once(client):
    invite(client)
    page_of(client)

    set_terms(friend_amount=700, minimum_amount=0)

    assert "A friend gives you $7 off your first order." in page_of(client)


def test_banner_and_till_agree_to_the_last_day(client, time_machine):
    friend = make_attribution(joined_days_ago=0).invitee
    make_visitor(client)
    client.force_login(friend)
    for days in range(86, 95):
        time_machine.move_to(friend.date_joined + timedelta(days=days), tick=False)
        client.force_login(friend)

        promised = "It comes off by itself" in page_of(client)

        assert promised is bool(discounts.welcome(basket(friend))), days


def test_a_gift_is_never_more_than_the_goods():
    set_terms(friend_amount=50000)
    friend = make_attribution().invitee

    assert discounts.welcome(basket(friend)).amount == basket(friend).amount_goods


@pytest.mark.parametrize(("amount", "told"), [(1999, True), (2000, False)])
@pytest.mark.parametrize("path", ["/cart/", "/checkout/"])
def test_a_friend_is_told_before_a_small_order_uses_the_gift_up(
    client, path, amount, told
):
    make_zone()
    attribution = make_attribution()
    friend = attribution.invitee
    make_cart(friend, {make_variant(amount=amount): 1})
    make_visit(make_visitor(client, user=friend), attribution.link)
    client.force_login(friend)

    page = client.get(path).content.decode()

    assert ("A smaller first order uses it up." in page) is told
    assert ("Welcome gift" in page) is not told
