"""How far a friend has come, as the inviter reads it: the list and the trail."""

import ast
import inspect
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from referrals import (
    budgets,
    facts,
    progress,
    reasons,
    reports,
    rules,
    settlement,
)
from referrals.models import (
    Attribution,
    ReleasePause,
    ReviewCase,
    Reward,
    Settlement,
)
from referrals.tests.afterwards import dispute, give_back
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)

pytestmark = pytest.mark.django_db

Status = Attribution.Status
Method = Attribution.Method

NEUTRAL = "This did not meet the terms of the programme."
CHECKING = "We are checking this one. It can take a few days."


@pytest.fixture
def anna(client):
    member = make_member("anna@example.com", name="Anna Lind")
    client.force_login(member)
    return member


def text_of(page):
    return " ".join(page.content.decode().split())


@pytest.fixture
def pages(client):
    """The member's list and the trail of one friend."""

    def read(attribution):
        friend = f"/account/invite/friends/{attribution.pk}/"
        return text_of(client.get("/account/invite/")), text_of(client.get(friend))

    return read


def bought(attribution, **order):
    order = make_order(attribution.invitee, **order)
    settlement.settle(order)
    return order


def friend_of(anna):
    [friend] = reports.friends(anna)
    return friend


def trail_of(anna):
    return [line.sentence for line in friend_of(anna).trail]


def look_at(attribution, state=ReviewCase.State.OPEN):
    decided = state in (ReviewCase.State.REJECTED, ReviewCase.State.APPROVED)
    return ReviewCase.objects.create(
        attribution=attribution,
        score=60,
        state=state,
        decided_at=timezone.now() if decided else None,
    )


# One source


@pytest.mark.parametrize("status", Status.values)
@pytest.mark.parametrize("age", [1, 100])
def test_the_trail_ends_with_what_the_list_says(anna, pages, status, age):
    attribution = make_attribution(anna, joined_days_ago=age, status=status)

    friend = friend_of(anna)

    assert friend.trail[-1].sentence == friend.reason
    for page in pages(attribution):
        assert friend.reason in page


def test_the_trail_goes_from_the_link_to_the_credit(anna):
    order = bought(make_attribution(anna))

    until = timezone.localtime(order.confirmed_at + timedelta(days=14))
    assert trail_of(anna) == [
        "Opened your link",
        "Joined",
        "Bought something",
        f"$5 on hold until {until.day} {until:%B}, because returns are open.",
    ]


def test_what_happened_lies_in_the_past_and_in_order(anna):
    bought(make_attribution(anna))

    moments = [line.at for line in friend_of(anna).trail[:-1]]

    assert moments == sorted(moments)
    assert moments[-1] <= timezone.now()
    assert friend_of(anna).trail[-1].at is None


def test_what_is_paid_says_when(anna):
    bought(make_attribution(anna, terms=set_terms(hold_days=0)))

    last = friend_of(anna).trail[-1]

    assert last.sentence == "$5 came into your balance"
    assert last.at == Reward.objects.get().released_at


def test_a_promise_whose_day_has_passed_is_not_on_hold_any_more(anna, pages):
    attribution = make_attribution(anna)
    bought(attribution)
    Reward.objects.update(available_at=timezone.now() - timedelta(hours=1))

    for page in pages(attribution):
        assert "$5 comes into your balance any moment." in page
        assert "on hold" not in page


def test_a_second_order_is_nobodys_business(anna):
    attribution = make_attribution(anna)
    for _ in range(2):
        bought(attribution)

    assert trail_of(anna).count("Bought something") == 1


