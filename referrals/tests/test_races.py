"""Several at once, on PostgreSQL, with real threads and their own connections.

Each race for a promise has a twin with the guard taken away. If the twin did not go
wrong, the race would prove nothing.
"""

import pytest
from django.db.models.query import QuerySet

from accounts import ledger
from accounts.models import Transfer
from referrals import attributions, links, settlement
from referrals.models import (
    Attribution,
    Claim,
    InviterQuota,
    LinkDay,
    ReferralLink,
    Reward,
    Settlement,
    Visit,
)
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_offer,
    make_order,
    make_visit,
    set_terms,
)
from referrals.tests.racing import at_once, without_uniqueness

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def offer():
    return make_offer()


def look_ten_times():
    member = make_member()
    errors = at_once(*[lambda: links.default_link(member)] * 10)
    return member, errors


def test_ten_first_looks_make_one_link():
    for _ in range(5):
        member, errors = look_ten_times()

        assert not errors
        assert ReferralLink.objects.with_code().get(owner=member).code


def test_ten_first_looks_without_the_constraint_make_several():
    with without_uniqueness(ReferralLink):
        found = []
        for _ in range(5):
            member, _ = look_ten_times()
            found.append(ReferralLink.objects.filter(owner=member).count())

        assert max(found) > 1


# Two tabs, two links, one person


def sign_up_in_two_tabs():
    friend = make_member(days_ago=0)

    def submit(visitor):
        return lambda: attributions.attribute(friend, visitor)

    errors = at_once(submit(make_visit().visitor), submit(make_visit().visitor))
    return friend, errors


def test_abuse_11_two_tabs_make_one_attribution_and_two_claims():
    for _ in range(10):
        friend, errors = sign_up_in_two_tabs()

        assert not errors
        assert Attribution.objects.filter(invitee=friend).count() == 1
        won = Claim.objects.filter(invitee=friend).values_list("won", flat=True)
        assert sorted(won) == [False, True]


def test_two_tabs_without_the_constraint_make_two():
    with without_uniqueness(Attribution):
        found = []
        for _ in range(10):
            friend, _ = sign_up_in_two_tabs()
            found.append(Attribution.objects.filter(invitee=friend).count())

        assert max(found) == 2


# Many deliveries of one payment


def settle_in_forty_threads():
    friend = make_attribution(terms=set_terms(hold_days=0)).invitee
    order = make_order(friend)
    errors = at_once(*[lambda: settlement.settle(order.pk)] * 40)
    return friend, errors


def test_abuse_47_forty_deliveries_pay_once():
    friend, errors = settle_in_forty_threads()

    assert not errors
    assert Reward.objects.get().state == Reward.State.AVAILABLE
    assert Transfer.objects.count() == 1
    assert ledger.balance(friend.attribution.inviter, "USD") == 500


def test_two_first_orders_settled_at_once_earn_one_reward():
    for _ in range(5):
        friend = make_attribution(terms=set_terms(hold_days=0)).invitee
        orders = [make_order(friend), make_order(friend)]
        errors = at_once(
            *[lambda order=order: settlement.settle(order.pk) for order in orders * 5]
        )

        assert not errors
        assert ledger.balance(friend.attribution.inviter, "USD") == 500


@pytest.mark.cooked_books
def test_forty_deliveries_without_lock_and_constraint_pay_more(monkeypatch):
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **options: rows)

    set_terms(cap_per_month=None, cap_per_year=None)
    # Every unique key on the way makes the others wait or fail.
    with (
        without_uniqueness(Reward),
        without_uniqueness(InviterQuota),
        without_uniqueness(Settlement),
    ):
        friend, errors = settle_in_forty_threads()

        assert ledger.balance(friend.attribution.inviter, "USD") > 500, errors[:2]


def test_friends_of_one_inviter_are_settled_at_once_without_deadlock(settings):
    settings.REFERRAL_SIGNALS = []  # twenty at once would wait for a person
    inviter, terms = make_member(), set_terms(hold_days=0, cap_per_month=None)
    orders = [
        make_order(make_attribution(inviter, terms=terms).invitee) for _ in range(20)
    ]

    errors = at_once(
        *[lambda order=order: settlement.settle(order.pk) for order in orders]
    )

    assert not errors
    assert ledger.balance(inviter, "USD") == 20 * 500


# Clicks


def test_clicks_of_one_browser_at_once_are_one_visit(client):
    from django.test import Client

    make_link(text="A01B2C3D")
    client.get("/r/A01B2C3D/")
    Visit.objects.all().delete()
    token = client.cookies["tandem_visit"].value

    def click():
        browser = Client()
        browser.cookies["tandem_visit"] = token
        assert browser.get("/r/A01B2C3D/").status_code == 302

    assert not at_once(*[click] * 10)
    assert Visit.objects.count() == 1


def test_previews_at_once_are_all_counted():
    from django.test import Client

    make_link(text="A01B2C3D")

    def fetch():
        Client().get("/r/A01B2C3D/", headers={"User-Agent": "Twitterbot/1.0"})

    assert not at_once(*[fetch] * 10)
    assert LinkDay.objects.get().previews == 10
