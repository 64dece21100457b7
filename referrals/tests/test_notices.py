import pytest

from accounts.models import User
from referrals import attributions, notices, review, settlement, terms
from referrals.models import Attribution, Campaign, MemberChoices, Notice, ReviewCase
from referrals.tests.afterwards import dispute, give_back, spend
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


# What does not come


def returned(order):
    give_back(order, 5000)
    for _ in range(2):
        settlement.settle(order)


def test_a_return_before_the_release_is_told_once(anna, settings):
    order = bought(anna, hold_days=14)

    returned(order)

    assert told(anna) == ["pending", "reversed"]
    assert mailed(anna) == ["reward_pending", "reward_void"]
    words = "$5 that was on its way does not come. The order was returned."
    assert Notice.objects.first().text == words
    mail = Message.objects.get(kind="reward_void")
    assert "The order was returned." in mail.text
    friend = f"/account/invite/friends/{order.user.attribution.pk}/"
    assert settings.SITE_URL + friend in mail.text


def test_each_time_that_it_does_not_come_is_told(anna):
    order = bought(anna, hold_days=14)
    returned(order)
    order.refunds.update(state="failed")
    settlement.settle(order)

    returned(order)

    assert told(anna).count("reversed") == 2
    assert mailed(anna).count("reward_void") == 2


def test_what_does_not_come_is_not_mailed_where_it_is_switched_off(anna):
    MemberChoices.objects.create(user=anna, tells_reversed=False)

    returned(bought(anna, hold_days=14))

    assert told(anna) == ["pending", "reversed"]
    assert mailed(anna) == ["reward_pending"]


def test_who_was_refused_is_told_neutrally_and_may_object(anna, settings):
    order = bought(anna, hold_days=14)
    case = ReviewCase.objects.create(attribution=order.user.attribution, score=60)
    staff = make_member(is_staff=True)
    review.reject([case], actor=staff, reason="The same browser")
    settlement.settle(order)

    mail = Message.objects.get(kind="reward_void")
    assert "This did not meet the terms of the programme." in mail.text
    assert settings.SUPPORT_EMAIL in mail.text
    assert "browser" not in mail.text + Notice.objects.first().text


def test_nobody_writes_to_a_member_who_has_left(anna):
    order = bought(anna, hold_days=14)
    User.objects.filter(pk=anna.pk).update(is_active=False)

    returned(order)

    assert mailed(anna) == ["reward_pending"]


# Milestones


@pytest.fixture
def a_milestone():
    campaign = Campaign.objects.get(is_default=True)
    return terms.publish(campaign, hold_days=0, milestones={1: 1500})


def test_a_milestone_is_told_on_the_page_and_by_mail(anna, a_milestone):
    settlement.settle(make_order(make_attribution(anna, terms=a_milestone).invitee))

    assert sorted(told(anna)) == ["available", "milestone"]
    assert "milestone_reached" in mailed(anna)
    text = Notice.objects.get(kind="milestone").text
    assert text == "$15 on top: 1 of your friends have bought."


def test_a_milestone_has_a_switch_of_its_own(client, anna, a_milestone):
    client.force_login(anna)
    client.post("/account/invite/news/mails/", {"tells_available": "on"})

    settlement.settle(make_order(make_attribution(anna, terms=a_milestone).invitee))

    assert sorted(told(anna)) == ["available", "milestone"]
    assert mailed(anna) == ["reward_available"]


def test_a_milestone_that_is_lost_is_told(anna, a_milestone):
    order = make_order(make_attribution(anna, terms=a_milestone).invitee)
    settlement.settle(order)

    returned(order)

    assert told(anna).count("milestone") == 2
    assert "$15 went back" in Notice.objects.filter(kind="milestone").first().text


@pytest.mark.parametrize(
    ("spent", "words"),
    [
        (0, "$5 went back. The payment was taken back by the bank."),
        (200, "the bank. $2 of it comes off what you earn next."),
        (500, "the bank. It comes off what you earn next."),
    ],
)
def test_the_true_reason_is_told_when_credit_goes_back(anna, spent, words):
    order = bought(anna, hold_days=0)
    if spent:
        spend(anna, spent)
    dispute(order, "lost", closed=True)

    settlement.settle(order)

    assert words in Notice.objects.get(kind="reversed").text
    mail = Message.objects.get(kind="reward_reversed")
    for text in (mail.text, mail.html):
        assert "The payment was taken back by the bank, so the $5.00 you had" in text


def test_of_a_part_that_went_back_a_part_is_told(anna):
    share = set_terms(hold_days=0, inviter_amount=0, inviter_basis_points=1000)
    order = make_order(make_attribution(anna, terms=share).invitee)
    settlement.settle(order)
    give_back(order, 2000)

    settlement.settle(order)

    text = Notice.objects.get(kind="reversed").text
    assert text == "$2 went back. A part of the order was returned."
    mail = Message.objects.get(kind="reward_reversed").text
    assert "A part of the order was returned, so $2.00 of what you had" in mail


@pytest.mark.parametrize("method", ["guest_order", "staff"])
def test_whoever_bought_before_is_not_said_to_have_nothing_bought(anna, method):
    attribution = make_attribution(anna, method=method)
    notices.friend_joined(attribution)
    assert "nothing bought yet" in Message.objects.get().text
    late = make_attribution(anna, method=method)
    make_order(late.invitee)

    notices.friend_joined(late)

    text = Message.objects.get(subject_row=f"attribution:{late.pk}").text
    assert "nothing bought yet" not in text
    assert "had bought before" in text


# Ways on


def test_every_mail_of_the_programme_leads_to_the_choices(anna, a_milestone, settings):
    waits = bought(anna, hold_days=14)
    notices.friend_joined(waits.user.attribution)
    returned(waits)
    order = make_order(make_attribution(anna, terms=a_milestone).invitee)
    settlement.settle(order)
    returned(order)

    kinds = {
        *["friend_joined", "reward_pending", "reward_available", "reward_reversed"],
        *["reward_void", "milestone_reached"],
    }
    assert set(mailed(anna)) == kinds
    for mail in Message.objects.filter(recipient=anna.email):
        for words in (mail.text, mail.html):
            assert f"{settings.SITE_URL}/account/invite/news/#choices" in words


def test_news_lead_to_the_friend_they_are_about(client, anna):
    order = bought(anna, hold_days=14)
    attribution = order.user.attribution
    notices.friend_joined(attribution)
    returned(order)
    client.force_login(anna)

    page = client.get("/account/invite/news/").content.decode()

    assert page.count(f'href="/account/invite/friends/{attribution.pk}/"') == 3
    assert Notice.objects.count() == 3
