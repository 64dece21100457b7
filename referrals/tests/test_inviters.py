"""Who brings friends, and how good they are."""

import csv
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from accounts.models import User
from orders.models import Refund
from referrals import inviters, settlement
from referrals.models import RiskSignal
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)

pytestmark = pytest.mark.django_db

PAGE = "/admin/referrals/funnelday/programme/inviters/"


def bought(friend, *, days_after=0, **fields):
    at = friend.date_joined + timedelta(days=days_after)
    return make_order(friend, confirmed_at=at, **fields)


def refund(order, amount, **fields):
    return Refund.objects.create(
        order=order,
        payment=order.payments.get(),
        idempotency_key=f"refund-{order.pk}-{amount}",
        amount_card=amount,
        currency=order.currency,
        origin=Refund.Origin.STRIPE,
        **{"accepted_at": timezone.now(), "state": "succeeded"} | fields,
    )


@pytest.fixture
def anna():
    """Three friends: one came again and late, one sent half back, one looks odd."""
    anna = make_member("anna@example.com", days_ago=300)
    first, second, third = (
        make_attribution(anna, joined_days_ago=200) for _ in range(3)
    )
    bought(first.invitee, goods=3000)
    bought(first.invitee, goods=2000, days_after=89)
    bought(first.invitee, goods=9000, days_after=91)
    refund(bought(second.invitee, goods=4000), 2000)
    refund(bought(second.invitee, goods=500, days_after=1), 500, state="failed")
    for friend, weight in [(second, 20), (third, 40), (third, 30)]:
        RiskSignal.objects.create(
            attribution=friend, code="same_network", weight=weight, evidence=f"{weight}"
        )
    make_attribution(make_member(days_ago=300), joined_days_ago=200, status="void")
    return anna


def test_quality_is_more_than_a_number_of_friends(anna):
    (found,) = inviters.quality(inviters.ranked(), "USD")

    assert (found.inviter, found.friends) == (anna, 3)
    assert (found.buyers, found.regulars, found.orders) == (2, 2, 5)
    assert (found.refunded, found.refund_rate) == (1, "20 % of 5")
    assert found.repeat_rate == "100 % of 2"
    assert found.score == 70
    assert found.value == 3000 + 2000 + (4000 - 2000) + 500


def test_other_money_is_another_sum(anna):
    bought(make_attribution(anna).invitee, goods=700, currency="EUR")

    (euros,) = inviters.quality(inviters.ranked(), "EUR")

    assert euros.value == 700


def test_what_an_inviter_earned_is_what_they_kept():
    friend = make_attribution(terms=set_terms(hold_days=0))
    settlement.settle(make_order(friend.invitee))

    (found,) = inviters.quality(inviters.ranked(), "USD")

    assert found.earned == 500


def test_without_orders_there_is_no_rate():
    make_attribution()

    (found,) = inviters.quality(inviters.ranked(), "USD")

    assert (found.refund_rate, found.repeat_rate) == ("–", "–")


@pytest.fixture
def boss(client):
    user = User.objects.create_superuser("boss@example.com", "x")
    client.force_login(user)
    return user


def test_a_long_list_has_pages_and_asks_no_more(client, boss, anna):
    client.get(PAGE)
    with counted() as few:
        client.get(PAGE)
    for _ in range(26):
        make_attribution()

    with counted() as many:
        first = client.get(PAGE)

    assert len(many.own) == len(few.own) <= 10
    assert "Page 1 of 2" in first.content.decode()
    assert len(first.context["people"]) == 25
    assert len(client.get(PAGE, {"p": 2}).context["people"]) == 2
    for wrong in ("0", "x", "9" * 30):
        assert client.get(PAGE, {"p": wrong}).status_code == 200


def clerk(client, *permissions):
    user = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)


def test_who_may_not_see_people_gets_a_file_without_them(client, anna):
    clerk(client, "view_reward")

    assert client.get(PAGE).status_code == 403
    file = client.post(f"{PAGE}export/").getvalue().decode()

    (row,) = csv.DictReader(file.splitlines())
    assert row["Friends"] == "3"
    assert "Email" not in row
    assert "Highest score" not in row
    assert "anna@" not in file


def test_abuse_22_an_address_is_no_formula_in_the_file(client, boss, anna):
    User.objects.filter(pk=anna.pk).update(email="+1+1@example.com")

    file = client.post(f"{PAGE}export/").getvalue().decode()

    assert ",'+1+1@example.com," in file


def test_scores_are_for_those_who_may_see_signals(client, anna):
    clerk(client, "view_reward", "view_user")

    html = client.get(PAGE).content.decode()

    assert "anna@example.com" in html
    assert "<td>70</td>" not in html


def test_the_list_behind_a_number_of_friends_has_as_many(client, boss, anna):
    for status in ("void", "lapsed", "provisional"):
        make_attribution(anna, status=status)

    (each,) = (row for row in client.get(PAGE).context["people"] if row.inviter == anna)
    page = client.get(PAGE)
    behind = f"{page.context['behind']}&inviter__id__exact={anna.pk}"
    listed = client.get(behind).context["cl"].result_count

    assert f'href="{behind.replace("&", "&amp;")}"' in page.content.decode()
    assert each.friends == listed == 5
