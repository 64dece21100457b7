"""Workers that roll up one day at once, on PostgreSQL with real threads."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from orders.tests.racing import at_once
from referrals import rollup
from referrals.models import FunnelDay, ReferralLink, Visit, Visitor
from referrals.tests.factories import make_offer

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

LINKS = 4000


def crowd():
    """As many links as take a moment to write, each with one visit of today."""
    campaign, now = make_offer(), timezone.now()
    owners = User.objects.bulk_create(
        User(email=f"{n}@example.com", date_joined=now - timedelta(days=9))
        for n in range(LINKS)
    )
    links = ReferralLink.objects.bulk_create(
        ReferralLink(campaign=campaign, owner=owner) for owner in owners
    )
    browsers = Visitor.objects.bulk_create(
        Visitor(token_hash=f"{n:064}") for n in range(LINKS)
    )
    Visit.objects.bulk_create(
        Visit(visitor=browser, link=link, bucket=now, first_at=now)
        for browser, link in zip(browsers, links, strict=True)
    )


def roll_up():
    rollup.roll_up(rollup.today())


def roll_up_backwards():
    """The same statements, with the rows written from the other end."""

    def reverse(execute, sql, params, many, context):
        if "ON CONFLICT" in sql:
            key = sql.partition("ORDER BY ")[2].partition("ON CONFLICT")[0]
            turned = ", ".join(f"{part.strip()} DESC" for part in key.split(","))
            sql = sql.replace(f"ORDER BY {key}", f"ORDER BY {turned} ")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(reverse):
        roll_up()


def test_two_workers_who_count_one_day_leave_it_counted_once():
    crowd()
    for _ in range(3):
        found = at_once(roll_up, roll_up, roll_up)

        assert found == [None] * 3
        assert rollup.totals().visits == FunnelDay.objects.count() == LINKS
        FunnelDay.objects.all().delete()


def test_two_workers_who_write_in_opposite_orders_deadlock():
    crowd()
    errors = []
    for _ in range(5):
        errors += [str(each) for each in at_once(roll_up, roll_up_backwards) if each]
        FunnelDay.objects.all().delete()

    assert any("deadlock" in error for error in errors)