def test_every_order_that_earns_is_on_the_trail(anna):
    attribution = make_attribution(anna, terms=set_terms(orders_count=2, hold_days=0))
    for _ in range(2):
        bought(attribution)

    assert trail_of(anna).count("Bought something") == 2
    assert friend_of(anna).badge == "$10 in your balance"


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (Method.COOKIE, ["Opened your link", "Joined"]),
        (Method.TYPED, ["Typed in your code", "Joined"]),
        (Method.INVITATION, ["Came by your invitation", "Joined"]),
        (Method.GUEST_ORDER, ["Opened your link", "Joined"]),
        (Method.LATE_CLAIM, ["Joined", "Typed in your code"]),
        (Method.STAFF, ["Joined", "Was counted as your friend by our staff"]),
    ],
)
def test_the_trail_tells_how_they_came_in_the_order_of_time(anna, method, words):
    is_later = method in (Method.LATE_CLAIM, Method.STAFF)
    days = 2 if is_later else 4
    touched_at = timezone.now() - timedelta(days=days)
    make_attribution(anna, joined_days_ago=3, method=method, touched_at=touched_at)

    assert trail_of(anna)[:2] == words
    assert set(progress._CAME) == set(Method)


def test_an_order_of_a_guest_stands_before_the_account(anna):
    attribution = make_attribution(anna, method=Method.GUEST_ORDER, joined_days_ago=3)
    before = attribution.invitee_joined_at - timedelta(minutes=2)
    bought(attribution, confirmed_at=before)

    assert trail_of(anna)[:3] == ["Opened your link", "Bought something", "Joined"]
    assert [step.label for step in friend_of(anna).steps][:3] == [
        *["Opened", "Bought", "Joined"]
    ]


# A person looks, or said no


@pytest.mark.parametrize("has_bought", [False, True])
def test_a_friend_who_is_looked_at_is_being_checked(anna, pages, settings, has_bought):
    attribution = make_attribution(anna)
    look_at(attribution)
    if has_bought:
        bought(attribution)
        Reward.objects.update(available_at=timezone.now() - timedelta(days=1))

    assert friend_of(anna).badge == "Being checked"
    for page in pages(attribution):
        assert CHECKING in page
        assert f'href="mailto:{settings.SUPPORT_EMAIL}"' in page
        assert "any moment" not in page


@pytest.mark.parametrize("has_bought", [False, True])
def test_a_refused_friend_gets_neutral_words_and_a_way_to_object(
    anna, pages, settings, has_bought
):
    attribution = make_attribution(anna)
    if has_bought:
        bought(attribution)
    look_at(attribution, ReviewCase.State.REJECTED)
    for order in Order.objects.all():
        settlement.settle(order)

    assert friend_of(anna).badge == "No credit"
    for page in pages(attribution):
        assert NEUTRAL in page
        assert f'href="mailto:{settings.SUPPORT_EMAIL}"' in page
        assert "kept for you" not in page
        assert "Remind them once" not in page


def test_what_was_paid_before_somebody_looked_stays_paid(anna):
    attribution = make_attribution(anna, terms=set_terms(hold_days=0))
    order = bought(attribution)
    look_at(attribution, ReviewCase.State.REJECTED)
    settlement.settle(order)

    assert friend_of(anna).badge == "$5 in your balance"


# Who cannot buy is not to be reminded


def test_a_friend_who_left_before_buying_comes_to_an_end(anna, pages):
    attribution = make_attribution(anna)
    User.objects.filter(pk=attribution.invitee_id).update(
        email=User.closed_email(attribution.invitee_id), is_active=False
    )

    assert friend_of(anna).badge == "No credit"
    for page in pages(attribution):
        assert "They closed their account before they bought anything." in page
        assert "Remind them once" not in page


@pytest.mark.parametrize("status", [Status.LAPSED, Status.VOID])
def test_who_does_not_count_is_not_reminded(anna, pages, status):
    attribution = make_attribution(anna, status=status)

    for page in pages(attribution):
        assert "Remind them once" not in page
        assert "kept for you" not in page
    assert friend_of(anna).badge == "No credit"


