"""What staff see of a questioned payment, and how a fraud warning ends by itself."""

import copy
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from catalog.tests.factories import make_variant
from orders import disputes, evidence, refunds, timeline
from orders.models import Dispute
from orders.tests.factories import deliver, make_order, make_user, pay
from shop.kit.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(client, stripe_sandbox, run_jobs):
    """Two mugs, paid, with the mail about them sent."""
    user = make_user("ada@example.com", name="Ada Lovelace")
    mug = make_variant(amount=2500, stock=9)
    order = make_order(user, {mug: 2})
    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)
    run_jobs()
    order.refresh_from_db()
    return order


@pytest.fixture
def boss(client):
    boss = User.objects.create_superuser("boss@example.com", "x")
    client.force_login(boss)
    return boss


def tell(client, stripe, *types):
    for event in stripe.events():
        if event["type"] in types:
            deliver(client, stripe, event)


def charge_of(stripe, order):
    intent = order.payments.get().intent_id
    return stripe.object("payment_intent", intent)["latest_charge"]


@pytest.fixture
def dispute(client, stripe_sandbox, order):
    stripe_sandbox.disputes.open(charge_of(stripe_sandbox, order))
    tell(client, stripe_sandbox, "charge.dispute.created")
    return Dispute.objects.get()


@pytest.fixture
def warning(client, stripe_sandbox, order):
    stripe_sandbox.disputes.warn(charge_of(stripe_sandbox, order))
    tell(client, stripe_sandbox, "radar.early_fraud_warning.created")
    return Dispute.objects.get()


def url(dispute):
    return reverse("admin:orders_dispute_evidence", args=[dispute.pk])


def test_the_evidence_tells_what_is_known_and_nothing_of_other_people(
    client, order, dispute, boss
):
    timeline.remark(order, "Looks odd to me", boss, public=False)
    timeline.note(order, "reward_frozen", "Reward is on hold")
    line, payment, sent = order.lines.get(), order.payments.get(), Message.objects.get()

    text = evidence.as_text(evidence.gather(dispute, mails=True))

    for known in (
        order.code,
        f"2 × {line.product_name}",
        line.sku,
        "$50.00",
        "ada@example.com",
        "Ada Lovelace, 12 Analytical Row",
        "Visa ending 4242",
        payment.intent_id,
        "We have your order",
        sent.message_id,
        "Evidence due by",
        dispute.stripe_id,
        evidence.PARCELS,
    ):
        assert known in text, known
    for inside in ("Looks odd", "Reward", "access_token", order.access_token):
        assert inside not in text, inside


def test_the_page_shows_the_same_with_a_link_to_each_mail(client, order, dispute, boss):
    html = client.get(url(dispute)).content.decode()
    dispute_page = client.get(
        reverse("admin:orders_dispute_change", args=[dispute.pk])
    ).content.decode()

    sent = Message.objects.get()
    assert reverse("admin:kit_message_change", args=[sent.pk]) in html
    assert "Stripe takes evidence until" in html
    assert "Do not send the goods" in html
    assert "To paste into Stripe" in html
    assert url(dispute) in dispute_page


def test_the_order_tells_staff_not_to_send_it_until_the_bank_is_done(
    client, stripe_sandbox, order, dispute, boss
):
    page = reverse("admin:orders_order_change", args=[order.pk])
    assert "do not send it" in client.get(page).content.decode()

    stripe_sandbox.disputes.win(dispute.stripe_id)
    tell(client, stripe_sandbox, "charge.dispute.closed")

    assert "do not send it" not in client.get(page).content.decode()
    assert "nothing is to be answered" in client.get(url(dispute)).content.decode()


def test_a_refund_of_a_disputed_payment_is_refused_in_words(
    client, order, dispute, boss
):
    said = {"everything": "on", "reason": "Wants it back"}
    page = client.post(reverse("admin:orders_order_refund", args=[order.pk]), said)

    assert "The payment is disputed: the bank decides" in page.content.decode()


def test_the_evidence_is_for_staff_who_may_see_disputes(client, dispute):
    client.force_login(make_user("eve@example.com"))
    assert client.get(url(dispute)).status_code == 302

    clerk = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    client.force_login(clerk)
    assert client.get(url(dispute)).status_code == 403

    _allow(clerk, "view_dispute")
    assert client.get(url(dispute)).status_code == 403

    _allow(clerk, "view_order")
    assert client.get(url(dispute)).status_code == 200
    assert client.post(url(dispute)).status_code == 405


def test_the_evidence_tells_of_mails_to_staff_who_may_see_mails(client, dispute):
    clerk = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    _allow(clerk, "view_dispute", "view_order")
    client.force_login(clerk)
    assert "Mails to the customer" not in client.get(url(dispute)).content.decode()

    _allow(clerk, "view_message")
    assert "Mails to the customer" in client.get(url(dispute)).content.decode()


