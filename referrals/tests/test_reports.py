from datetime import timedelta

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User
from orders import confirmation
from referrals import (
    channel_figures,
    notices,
    reports,
    rollup,
    settlement,
)
from referrals.models import (
    Attribution,
    Campaign,
    ReferralLink,
    Reward,
    Settlement,
    Visit,
)
from referrals.tests.afterwards import dispute, give_back
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

Status = Attribution.Status


@pytest.fixture
def anna():
    return make_member(name="Anna Lind")


def only_friend(user):
    [friend] = reports.friends(user)
    return friend


def states(friend):
    return [step.state for step in friend.steps]


def bought(inviter, *, hold_days=14, friend=None, **order):
    terms = set_terms(hold_days=hold_days)
    attribution = make_attribution(inviter, friend, terms=terms)
    order = make_order(attribution.invitee, **order)
    settlement.settle(order)
    return order


def test_a_friend_who_has_not_confirmed_is_joined_not_confirmed(anna):
    make_attribution(anna, status=Status.PROVISIONAL)

    friend = only_friend(anna)

    assert friend.badge == "Joined, not confirmed"
    assert states(friend) == ["done", "now", "todo", "todo"]


def test_a_friend_who_joined_has_until_a_day_to_buy(anna):
    attribution = make_attribution(anna)

    friend = only_friend(anna)

    last = attribution.invitee_joined_at + timedelta(days=90)
    assert friend.badge == "Joined"
    assert friend.steps[2].note == f"by {last.day} {last:%b}"
    assert f"until {last.day} {last:%B}." in friend.reason


def test_a_friend_who_did_not_buy_in_time_is_told_so(anna):
    make_attribution(anna, joined_days_ago=92)

    friend = only_friend(anna)

    assert friend.badge == "No credit"
    assert friend.reason == "They did not buy within 90 days of joining."


def test_a_reward_on_hold_names_its_day(anna):
    order = bought(anna)

    friend = only_friend(anna)

    day = order.confirmed_at + timedelta(days=14)
    assert friend.badge == f"$5 on {day.day} {day:%b}"
    assert states(friend) == ["done", "done", "done", "now"]
    last = f"{day.day} {day:%B}"
    assert friend.reason == f"$5 on hold until {last}, because returns are open."


def test_a_released_reward_is_in_the_balance(anna):
    bought(anna, hold_days=0)

    friend = only_friend(anna)

    assert (friend.badge, friend.badge_kind) == ("$5 in your balance", "good")
    assert states(friend) == ["done"] * 4


def test_an_order_below_the_minimum_says_why(anna):
    bought(anna, goods=1900)

    friend = only_friend(anna)

    assert friend.badge == "No credit"
    assert states(friend)[-1] == "stopped"
    assert friend.reason == "The first order was below the $20 that counts."


def test_who_did_not_count_is_told_without_the_signal_that_gave_it_away(anna):
    make_attribution(anna, status=Status.VOID, void_reason="same_email")

    friend = only_friend(anna)

    assert friend.reason == "This did not count as a new friend."


def test_a_friend_is_named_only_if_they_agreed(anna):
    make_attribution(anna, make_member(days_ago=1, name="Ben Karlsen"))
    make_attribution(anna, make_member(days_ago=1, name="Maya Rao", shows_name=True))

    assert [friend.name for friend in reports.friends(anna)] == ["Maya R.", "A friend"]


def test_opened_counts_people_who_came_back_with_the_cookie(anna):
    link = make_link(anna)
    for days_ago in (1, 0):
        landed = make_visitor(landed_at=timezone.now())
        make_visit(landed, link, days_ago=days_ago)
        make_visit(landed, link, at=timezone.now() - timedelta(days=days_ago, hours=-1))
        make_visit(make_visitor(), link, days_ago=days_ago)  # keeps no cookies
    make_visit(make_visitor(landed_at=timezone.now()), make_link(), days_ago=0)
    rollup.roll_up_since(rollup.today() - timedelta(days=2))
    bought(anna)

    numbers = reports.numbers(anna)

    assert (numbers.opened, numbers.joined, numbers.bought) == (2, 1, 1)