@pytest.mark.parametrize("status", Status.values)
def test_nothing_tells_which_rule_spoke_against_a_friend(anna, pages, status):
    reason = "same_card" if status == Status.VOID else ""
    attribution = make_attribution(anna, status=status, void_reason=reason)

    for line in friend_of(anna).trail:
        assert "card" not in line.sentence
        assert "customer" not in line.sentence
    for page in pages(attribution):
        assert "same_card" not in page


# Percentages


def test_a_percentage_is_told_as_one_before_the_order(anna, pages):
    attribution = make_attribution(
        anna,
        terms=set_terms(
            inviter_amount=0, inviter_basis_points=1000, inviter_most_amount=800
        ),
    )

    for page in pages(attribution):
        assert "10 % of the goods (at most $8) is kept for you until" in page
    assert friend_of(anna).steps[-1].label == "10 %"


@pytest.mark.parametrize(
    ("hold_days", "badge"), [(14, "$6.50 on "), (0, "$6.50 in your balance")]
)
def test_a_percentage_is_told_as_a_sum_after_the_order(anna, hold_days, badge):
    offer = set_terms(inviter_amount=0, inviter_basis_points=1000, hold_days=hold_days)

    bought(make_attribution(anna, terms=offer), goods=6500)

    friend = friend_of(anna)
    assert friend.badge.startswith(badge)
    assert friend.steps[-1].label == "$6.50"
    assert "$6.50" in friend.trail[-1].sentence


def test_a_reward_that_shrank_is_told_as_what_is_left(anna, pages):
    offer = set_terms(inviter_amount=0, inviter_basis_points=1000, hold_days=0)
    attribution = make_attribution(anna, terms=offer)
    order = bought(attribution)
    give_back(order, 2000)
    settlement.settle(order)

    assert friend_of(anna).badge == "$3 in your balance"
    for page in pages(attribution):
        assert "so $2 of the $5 went with it." in page
    # The balance has one line of $5 for that day.
    came = "The credit came into your balance, $3 of it for what your friend kept"
    assert came in trail_of(anna)


def test_a_reward_that_went_back_names_all_of_it(anna, pages):
    offer = set_terms(inviter_amount=0, inviter_basis_points=1000, hold_days=0)
    attribution = make_attribution(anna, terms=offer)
    order = bought(attribution)
    Order.objects.filter(pk=order.pk).update(status=Order.Status.CANCELLED)
    settlement.settle(order)

    assert friend_of(anna).badge == "Taken back"
    for page in pages(attribution):
        assert "The order was cancelled, so the $5 went back too." in page


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("over_cap", "The $5 is due again, but the most is 1 a month"),
        ("budget_exhausted", "the money set aside for invitations is used up"),
        ("releases_paused", "All payouts wait for a look of ours."),
    ],
)
def test_what_is_due_again_and_waits_is_not_told_as_taken_by_the_bank(
    anna, pages, reason, words
):
    offer = set_terms(hold_days=0, cap_per_month=1, cap_per_year=None)
    attribution = make_attribution(anna, terms=offer)
    order = bought(attribution)
    question = dispute(order, "lost", closed=True)
    settlement.settle(order)
    if reason == "over_cap":
        bought(make_attribution(anna, terms=offer))
    elif reason == "budget_exhausted":
        budgets.set_limit(offer.campaign, "USD", 100)
    else:
        ReleasePause.objects.create(released_count=5, usual_count=1)
    question.status = "won"
    question.save()

    settlement.settle(order)

    friend, _ = reports.friend(anna, attribution.pk)
    assert friend.badge == "$5 waits"
    for page in pages(attribution):
        assert words in page
        assert "taken back by the bank" not in page


def test_a_reward_on_hold_has_a_line(anna, pages):
    attribution = make_attribution(anna)
    order = bought(attribution)
    dispute(order, "needs_response")
    settlement.settle(order)

    for page in pages(attribution):
        assert "The $5 is on hold while a payment is being checked." in page


# Reasons

_ROOMS = (rules, settlement)


