"""Every kind of entry: who wrote it, and whether the customer reads it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from orders import (
    cancellations,
    confirmation,
    disputes,
    emails,
    payments,
    refunds,
    timeline,
)
from orders.models import Dispute, Order
from orders.refunds import Wish
from orders.tests.factories import (
    deliver,
    make_order,
    make_user,
    open_session,
)
from orders.tests.test_emails import DAY, DECLINED, debit_fails
from shop.kit import mail
from shop.kit.models import Message

pytestmark = pytest.mark.django_db

FRAUD = "4000000000000259"
LATE_FAILURE = "4000000000005126"
WARNED = "4000000000005423"


class Story:
    """One order, and what may happen to it."""

    def __init__(self, client, stripe, run_jobs):
        self.client, self.stripe, self.run_jobs = client, stripe, run_jobs
        self.ada = make_user("ada@example.com")
        self.boss = User.objects.create_superuser("boss@example.com", "x")
        self.order = make_order(self.ada)

    def hear(self):
        for event in self.stripe.events():
            deliver(self.client, self.stripe, event)
        self.order.refresh_from_db()

    def buy(self, number="4242424242424242"):
        self.stripe.pay(open_session(self.order), number)
        self.hear()

    def give_back(self, **wish):
        wish = Wish(everything=True, reason="Torn", **wish)
        return refunds.execute(refunds.plan(self.order, wish), self.boss)


def placed(story):
    pass


def bought(story):
    story.buy()


def card_refused(story):
    story.buy(DECLINED)


def debit_failed(story):
    debit_fails(story.client, story.stripe, story.order)


def page_expired(story):
    story.stripe.expire(open_session(story.order))
    story.hear()


def cancelled_by_buyer(story):
    cancellations.cancel_unpaid(story.order, actor=story.ada, origin="customer")


def cancelled_by_staff(story):
    story.buy()
    story.give_back(cancels=True)


def refund_failed(story):
    story.buy(LATE_FAILURE)
    story.give_back()
    story.stripe.clock.advance(10 * DAY)
    story.hear()


def refund_refused(story):
    story.buy()
    plan = refunds.plan(story.order, Wish(everything=True, reason="Torn"))
    intent = story.order.payments.get().intent_id
    payments.client().v1.refunds.create({"payment_intent": intent})
    with pytest.raises(payments.RefundRefused):
        refunds.execute(plan, story.boss)


def disputed(story):
    story.buy(FRAUD)


def warning_dismissed(story):
    story.buy(WARNED)
    disputes.dismiss_warning(Dispute.objects.get(), story.boss)


def held(story):
    confirmation.hold(story.order, "Paid twice.")


def mail_sent_again(story):
    emails.order_confirmed(story.order)
    story.run_jobs()
    mail.send_again(Message.objects.get(), 1, story.boss)


def noted(story):
    timeline.remark(story.order, "It is snowing here", story.boss, public=True)


def noted_in_private(story):
    timeline.remark(story.order, "Rang her", story.boss, public=False)


PUBLIC, PRIVATE = True, False


@pytest.mark.parametrize(
    ("what", "kind", "who", "public", "moved"),
    [
        (placed, "placed", "customer", PUBLIC, ("", "pending")),
        (bought, "paid", "stripe", PUBLIC, ("", "")),
        (bought, "confirmed", "shop", PUBLIC, ("pending", "confirmed")),
        (card_refused, "payment_refused", "stripe", PRIVATE, ("", "")),
        (debit_failed, "payment_failed", "stripe", PUBLIC, ("", "")),
        (page_expired, "page_closed", "stripe", PRIVATE, ("", "")),
        (page_expired, "expired", "shop", PUBLIC, ("pending", "expired")),
        (cancelled_by_buyer, "cancelled", "customer", PUBLIC, ("pending", "cancelled")),
        (cancelled_by_staff, "cancelled", "staff", PUBLIC, ("confirmed", "cancelled")),
        (cancelled_by_staff, "refunded", "staff", PUBLIC, ("", "")),
        (refund_failed, "refund_failed", "stripe", PUBLIC, ("", "")),
        (refund_refused, "refund_refused", "stripe", PRIVATE, ("", "")),
        (disputed, "disputed", "stripe", PRIVATE, ("", "")),
        (warning_dismissed, "fraud_warning", "stripe", PRIVATE, ("", "")),
        (warning_dismissed, "warning_dismissed", "staff", PRIVATE, ("", "")),
        (held, "held", "shop", PRIVATE, ("", "")),
        (mail_sent_again, "mail_sent_again", "staff", PRIVATE, ("", "")),
        (noted, "note", "staff", PUBLIC, ("", "")),
        (noted_in_private, "note", "staff", PRIVATE, ("", "")),
    ],
)
def test_each_entry_says_who_did_it_and_is_read_by_whom_it_concerns(
    client, stripe_sandbox, run_jobs, what, kind, who, public, moved
):
    story = Story(client, stripe_sandbox, run_jobs)

    what(story)

    entry = story.order.events.get(kind=kind)
    assert (entry.origin, entry.is_public) == (who, public)
    assert (entry.before, entry.after) == moved
    people = {"customer": story.ada, "staff": story.boss}
    assert entry.actor == people.get(who)
    client.force_login(story.ada)
    page = client.get(story.order.get_absolute_url())
    shown = {step.at: step for step in page.context["events"]}
    assert (entry.created_at in shown) == public
    client.force_login(story.boss)
    url = reverse("admin:orders_order_change", args=[story.order.pk])
    assert entry.text in client.get(url).text.replace("&#x27;", "'")


def test_a_kind_that_nobody_thought_about_stays_among_staff():
    order = make_order()

    timeline.note(order, "something_new", "Not for everybody")

    assert not order.events.get(kind="something_new").is_public


def test_the_customer_reads_friendly_words(client, stripe_sandbox, run_jobs):
    story = Story(client, stripe_sandbox, run_jobs)
    noted(story)
    cancelled_by_staff(story)

    steps = timeline.told(story.order.events.filter(is_public=True))

    assert [(step.label, step.state, step.note) for step in steps] == [
        ("You placed the order", "done", ""),
        ("From us", "done", "It is snowing here"),
        ("Paid $55.00 by card", "done", ""),
        ("We have your order", "done", ""),
        ("We cancelled the order", "stopped", "Torn"),
        ("Refunded $55.00 to the card", "done", ""),
    ]


def test_every_change_of_state_has_its_entry(client, stripe_sandbox, run_jobs):
    story = Story(client, stripe_sandbox, run_jobs)
    cancelled_by_staff(story)

    moves = [
        (entry.before, entry.after)
        for entry in story.order.events.exclude(after="").order_by("pk")
    ]

    assert moves == [
        ("", "pending"),
        ("pending", "confirmed"),
        ("confirmed", "cancelled"),
    ]
    assert Order.objects.get().status == "cancelled"


@pytest.mark.parametrize(
    ("days", "note"), [("2 to 4 days", "2 to 4 days on the way"), ("", "")]
)
def test_what_lies_ahead_stays_true_while_the_order_waits(days, note):
    order = Order(
        status=Order.Status.CONFIRMED,
        confirmed_at=timezone.now() - timedelta(days=90),
        shipping_days=days,
    )

    assert timeline.ahead(order)[-1].note == note