def test_who_opened_is_still_counted_when_the_visits_are_forgotten(anna):
    make_visit(make_visitor(landed_at=timezone.now()), make_link(anna), days_ago=2)
    rollup.roll_up_since(rollup.today() - timedelta(days=2))
    Visit.objects.all().delete()

    assert reports.numbers(anna).opened == 1
    assert [each.opened for each in reports.links(anna)] == [1]


def test_a_friend_by_a_code_that_was_told_has_opened_too(anna):
    bought(anna)

    assert reports.numbers(anna).opened == 1


def test_friends_beyond_a_page_are_on_the_next(client, anna):
    for _ in range(reports.PAGE + 1):
        make_attribution(anna)
    client.force_login(anna)

    first = client.get("/account/invite/").content.decode()
    last = client.get("/account/invite/?page=2").content.decode()
    beyond = client.get("/account/invite/?page=900").content.decode()

    assert first.count('<li class="friend">') == reports.PAGE
    assert last.count('<li class="friend">') == 1
    assert beyond.count('<li class="friend">') == 1
    assert f"{reports.PAGE + 1} joined" in first
    assert 'rel="next"' in first


def test_the_day_of_what_waits_for_somebody_is_not_told_as_to_come(anna):
    order = bought(anna)
    assert reports.numbers(anna).next_at
    past = timezone.now() - timedelta(days=1)
    Reward.objects.filter(order=order).update(available_at=past)

    numbers = reports.numbers(anna)

    assert (numbers.on_the_way, numbers.next_at) == (500, None)


@pytest.mark.parametrize("how", ["in_review", "rule_failed", "blocked", "frozen"])
def test_nobody_promises_what_is_still_looked_at(anna, client, how):
    bought(anna)
    waiting = bought(anna)
    if how == "frozen":
        dispute(waiting, "needs_response")
        settlement.settle(waiting)
    else:
        Settlement.objects.filter(order=waiting).update(reason=how)

    for told in (reports.numbers(anna), reports.summary(anna)):
        assert (told.on_the_way, told.being_checked) == (500, 500)
    client.force_login(anna)
    for address in ("/account/invite/", "/account/balance/"):
        assert "Being checked" in client.get(address).content.decode()


def test_a_milestone_is_told_apart_and_counts_as_earned(anna, client):
    rules = set_terms(hold_days=0, milestones={1: 1000, 2: 2500})
    orders = []
    for _ in range(2):
        friend = make_attribution(anna, terms=rules)
        orders.append(make_order(friend.invitee))
        settlement.settle(orders[-1])
    numbers = reports.numbers(anna)
    assert (numbers.earned, numbers.on_top) == (1000, 3500)

    give_back(orders[1], 5000)
    settlement.settle(orders[1])

    numbers = reports.numbers(anna)
    assert (numbers.earned, numbers.on_top) == (500, 1000)
    assert reports.summary(anna).earned == 1500
    client.force_login(anna)
    page = client.get("/account/invite/").content.decode()
    assert "On top, for their number" in page


def test_who_bought_is_the_same_number_on_every_page_even_when_they_cancelled(anna):
    link = make_link(anna)
    for cancels in (False, True):
        friend = make_attribution(anna, link=link, terms=set_terms())
        order = make_order(friend.invitee)
        settlement.settle(order)
        if cancels:
            confirmation.cancel_order(order.pk, reason="You changed your mind")
    rollup.roll_up(rollup.today())

    [shared] = [each for each in reports.links(anna) if each.link == link]

    assert reports.numbers(anna).bought == 2
    assert shared.bought == 2
    assert channel_figures.total(channel_figures.of_member(anna)).orders == 2


def test_sums_tell_pending_from_earned(anna):
    bought(anna, hold_days=0)
    waiting = bought(anna, hold_days=14)

    summary = reports.summary(anna)

    assert (summary.earned, summary.on_the_way) == (500, 500)
    assert summary.next_at == waiting.confirmed_at + timedelta(days=14)
    assert summary.share.url.endswith(f"/r/{summary.share.code}/")


