"""What code of others hears: after the change, once each, by ids that stay the same."""

import pytest
from django.db import transaction
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts import ledger
from accounts.models import Transfer
from orders.balances import capture, hold
from referrals import settlement, signals
from referrals.models import Attribution, Claim, Reward, Settlement, Visit
from referrals.tests.afterwards import give_back
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    set_terms,
)
from referrals.tests.people import join, sign_up

pytestmark = pytest.mark.django_db

ALL = [
    signals.visit_recorded,
    signals.attribution_made,
    signals.attribution_rejected,
    signals.order_qualified,
    signals.reward_pending,
    signals.reward_available,
    signals.reward_adjusted,
    signals.reward_reversed,
    signals.credit_spent,
]

heard: list[tuple] = []


def listen(sender, signal, fact, **ids):
    heard.append((signal.name, sender, fact, ids))


def break_down(sender, **ids):
    raise RuntimeError("the receiver is broken")


def names():
    return [name for name, *_ in heard]


def ids_of(name):
    return next(ids for told, _, _, ids in heard if told == name)


@pytest.fixture(autouse=True)
def ears():
    heard.clear()
    for signal in ALL:
        signal.connect(listen)
    yield
    for signal in ALL:
        signal.disconnect(listen)
        signal.disconnect(break_down)


@pytest.fixture
def tell(run_jobs, django_capture_on_commit_callbacks):
    """Commit what happens in the block, and let the worker run."""

    class Told:
        def __enter__(self):
            self.commit = django_capture_on_commit_callbacks(execute=True)
            self.commit.__enter__()

        def __exit__(self, *error):
            self.commit.__exit__(*error)
            run_jobs()

    return Told()


def test_a_click_is_told_once_however_often_it_is_repeated(client, tell):
    link = make_link(text="A01B2C3D")

    with tell:
        client.get("/r/A01B2C3D/")
        client.get("/r/A01B2C3D/")

    visit = Visit.objects.get()
    assert names() == ["visit_recorded"]
    assert ids_of("visit_recorded") == {
        "link_id": link.pk,
        "visitor_id": visit.visitor_id,
        "bucket": visit.bucket.isoformat(),
    }


def test_a_friend_who_joins_is_told(client, tell, mailoutbox):
    link = make_link(text="A01B2C3D")

    with tell:
        client.get("/r/A01B2C3D/")
        join(client, mailoutbox)

    attribution = Attribution.objects.get()
    assert names() == ["visit_recorded", "attribution_made"]
    assert ids_of("attribution_made") == {
        "attribution_id": attribution.pk,
        "link_id": link.pk,
        "invitee_id": attribution.invitee_id,
        "inviter_id": link.owner_id,
    }


def test_a_link_that_did_not_bring_somebody_is_told_with_its_reason(client, tell):
    make_link(text="A01B2C3D")
    make_link(text="ZZ1B2C3D")

    with tell:
        client.get("/r/A01B2C3D/")
        client.get("/r/ZZ1B2C3D/")
        sign_up(client)

    claim = Claim.objects.get(won=False)
    assert names().count("attribution_made") == 1
    assert ids_of("attribution_rejected") == {
        "claim_id": claim.pk,
        "link_id": claim.link_id,
        "invitee_id": claim.invitee_id,
        "reason": "later_touch",
    }


def test_an_order_that_earns_is_told_and_its_reward_waits(tell):
    set_terms(hold_days=14)
    order = make_order(make_attribution().invitee)

    with tell:
        settlement.settle(order)
        settlement.settle(order)

    reward = Reward.objects.get()
    about = {
        "reward_id": reward.pk,
        "order_id": order.pk,
        "recipient_id": reward.recipient_id,
    }
    assert sorted(names()) == ["order_qualified", "reward_pending"]
    assert ids_of("reward_pending") == about
    assert ids_of("order_qualified")["order_id"] == order.pk


def test_a_reward_that_comes_and_goes_is_told_each_time(tell):
    set_terms(hold_days=0)
    order = make_order(make_attribution().invitee)

    with tell:
        settlement.settle(order)
    order.status, order.cancelled_at = "cancelled", order.confirmed_at
    order.save(update_fields=["status", "cancelled_at"])
    with tell:
        settlement.settle(order)
        settlement.settle(order)

    assert names().count("reward_available") == 1
    assert names().count("reward_reversed") == 1
    assert len({fact for _, _, fact, _ in heard}) == len(heard)


def test_a_reward_that_shrinks_is_told_once(tell):
    set_terms(hold_days=0, inviter_amount=0, inviter_basis_points=1000)
    order = make_order(make_attribution().invitee)
    with tell:
        settlement.settle(order)
    assert "reward_adjusted" not in names()

    give_back(order, 2000)
    with tell:
        settlement.settle(order)
        settlement.settle(order)

    reward = Reward.objects.get()
    assert reward.amount_kept == 300
    assert names().count("reward_adjusted") == 1
    assert ids_of("reward_adjusted") == {
        "reward_id": reward.pk,
        "order_id": order.pk,
        "recipient_id": reward.recipient_id,
    }


def test_a_pending_reward_that_does_not_come_about_is_told(tell):
    set_terms(hold_days=14)
    order = make_order(make_attribution().invitee)

    with tell:
        settlement.settle(order)
    order.status, order.cancelled_at = "cancelled", order.confirmed_at
    order.save(update_fields=["status", "cancelled_at"])
    with tell:
        settlement.settle(order)

    assert names().count("reward_reversed") == 1
    assert "reward_available" not in names()


def test_credit_is_told_as_spent_when_the_order_counts(tell):
    member = make_member()
    ledger.post(
        key="test:gift",
        debit=(None, ledger.Kind.PROGRAMME_COST),
        credit=(member, ledger.Kind.WALLET),
        amount=500,
        currency="USD",
        kind="manual",
        reason="A gift",
    )
    order = make_order(member, balance=500)

    with tell, transaction.atomic():
        hold(order)
    assert names() == []
    with tell, transaction.atomic():
        capture(order)

    assert names() == ["credit_spent"]
    assert ids_of("credit_spent") == {
        "order_id": order.pk,
        "user_id": member.pk,
        "amount": 500,
    }


def test_a_receiver_that_breaks_changes_no_reward_and_is_tried_again(
    tell, time_machine
):
    time_machine.move_to("2026-03-01T12:00Z", tick=False)
    set_terms(hold_days=0)
    order = make_order(make_attribution().invitee)
    signals.reward_available.connect(break_down)

    with tell:
        settlement.settle(order)
    assert Reward.objects.get().state == Reward.State.AVAILABLE
    assert names().count("reward_available") == 1

    again = DBTaskResult.objects.get(task_path="shop.kit.announcements.tell_again")
    assert again.status == TaskResultStatus.READY


def test_every_fact_comes_from_a_class():
    assert {signal.sender for signal in ALL} == {
        Visit,
        Attribution,
        Claim,
        Settlement,
        Reward,
        Transfer,
    }