def reasons_in_code(*verbs):
    """Every reason that the rules and the rooms around them can give, from their code.

    Strings that are returned, that stand last in a pair of a list, or that are handed
    to a refusal or a decision; and the sets of reasons. With `verbs` those only.
    """
    parts = [
        vars(room)[verb] for room in _ROOMS for verb in verbs if verb in vars(room)
    ]
    sets = rules.TAKES_BACK | facts.OUT_OF_ROOM
    sets |= {settlement.RULE_FAILED, settlement.PAUSED}
    found = set() if verbs else set(sets)
    for room in parts or _ROOMS:
        for node in ast.walk(ast.parse(inspect.getsource(room))):
            told = []
            if isinstance(node, ast.Return):
                told = [node.value]
            elif isinstance(node, ast.List):
                pairs = [each for each in node.elts if isinstance(each, ast.Tuple)]
                told = [pair.elts[-1] for pair in pairs]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                told = node.args if node.func.id in ("Refusal", "Desired") else []
            found |= {
                each.value
                for each in told
                if isinstance(each, ast.Constant)
                and isinstance(each.value, str)
                and each.value.replace("_", "").isalpha()
            }
    return sorted(found)


def test_the_reasons_are_really_read_from_the_code():
    assert {
        *["below_minimum", "over_cap", "budget_exhausted", "paused", "rejected"],
        *["blocked", "friend_gone", "inviter_gone", "staff_order", "not_verified"],
        *["too_few_friends", "in_review", "releases_paused", "rule_failed"],
    } <= set(reasons_in_code())


@pytest.mark.parametrize("reason", reasons_in_code())
def test_every_reason_against_a_credit_has_its_words(anna, pages, reason):
    attribution = make_attribution(anna)
    bought(attribution, goods=1900)
    Settlement.objects.update(reason=reason)

    friend = friend_of(anna)

    assert reason in reasons.KNOWN
    assert friend.reason
    assert "{" not in friend.reason
    assert "balance" not in friend.badge
    for page in pages(attribution):
        assert friend.reason in page
        assert "any moment" not in page


@pytest.mark.parametrize(
    "reason", [*reasons_in_code("_waits_for", "_make_so"), settlement.RULE_FAILED]
)
def test_every_reason_to_wait_is_explained_after_the_hold(anna, pages, reason):
    attribution = make_attribution(anna, terms=set_terms(minimum_friends=3))
    bought(attribution)
    Reward.objects.update(available_at=timezone.now() - timedelta(days=1))
    Settlement.objects.update(reason=reason)

    friend = friend_of(anna)

    assert friend.reason
    assert friend.steps[-1].state == "now"
    for page in pages(attribution):
        assert friend.reason in page
        assert "any moment" not in page


@pytest.mark.parametrize("reason", ["rejected", "blocked", "a_reason_of_the_shops_own"])
def test_what_is_not_harmless_is_told_by_one_sentence(anna, reason):
    bought(make_attribution(anna), goods=1900)
    Settlement.objects.update(reason=reason)

    assert friend_of(anna).reason == NEUTRAL


def test_who_is_beyond_the_cap_is_told_the_cap(anna, pages):
    offer = set_terms(cap_per_month=1, cap_per_year=50)
    for _ in range(2):
        attribution = make_attribution(anna, terms=offer)
        bought(attribution)

    for page in pages(attribution):
        assert "the most is 1 a month and 50 a year." in page


def test_too_few_friends_are_told_with_their_number(anna, pages):
    attribution = make_attribution(anna, terms=set_terms(minimum_friends=3))
    bought(attribution)

    for page in pages(attribution):
        assert "$5 comes once 3 of your friends have bought." in page


def test_an_order_that_is_held_makes_its_credit_wait(anna, pages):
    attribution = make_attribution(anna)
    order = bought(attribution)
    Order.objects.filter(pk=order.pk).update(held_at=timezone.now())
    Reward.objects.update(available_at=timezone.now() - timedelta(days=1))

    for page in pages(attribution):
        assert "$5 waits while the order is being checked." in page