def test_a_summary_costs_three_queries_at_most(anna):
    reports.summary(anna)

    with counted() as asked:
        reports.summary(anna)

    assert len(asked.own) <= 3


def test_a_members_friends_are_theirs_alone(anna):
    bought(make_member())

    assert reports.friends(anna) == []


# R-U1, R-U7: the page


def page_of(client, user):
    client.force_login(user)
    return client.get("/account/invite/")


def test_the_page_shows_link_code_and_picture(client, anna):
    page = page_of(client, anna).content.decode()

    link = ReferralLink.objects.with_code().get()
    url = f"http://localhost:8000/r/{link.code}/"
    assert f'readonly value="{url}"' in page
    assert f">{link.code}</span>" in page
    assert ", ".join(link.code) in page
    assert 'role="img" aria-label="QR code of your link"' in page
    assert "style=" not in page


def test_the_copy_button_waits_for_the_script_and_the_field_does_not(client, anna):
    page = page_of(client, anna).content.decode()

    button = page[page.index("data-copy=") - 80 : page.index("data-copy-label")]
    assert "hidden" in button
    assert 'role="status"' in page
    assert "Copied" not in page


def test_nobody_has_come_yet(client, anna):
    page = page_of(client, anna).content.decode()

    assert "Nobody has opened your link yet." in page
    assert "$0.00" in page


def test_the_page_tells_each_friends_way_and_never_what_they_bought(client, anna):
    order = bought(anna, goods=7777, friend=make_member(name="<b>Eve</b>", days_ago=1))
    User.objects.filter(pk=order.user_id).update(shows_name=True)

    page = page_of(client, anna).content.decode()

    assert "&lt;b&gt;Eve&lt;/b&gt;" in page
    assert "1 opened · 1 joined · 1 bought" in page
    for secret in (order.code, order.user.email, "77.77"):
        assert secret not in page


def test_the_rules_follow_the_live_terms(client, anna):
    set_terms(
        inviter_amount=700,
        friend_amount=300,
        minimum_amount=2550,
        hold_days=1,
        visit_days=10,
        order_days=20,
    )

    page = " ".join(page_of(client, anna).content.decode().split())

    assert "Give $3, get $7." in page
    assert "$3 off a first order with at least $25.50 of goods" in page
    assert "$7 in your balance, 1 day after they paid." in page
    assert "within 10 days of opening it and buys within 20 days" in page
    assert "Version 2" in page


def test_without_an_offer_the_friends_stay_and_no_link_is_made(client, anna):
    campaign = Campaign.objects.get()
    campaign.paused_at = timezone.now()
    campaign.save()

    page = page_of(client, anna).content.decode()

    assert "No invitations at the moment." in page
    assert not ReferralLink.objects.exists()


def test_the_page_is_for_members_and_is_not_stored(client, anna):
    response = page_of(client, anna)
    assert "no-store" in response["Cache-Control"]

    client.logout()
    assert client.get("/account/invite/").status_code == 302


@pytest.mark.parametrize("count", [1, 6])
def test_the_page_costs_eight_queries_at_most_however_many_friends(client, anna, count):
    for _ in range(count):
        bought(anna)
        make_attribution(anna)
    page_of(client, anna)

    with counted() as asked:
        client.get("/account/invite/")

    assert len(asked.own) <= 8, asked.own


def test_the_words_to_share_say_that_the_sender_gains_too(client, anna):
    page = page_of(client, anna).content.decode()

    assert "You get $5 off your first order at Tandem, I get $5 when you buy" in page
    assert "mailto:?subject=%245%20off%20at%20Tandem&amp;body=You%20get" in page


def test_after_an_order_members_are_offered_their_link(rf, anna):
    from django.contrib.auth.models import AnonymousUser

    member = render_to_string("referrals/thank_you.html", {"user": anna})
    notices.ask_later(anna)
    later = render_to_string("referrals/thank_you.html", {"user": anna})
    guest = render_to_string("referrals/thank_you.html", {"user": AnonymousUser()})

    assert "Give $5, get $5." in member
    assert "/r/" in member
    assert "/r/" not in guest
    assert "/r/" not in later
