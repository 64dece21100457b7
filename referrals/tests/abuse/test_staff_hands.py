"""What staff do twice, or for themselves: scripts 51 and 57."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import adjustments, ledger
from accounts.models import Adjustment, Transfer, User
from orders.models import OrderAddress, Payment
from orders.tests.factories import ADDRESS, give
from referrals import emails, grants, oversight, review, settlement
from referrals.admin.queue import QUESTIONS, REASONS
from referrals.models import Device, ReviewCase, ReviewDecision, Reward
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


def press(person, verdict, *cases, reason="Looked at both", **more):
    client = Client()
    client.force_login(person)
    posted = {"cases": [case.pk for case in cases], "verdict": verdict}
    return client.post(QUEUE, posted | {"reason": reason} | more, follow=True)


def refused(inviter=None, **terms) -> Reward:
    """A reward that did not come about, because the inviter had enough already."""
    offer = set_terms(hold_days=0, cap_per_month=0, **terms)
    attribution = make_attribution(inviter, terms=offer)
    settlement.settle(make_order(attribution.invitee))
    return attribution.rewards.get()


def grant(person, reward, reason="A good friend of the shop"):
    client = Client()
    client.force_login(person)
    said = {"action": "grant_anyway", "_selected_action": [reward.pk]}
    said |= {"confirmed": "yes", "reason": reason}
    page = client.post("/admin/referrals/reward/", said, follow=True)
    return page.content.decode()


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


@pytest.mark.parametrize(("is_credit", "left"), [(True, 16_000), (False, 4000)])
def test_abuse_51_an_adjustment_is_done_once_whoever_presses(
    stan, eve, is_credit, left
):
    """Given or taken back: the form twice, the button twice, and a third person."""
    anna, max_ = make_member(), make_staff("max@example.com", name="Max Roth")
    give(anna, 10_000)
    browsers = [Client(), Client(), Client()]
    for browser, person in zip(browsers, [stan, eve, max_], strict=True):
        browser.force_login(person)
    ask = reverse("admin:accounts_adjustment_ask", args=[anna.pk])
    form = {"way": "give" if is_credit else "take", "amount": "60", "words": "Sorry"}
    form["reason"] = "A lamp that burned down"
    form["token"] = browsers[0].get(ask).context["form"]["token"].value()

    first, again = (browsers[0].post(ask, form) for _ in range(2))
    asked = Adjustment.objects.get()
    decide = reverse("admin:accounts_adjustment_decide", args=[asked.pk])
    pages = [
        browser.post(decide, {"verdict": verdict, "reason": "No"}, follow=True)
        for browser, verdict in zip(
            [*browsers[1:2] * 2, browsers[2]],
            ["confirm", "confirm", "refuse"],
            strict=True,
        )
    ]

    assert first["Location"] == again["Location"]
    for late in pages[1:]:
        assert late.status_code == 200
        assert re.search(r"[Aa]lready confirmed by Eve", late.content.decode())
    assert Transfer.objects.filter(kind="adjustment").count() == 1
    assert ledger.balance(anna, "USD") == left


@pytest.mark.parametrize("amount", ["5", "60"])
def test_abuse_57_nobody_adjusts_or_confirms_their_own_balance(stan, eve, amount):
    client = Client()
    client.force_login(stan)
    ask = reverse("admin:accounts_adjustment_ask", args=[stan.pk])
    form = {"way": "give", "amount": amount, "words": "Bonus", "reason": "I earned it"}
    form["token"] = client.get(ask).context["form"]["token"].value()

    own = client.post(ask, form | {"reason": "I have earned it"})
    assert "Nobody adjusts their own balance" in own.content.decode()
    assert not Adjustment.objects.exists()

    asked = adjustments.ask(
        owner=stan,
        actor=eve,
        amount=6000,
        is_credit=True,
        currency="USD",
        reason="A colleague asked me",
        words="Bonus",
        token="one",
    )
    decide = reverse("admin:accounts_adjustment_decide", args=[asked.pk])
    client.post(decide, {"verdict": "confirm"})
    asked.refresh_from_db()
    assert asked.decided_at is None
    assert ledger.balance(stan, "USD") == 0
    assert client.get("/admin/").status_code == 200


def test_abuse_57_much_by_hand_takes_another_pair_of_eyes(stan, eve):
    """Also in small parts, and the one who asked does not count twice."""
    anna = make_member()
    parts = [
        adjustments.ask(
            owner=anna,
            actor=stan,
            amount=3000,
            is_credit=True,
            currency="USD",
            reason="A lamp that burned",
            words="Sorry",
            token=token,
        )
        for token in ("one", "two")
    ]

    with pytest.raises(adjustments.OwnAffair):
        adjustments.confirm(parts[1].pk, actor=stan)

    assert [part.needs_two for part in parts] == [False, True]
    assert ledger.balance(anna, "USD") == 3000
    adjustments.confirm(parts[1].pk, actor=eve)
    assert ledger.balance(anna, "USD") == 6000


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


def test_abuse_57_much_at_stake_takes_two_people(stan, eve, run_jobs):
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


def test_many_small_ones_one_after_another_are_much(stan, eve):
    cases = [waiting(inviter_amount=4900) for _ in range(3)]

    pages = [press(stan, "approve", case) for case in cases]

    assert "1 friend approved" in pages[0].content.decode()
    for page in pages[1:]:
        assert "another person has to say the same" in page.content.decode()
    states = ReviewCase.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["approved", "open", "open"]

    press(eve, "approve", cases[1])

    cases[1].refresh_from_db()
    assert cases[1].state == "approved"


def test_one_member_gets_no_more_from_many_of_the_staff(stan, eve):
    anna = make_member()
    cases = [waiting(anna, inviter_amount=4900) for _ in range(2)]

    press(stan, "approve", cases[0])
    press(eve, "approve", cases[1])

    cases[1].refresh_from_db()
    assert cases[1].state == "open"


def test_yesterdays_approvals_count_for_nothing_today(stan, time_machine):
    time_machine.move_to(timezone.now() - timedelta(days=1), tick=False)
    cases = [waiting(inviter_amount=4900) for _ in range(2)]
    press(stan, "approve", cases[0])

    time_machine.shift(timedelta(days=1))
    press(stan, "approve", cases[1])

    cases[1].refresh_from_db()
    assert cases[1].state == "approved"


def test_abuse_57_a_large_grant_takes_two_people(stan, eve):
    reward = refused(inviter_amount=6000)

    first = grant(stan, reward)
    again = grant(stan, reward)
    assert "once another person says the same" in first
    assert "You have said so already" in again
    assert Reward.objects.get().state == "void"
    assert list(Reward.objects.half_granted()) == [reward]

    grant(eve, reward)

    assert Reward.objects.get().state == "available"
    assert not Reward.objects.half_granted()
    late = grant(make_staff("late@example.com"), reward)
    assert "Choose one to 20 rewards" in late


def test_small_grants_one_after_another_are_much(stan):
    for _ in range(2):
        grant(stan, refused(inviter_amount=4900))

    assert sorted(Reward.objects.values_list("state", flat=True)) == [
        "available",
        "void",
    ]


def test_what_was_approved_counts_beside_what_is_granted(stan):
    press(stan, "approve", waiting(inviter_amount=4900))

    grant(stan, refused(inviter_amount=4900))

    assert Reward.objects.filter(waived_at=None, state="void").exists()


def test_a_role_grants_no_more_in_a_day_than_it_may_adjust(settings, stan):
    settings.ADJUSTMENT_LIMIT = 800
    clerk = make_member(is_staff=True)
    rewards = [refused() for _ in range(2)]
    grants.grant_anyway(rewards[0].pk, clerk, "A good friend of the shop")

    with pytest.raises(grants.OverLimit, match="8.00"):
        grants.grant_anyway(rewards[1].pk, clerk, "A good friend of the shop")


def test_abuse_51_who_grants_second_reads_who_was_first(stan, eve):
    reward = refused()
    grants.grant_anyway(reward.pk, stan, "A good friend of the shop")

    with pytest.raises(grants.NotVoid, match="Already granted by Stan on"):
        grants.grant_anyway(reward.pk, eve, "Me, too")


def test_one_of_a_group_is_approved_and_another_rejected(stan, run_jobs):
    cases = [waiting() for _ in range(2)]
    for case in cases:
        tie(case, "same_device", "device 0123456789ab")

    press(stan, "approve", cases[0])
    press(stan, "reject", cases[1])

    states = ReviewCase.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["approved", "rejected"]


def tie(case, code, evidence):
    case.attribution.signals.create(code=code, weight=60, evidence=evidence)


def test_friends_of_a_busy_inviter_are_one_group_only_by_what_they_share(stan):
    anna = make_member()
    apart, *together, card = [waiting(anna) for _ in range(5)]
    tie(apart, "same_device", "device 000000000000")
    for case in together[:2]:
        tie(case, "same_address", "door 0123456789ab")
    for case in (together[2], card):
        orders = case.attribution.invitee.orders.all()
        Payment.objects.filter(order__in=orders).update(
            card_hash="c" * 64, card="Visa ending 4242"
        )
    tie(together[1], "many_by_inviter", "more than 10 in 24 hours")
    tie(apart, "many_by_inviter", "more than 10 in 24 hours")

    groups = review.queue(stan)

    assert [[case.pk for case in group.cases] for group in groups] == [
        [apart.pk],
        [case.pk for case in together[:2]],
        [together[2].pk, card.pk],
    ]
    assert [group.shared for group in groups] == [
        [],
        ["door 0123456789ab"],
        ["card Visa ending 4242"],
    ]


def test_each_of_a_group_has_a_box_that_is_ticked(stan, client):
    for _ in range(2):
        tie(waiting(), "same_device", "device 0123456789ab")
    client.force_login(stan)

    page = client.get(QUEUE).content.decode()

    assert page.count('type="checkbox" name="cases"') == 2
    assert len(re.findall(r'name="cases" value="\d+" checked', page)) == 2


def test_the_two_people_stand_beside_each_other_with_what_is_the_same(stan, client):
    case = waiting()
    pair = (case.attribution.inviter, case.attribution.invitee)
    for person in pair:
        order = person.orders.first() or make_order(person, goods=7000)
        OrderAddress.objects.create(order=order, **ADDRESS)
        Device.objects.create(
            user=person, token_hash=f"{person.pk:064}", agent="Safari, iOS"
        )
    client.force_login(stan)

    (group,) = client.get(QUEUE).context["rows"][0][:1]

    lines = {line.label: line for line in group.cases[0].lines}
    assert lines["Bought"].inviter == "1 order, $70.00"
    assert lines["Bought"].friend == "1 order, $50.00"
    assert ADDRESS["street"] in lines["Parcels go to"].friend
    assert lines["Browser"].friend == "Safari, iOS"
    assert [label for label, line in lines.items() if line.is_same] == ["Parcels go to"]


def test_the_comparison_shows_what_a_person_may_see(client):
    waiting()
    clerk = make_member(is_staff=True)
    names = ["change_reviewcase", "view_reviewcase"]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(clerk)

    page = client.get(QUEUE)

    (case,) = page.context["cases"]
    assert [line.label for line in case.lines] == ["Joined", "Bought"]


def test_after_a_decision_the_next_case_has_the_focus(stan):
    first, second = [waiting() for _ in range(2)]

    page = press(stan, "approve", first, first=first.pk, next=second.pk)
    stays = press(stan, "approve", second, reason="", first=second.pk, next=first.pk)

    assert page.redirect_chain[0][0].endswith(f"#case-{second.pk}")
    assert stays.redirect_chain[0][0].endswith(f"#case-{second.pk}")


def test_a_decided_case_is_opened_again_on_its_own_page(stan, eve):
    case = waiting()
    address = f"/admin/referrals/reviewcase/{case.pk}/change/"
    client = Client()
    client.force_login(eve)
    assert "Open again" not in client.get(address).content.decode()
    press(stan, "reject", case)
    assert "Open again" in client.get(address).content.decode()

    back = press(eve, "reopen", case, reason="He wrote to us", back="case")

    assert back.redirect_chain[-1][0] == address
    case.refresh_from_db()
    assert case.state == "open"
    assert "Decide in the queue" in back.content.decode()


def test_the_log_says_of_a_case_what_became_of_it(stan):
    press(stan, "approve", waiting())

    assert LogEntry.objects.get().object_repr.endswith("Approved")


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

    press(stan, "ask", case, reason="Same person", question="Who told you about us?")

    asked = Message.objects.get(kind="review_question")
    assert asked.recipient == case.attribution.invitee.email
    assert "Who told you about us?" in asked.text
    assert "Same person" not in asked.text
    case.refresh_from_db()
    assert case.state == "asked"


def test_what_is_asked_can_be_picked_and_is_shown_as_the_friend_reads_it(stan, client):
    case = waiting()
    client.force_login(stan)

    page = client.get(QUEUE).content.decode()
    press(stan, "ask", case, reason="", asked=QUESTIONS[0])

    mail = Message.objects.get(kind="review_question")
    letter = emails.around_question()
    assert QUESTIONS[0] in mail.text
    assert mail.text.split() == [
        *letter.before.split(),
        *QUESTIONS[0].split(),
        *letter.after.split(),
    ]
    for words in (letter.subject, "before we thank them", "are not affected"):
        assert words in page


def test_a_reason_is_never_a_question(stan):
    page = press(stan, "ask", waiting(), reason="Same person with a second address")

    assert "write what the friend is asked" in page.content.decode()
    assert not Message.objects.filter(kind="review_question").exists()


def test_a_reason_is_picked_with_one_press(stan):
    press(stan, "approve", waiting(), reason="", picked=REASONS[0])

    assert ReviewDecision.objects.get().reason == REASONS[0]


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

    with django_assert_max_num_queries(18):
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
