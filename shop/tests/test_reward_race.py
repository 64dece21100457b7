"""One purchase, told forty times at once: one order, one reward, one transfer."""

import random

import pytest
from django.test import Client

from accounts import ledger
from accounts.models import Transfer
from catalog.tests.factories import make_variant
from orders.models import Order
from orders.tests.factories import deliver, make_cart, make_zone, pay, place
from orders.tests.racing import at_once
from referrals import settlement
from referrals.models import Reward
from referrals.tests.factories import make_attribution, make_offer, set_terms
from shop.kit import jobs

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_inv_18_and_abuse_47_forty_deliveries_and_settlements_at_once_reward_once(
    stripe_sandbox,
):
    make_offer()
    set_terms(hold_days=0)
    make_zone()
    attribution = make_attribution()
    friend, inviter = attribution.invitee, attribution.inviter
    order = place(make_cart(friend, {make_variant(amount=5000): 1}))
    events = pay(stripe_sandbox, order)
    posts = (events * 10)[:40]
    random.Random(7).shuffle(posts)

    def post_two_and_settle(first, second):
        def post():
            for event in (first, second):
                assert deliver(Client(), stripe_sandbox, event).status_code == 200
            settlement.settle(order.pk)

        return post

    results = at_once(*map(post_two_and_settle, posts[::2], posts[1::2]))
    jobs.run_due()

    assert results == [None] * 20
    order.refresh_from_db()
    assert order.status == Order.Status.CONFIRMED
    assert order.events.filter(kind="confirmed").count() == 1
    reward = Reward.objects.get()
    assert (reward.recipient, reward.state) == (inviter, Reward.State.AVAILABLE)
    assert Transfer.objects.filter(credit__owner=inviter).count() == 1
    assert ledger.balance(inviter, "USD") == reward.amount == 500
