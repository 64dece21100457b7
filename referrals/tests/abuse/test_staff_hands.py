"""What staff do twice, or for themselves: scripts 51 and 57."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts import adjustments, ledger
from accounts.models import User
from referrals import oversight, review, settlement
from referrals.models import ReviewCase, ReviewDecision, Reward
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)
from shop.kit.models import Message

pytestmark = pytest.mark.django_db

QUEUE = "/admin/referrals/reviewcase/queue/"


def make_staff(email, **fields):
    return make_member(email, is_staff=True, is_superuser=True, **fields)


@pytest.fixture
def stan():
    return make_staff("stan@example.com", name="Stan Berg")


@pytest.fixture
def eve():
    return make_staff("eve@example.com", name="Eve Lund")


def waiting(inviter=None, **terms) -> ReviewCase:
    """A friend who bought, with a reward that waits for a person."""
    attribution = make_attribution(inviter, terms=set_terms(hold_days=0, **terms))
    case = ReviewCase.objects.create(attribution=attribution, score=60)
    settlement.settle(make_order(attribution.invitee))
    return case


def press(person, verdict, *cases, reason="Looked at both"):
    client = Client()
    client.force_login(person)
    posted = {"cases": [case.pk for case in cases], "verdict": verdict}
    return client.post(QUEUE, posted | {"reason": reason}, follow=True)


def test_abuse_51_two_of_the_staff_decide_once(stan, eve, run_jobs):
    case = waiting()

    first = press(stan, "approve", case)
    second = press(eve, "reject", case)
    again = press(stan, "approve", case)
    run_jobs()

    assert "1 friend approved" in first.content.decode()
    for late in (second, again):
        assert late.status_code == 200
        assert "Already decided by Stan on" in late.content.decode()
    decision = ReviewDecision.objects.get()
    assert (decision.verdict, decision.decided_by) == ("approve", stan)
    reward = Reward.objects.get()
    assert reward.state == "available"
    assert ledger.balance(reward.recipient, "USD") == 500


def test_abuse_57_nobody_decides_about_their_own_friend(stan, run_jobs):
    case = waiting(stan)

    refused = press(stan, "approve", case)
    run_jobs()

    assert "You cannot decide about yourself" in refused.content.decode()
    case.refresh_from_db()
    assert case.state == "open"
    assert not ReviewDecision.objects.exists()
    assert ledger.balance(stan, "USD") == 0
    assert "Refused" in LogEntry.objects.get(user=stan).change_message


def test_abuse_57_the_owner_reads_the_next_morning_what_was_done_by_hand(stan):
    press(stan, "reject", waiting(), reason="Bought from himself")

    told = oversight.report(timezone.localdate())
    oversight.report(timezone.localdate())

    assert told == 1
    mail = Message.objects.get(kind="staff_acts")
    assert "Bought from himself" in mail.text
    assert "stan@example.com" in mail.text


def test_abuse_57_what_staff_give_by_hand_is_in_the_mail_with_its_reason(stan, eve):
    asked = adjustments.ask(
        owner=make_member(),
        actor=stan,
        amount=6000,
        is_credit=True,
        currency="USD",
        reason="A lamp that burned",
        words="Sorry for the trouble",
        token="one",
    )
    adjustments.confirm(asked.pk, actor=eve)

    oversight.report(timezone.localdate())

    text = Message.objects.filter(kind="staff_acts").first().text
    assert "A lamp that burned (confirmed by eve@example.com)" in text
    assert "$60.00" in text


def test_a_day_without_hands_is_no_mail(stan):
    assert oversight.report(timezone.localdate() - timedelta(days=1)) == 0
    assert not Message.objects.exists()


def test_much_at_stake_takes_two_people(stan, eve, run_jobs):
    case = waiting(inviter_amount=6000)

    first = press(stan, "approve", case)
    twice = press(stan, "approve", case)
    run_jobs()
    assert "another person has to say the same" in first.content.decode()
    assert "You have said so already" in twice.content.decode()
    assert Reward.objects.get().state == "pending"

    press(eve, "approve", case)
    run_jobs()

    assert Reward.objects.get().state == "available"
    assert ReviewDecision.objects.count() == 2


def test_many_small_ones_at_once_are_much(stan, run_jobs):
    cases = [waiting(inviter_amount=2600) for _ in range(2)]

    press(stan, "approve", *cases)

    assert {case.state for case in ReviewCase.objects.all()} == {"open"}


def test_a_rejected_friend_can_be_looked_at_again(stan, eve, run_jobs):
    case = waiting()
    press(stan, "reject", case)
    run_jobs()
    assert Reward.objects.get().state == "void"

    press(eve, "reopen", case)
    press(eve, "approve", case)
    run_jobs()

    assert Reward.objects.get().state == "available"


def test_a_friend_who_is_asked_reads_the_question_and_not_the_signal(stan):
    case = waiting()

    press(stan, "ask", case, reason="Who told you about us?")

    asked = Message.objects.get(kind="review_question")
    assert asked.recipient == case.attribution.invitee.email
    assert "Who told you about us?" in asked.text
    case.refresh_from_db()
    assert case.state == "asked"


def test_a_decision_without_a_reason_is_none(stan):
    response = press(stan, "approve", waiting(), reason=" ")

    assert "Say why" in response.content.decode()
    assert not ReviewDecision.objects.exists()


@pytest.mark.parametrize(("default", "state"), [("", "open"), ("reject", "rejected")])
def test_what_nobody_decides_is_settled_by_default_if_settings_say_so(
    settings, default, state
):
    settings.REFERRAL_REVIEW_DEFAULT = default
    case = waiting()
    ReviewCase.objects.update(opened_at=timezone.now() - timedelta(days=15))

    review.time_out()

    case.refresh_from_db()
    assert case.state == state


def test_honest_people_read_neutral_words(settings):
    case = waiting()
    case.attribution.signals.create(
        code="same_device", weight=60, evidence="device 0123"
    )
    stan = make_staff("other@example.com")
    review.reject([case], actor=stan, reason="Same person")
    attribution = type(case.attribution).objects.get()

    said = review.public_reason(attribution)

    assert said.appeal_email == settings.SUPPORT_EMAIL
    for secret in ("device", "Same person", "same_", "fraud"):
        assert secret not in said.text


def test_staff_without_the_permission_see_no_queue(client):
    clerk = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    client.force_login(clerk)

    assert client.get(QUEUE).status_code == 403


def test_the_queue_asks_no_more_for_more_cases(
    client, stan, django_assert_max_num_queries
):
    client.force_login(stan)
    for _ in range(4):
        waiting()

    with django_assert_max_num_queries(12):
        page = client.get(QUEUE).content.decode()

    assert page.count("data-review") == 4
    assert "data-review" not in client.get(QUEUE, {"least": "1"}).content.decode()


@pytest.mark.parametrize("side", ["recipient", "invitee"])
def test_abuse_57_nobody_grants_a_reward_of_their_own(side, caplog):
    attribution = make_attribution(terms=set_terms(hold_days=0, cap_per_month=0))
    settlement.settle(make_order(attribution.invitee))
    reward = Reward.objects.get()
    # A customer like any other then; hired since.
    people = {"recipient": attribution.inviter, "invitee": attribution.invitee}
    User.objects.filter(pk=people[side].pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(people[side])
    said = {"action": "grant_anyway", "_selected_action": [reward.pk]}
    said |= {"confirmed": "yes", "reason": "I have earned it"}

    page = client.post("/admin/referrals/reward/", said, follow=True)

    assert "Somebody else has to decide" in page.content.decode()
    reward.refresh_from_db()
    assert (reward.state, reward.waived_at) == (Reward.State.VOID, None)
    assert "tried to grant their own reward" in caplog.text
