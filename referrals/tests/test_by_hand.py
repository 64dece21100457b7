"""Staff's own word: with permission, a reason, an order, and a trace of it."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from referrals import attributions, by_hand, settlement
from referrals.models import Attribution, Claim, Reward
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
)

pytestmark = pytest.mark.django_db

Status = Attribution.Status
BY_HAND = "/admin/referrals/attribution/by-hand/"


@pytest.fixture
def stan(client):
    stan = make_member("stan@tandem.example", is_staff=True)
    for name in ("view_attribution", "change_attribution"):
        stan.user_permissions.add(Permission.objects.get(codename=name))
    client.force_login(stan)
    return stan


@pytest.fixture
def link():
    return make_link(make_member("anna@example.com"), text="A01B2C3D")


@pytest.fixture
def ben():
    return make_member("ben@example.com", days_ago=9)


def enter(client, bought, **changes):
    form = {
        "friend": "ben@example.com",
        "code": "a01b2c3d",
        "order": bought.spoken_code,
        "reason": "Told us on the telephone",
    }
    return client.post(BY_HAND, form | changes)


def test_staff_enter_who_brought_a_friend(client, stan, link, ben, run_jobs):
    order = make_order(ben)

    assert enter(client, order).status_code == 302

    attribution = ben.attribution
    assert (attribution.link, attribution.method) == (link, Attribution.Method.STAFF)
    assert attribution.status == Status.ACTIVE
    claim = Claim.objects.get()
    assert (claim.actor, claim.won) == (stan, True)
    assert order.code in claim.note
    assert "Told us" in LogEntry.objects.get(user=stan).change_message
    settlement.settle(order)
    assert Reward.objects.get().recipient == link.owner


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "phone"},
        {"code": "ZZZZ9999"},
        {"order": "ZZZZZZZZ"},
        {"friend": "x@x.x"},
    ],
)
def test_without_reason_code_order_or_friend_nothing_is_written(
    client, stan, link, ben, changes
):
    answer = enter(client, make_order(ben), **changes)

    assert answer.status_code == 200
    assert not Attribution.objects.exists()
    assert not LogEntry.objects.exists()


def test_the_order_has_to_be_the_friends(client, stan, link, ben):
    enter(client, make_order(make_member()))

    assert not Attribution.objects.exists()


def test_force_sets_the_rules_aside_and_never_the_one_inviter(client, stan, link, ben):
    make_order(ben)
    later = make_order(ben)
    refused = enter(client, later)
    assert "customer before" in refused.content.decode()

    enter(client, later, force="on")
    assert ben.attribution.link == link

    make_link(text="SECXND22")
    again = enter(client, later, code="SECXND22", force="on")
    assert "already" in again.content.decode()
    assert Attribution.objects.count() == 1


def test_force_brings_nobody_who_was_here_first(client, stan, ben):
    make_link(make_member(days_ago=1), text="A01B2C3D")

    answer = enter(client, make_order(ben), force="on")

    assert "joined after" in answer.content.decode()
    assert not Attribution.objects.exists()


def test_staff_decide_nothing_about_themselves(client, stan, ben):
    make_link(stan, text="A01B2C3D")

    answer = enter(client, make_order(ben), force="on")

    assert "Somebody else" in answer.content.decode()
    assert not Attribution.objects.exists()


def test_who_may_only_look_enters_nothing(client, link, ben):
    looker = make_member("look@tandem.example", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_attribution"))
    client.force_login(looker)
    attribution = make_attribution()
    why = reverse("admin:referrals_attribution_why", args=[attribution.invitee_id])
    reopen = reverse("admin:referrals_attribution_reopen", args=[attribution.pk])

    assert client.get(BY_HAND).status_code == 403
    assert enter(client, make_order(ben)).status_code == 403
    assert client.post(reopen, {"reason": "It was all right"}).status_code == 403
    assert "Let it count" not in client.get(why).content.decode()


@pytest.mark.parametrize("status", [Status.VOID, Status.LAPSED, Status.PROVISIONAL])
def test_staff_let_a_closed_one_count_and_it_stays_so(client, stan, status):
    attribution = make_attribution(status=status)
    order = make_order(attribution.invitee)
    address = reverse("admin:referrals_attribution_reopen", args=[attribution.pk])

    client.post(address, {"reason": "short"})
    attribution.refresh_from_db()
    assert attribution.status == status
    client.post(address, {"reason": "Both came into the shop"})

    attribution.refresh_from_db()
    assert (attribution.status, attribution.void_reason) == (Status.ACTIVE, "")
    assert Claim.objects.get().actor == stan
    make_order(attribution.inviter)
    type(order.payments.get()).objects.update(card_hash="the same card")
    attributions.judge_payment(order.pk)
    attribution.refresh_from_db()
    assert attribution.status == Status.ACTIVE


def test_the_page_of_a_case_answers_why_not(client, stan, mailoutbox):
    attribution = make_attribution(status=Status.VOID, void_reason="same_email")
    friend = attribution.invitee

    page = client.get(reverse("admin:referrals_attribution_why", args=[friend.pk]))

    text = page.content.decode()
    assert page.status_code == 200
    for words in ("same_email", "existing_customer", "same_card", "Let it count"):
        assert words in text


def test_the_page_of_somebody_whom_nobody_brought(client, stan):
    address = reverse("admin:referrals_attribution_why", args=[make_member().pk])

    assert "Nobody brought this person" in client.get(address).content.decode()


# R-A9: never verified


def test_what_is_never_verified_lapses_after_thirty_days(time_machine):
    attribution = make_attribution(status=Status.PROVISIONAL)
    made = timezone.now()
    time_machine.move_to(made + attributions.LAPSES_AFTER * 0.99)
    assert attributions.lapse_forgotten() == 0

    time_machine.move_to(made + attributions.LAPSES_AFTER)

    assert attributions.lapse_forgotten() == 1
    assert attributions.lapse_forgotten() == 0
    attribution.refresh_from_db()
    assert attribution.status == Status.LAPSED
    assert Claim.objects.get().reason == "never_verified"


@pytest.mark.parametrize("reason", ["", "too short", "   blank   "])
def test_no_verb_of_staff_goes_without_a_reason(link, ben, reason):
    attribution = make_attribution(status="void")

    with pytest.raises(by_hand.Refused, match="reason"):
        by_hand.reopen(attribution, actor=make_member(is_staff=True), reason=reason)

    attribution.refresh_from_db()
    assert attribution.status == "void"


def test_the_page_says_in_words_why_somebody_does_not_count(admin_client):
    attribution = make_attribution(status=Status.VOID, void_reason="same_email")

    url = f"/admin/referrals/attribution/{attribution.invitee_id}/why/"
    page = admin_client.get(url).content.decode()

    assert "Does not count: Same email" in page
