import pytest

from referrals import attributions, notices, settlement
from referrals.models import Attribution, MemberChoices, Notice
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)
from shop.kit.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return make_member(name="Anna Lind")


def bought(anna, *, hold_days, **order):
    attribution = make_attribution(anna, terms=set_terms(hold_days=hold_days))
    order = make_order(attribution.invitee, **order)
    settlement.settle(order)
    return order


def told(anna):
    return list(
        Notice.objects.filter(user=anna).order_by("pk").values_list("kind", flat=True)
    )


def mailed(anna):
    mails = Message.objects.filter(recipient=anna.email).order_by("pk")
    return list(mails.values_list("kind", flat=True))


def test_a_friend_who_proves_their_address_is_told_of_once(anna):
    attribution = make_attribution(anna, status=Attribution.Status.PROVISIONAL)

    for _ in range(2):
        attributions.activate(attribution.invitee)
        notices.friend_joined(attribution)

    assert told(anna) == ["joined"]
    assert mailed(anna) == ["friend_joined"]
    assert "by" in Message.objects.get(kind="friend_joined").text


def test_a_campaign_link_tells_nobody(anna):
    attribution = make_attribution(anna)
    attribution.inviter = None

    notices.friend_joined(attribution)

    assert not Notice.objects.exists()


def test_a_reward_is_told_of_as_it_waits_and_as_it_comes(anna):
    order = bought(anna, hold_days=14)
    assert told(anna) == ["pending"]

    settlement.settle(order)
    assert told(anna) == ["pending"]

    bought(anna, hold_days=0)
    assert told(anna) == ["pending", "available"]
    assert mailed(anna) == ["reward_pending", "reward_available"]


def test_a_switched_off_mail_is_not_written_and_the_page_still_tells(anna):
    MemberChoices.objects.create(user=anna, tells_pending=False)

    bought(anna, hold_days=14)
    bought(anna, hold_days=0)

    assert told(anna) == ["pending", "available"]
    assert mailed(anna) == ["reward_available"]


def test_notices_name_nobody(anna):
    ben = make_member(days_ago=1, name="Ben Karlsen", shows_name=True)
    notices.friend_joined(make_attribution(anna, ben))

    assert "Ben" not in Notice.objects.get().text
    assert "Ben K." in Message.objects.get().text


def test_a_name_in_a_mail_cannot_add_a_header(anna):
    ben = make_member(days_ago=1, name="Ben\r\nBcc:\tx@y.example", shows_name=True)

    notices.friend_joined(make_attribution(anna, ben))

    assert "\n" not in Message.objects.get().subject