def _allow(clerk, *codenames):
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def test_a_fraud_warning_that_nothing_came_of_ends_after_its_time(
    order, warning, time_machine
):
    assert disputes.close_stale_warnings() == 0

    time_machine.move_to(warning.opened_at + disputes.WARNINGS_STAND)
    assert disputes.close_stale_warnings() == 1
    assert disputes.close_stale_warnings() == 0

    warning.refresh_from_db()
    assert warning.closed_at
    assert order.events.filter(kind="warning_closed").count() == 1


def test_a_fraud_warning_ends_when_all_the_money_went_back(order, warning, boss):
    part = refunds.plan(order, refunds.Wish(amount=100))
    refunds.execute(part, boss)
    assert disputes.close_stale_warnings() == 0

    refunds.execute(refunds.plan(order, refunds.Wish(everything=True)), boss)
    assert disputes.close_stale_warnings() == 1


def test_a_dispute_is_never_closed_by_time(dispute, time_machine):
    time_machine.move_to(timezone.now() + timedelta(days=400))

    assert disputes.close_stale_warnings() == 0


def test_a_warning_is_dismissed_once(order, warning, boss):
    assert disputes.dismiss_warning(warning, boss)
    assert not disputes.dismiss_warning(warning, boss)

    assert order.events.get(kind="warning_dismissed").actor == boss


# Words that Stripe has and the shop does not


@pytest.fixture
def say(client, stripe_sandbox, dispute):
    """Tell of the dispute under some word: signed, and one after the other."""
    told = stripe_sandbox.events("charge.dispute.created")[0]

    def told_as(word, *, kind="updated", moves=None):
        event = copy.deepcopy(told)
        event["id"] = f"evt_{word}_{kind}"
        event["type"] = f"charge.dispute.{kind}"
        event["data"]["object"]["status"] = word
        if moves is not None:
            event["data"]["object"]["balance_transactions"] = [
                {"amount": amount} for amount in moves
            ]
        assert deliver(client, stripe_sandbox, event).status_code == 200
        dispute.refresh_from_db()

    return told_as


def is_refundable(order):
    try:
        refunds.plan(order, refunds.Wish(everything=True))
    except refunds.NotRefundable:
        return False
    return True


def test_a_prevented_dispute_is_over_as_soon_as_it_is_told(order, dispute, say):
    say("prevented", moves=[])

    assert dispute.closed_at
    assert dispute.status == "prevented"
    assert is_refundable(order)


def test_a_prevented_dispute_whose_money_went_is_a_loss(order, dispute, say):
    say("prevented", moves=[-dispute.amount])

    assert (dispute.status, bool(dispute.closed_at)) == ("lost", True)
    assert Dispute.objects.lost_by(payment__order=order) == dispute.amount


@pytest.mark.parametrize(
    ("moves", "status"),
    [([-5500, 5500], "appeal_closed"), ([-5500], "lost")],
)
def test_an_end_by_an_unknown_word_is_told_by_its_money(dispute, say, moves, status):
    say("appeal_submitted", moves=[-5500])
    assert dispute.closed_at is None

    say("appeal_closed", kind="closed", moves=moves)
    say("appeal_submitted")  # once more, and late

    assert (dispute.status, bool(dispute.closed_at)) == (status, True)


def test_a_word_nobody_knows_waits_until_staff_have_looked(
    client, order, dispute, say, boss
):
    say("appeal_submitted")
    assert not is_refundable(order)
    page = reverse("admin:orders_dispute_end", args=[dispute.pk])
    change = reverse("admin:orders_dispute_change", args=[dispute.pk])
    assert page in client.get(change).content.decode()

    assert client.post(page, {"way": "kept", "reason": ""}).status_code == 200
    dispute.refresh_from_db()
    assert dispute.closed_at is None

    client.post(page, {"way": "kept", "reason": "The dashboard says so"})
    dispute.refresh_from_db()
    assert dispute.closed_at
    assert is_refundable(order)
    told = order.events.get(kind="dispute_ended")
    assert (told.actor, told.data["reason"]) == (boss, "The dashboard says so")
    assert not told.is_public
    assert client.post(page, {"way": "lost", "reason": "x"}).status_code == 302
    assert order.events.filter(kind="dispute_ended").count() == 1


def test_what_staff_said_of_an_unknown_word_gives_way_to_stripes(dispute, say, boss):
    say("appeal_submitted")
    assert disputes.end(dispute, is_lost=True, actor=boss, reason="Gone")
    dispute.refresh_from_db()
    assert dispute.status == "lost"

    say("won", kind="closed", moves=[-5500, 5500])

    assert dispute.status == "won"


def test_a_word_that_the_shop_knows_is_not_staffs_to_end(client, dispute, boss):
    page = reverse("admin:orders_dispute_end", args=[dispute.pk])

    assert client.get(page).status_code == 302
    assert not disputes.end(dispute, is_lost=False, actor=boss, reason="Enough")


def test_only_staff_who_may_act_end_a_dispute(client, dispute, say):
    say("appeal_submitted")
    clerk = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    _allow(clerk, "view_dispute", "view_order")
    client.force_login(clerk)

    page = reverse("admin:orders_dispute_end", args=[dispute.pk])
    assert client.get(page).status_code == 403
