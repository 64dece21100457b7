"""A hold that begins when the parcel arrives: what it waits for, who is told what."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import ledger
from orders import timeline
from orders.models import Order
from referrals import cases, reports, rules, settlement, sweeps, terms
from referrals.models import Campaign, Notice, Reward, Settlement, Terms
from referrals.testing import contracts
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)

pytestmark = pytest.mark.django_db

HERE = __name__
DAY = timedelta(days=1)
State = Reward.State
asked = []


def arrived_at(order):
    """What a shop of its own would answer: the carrier's news is in the timeline."""
    asked.append(order.pk)
    news = order.events.filter(kind="delivered").order_by("pk").first()
    return news and news.created_at


def breaks(order):
    raise RuntimeError("the carrier's table is gone")


def breaks_in_the_database(order):
    with connection.cursor() as cursor:
        cursor.execute("SELECT arrival FROM no_such_table")


def without_a_zone(order):
    return datetime(2036, 1, 1, 12)  # noqa: DTZ001


def a_day(order):
    return date(2036, 1, 1)


def an_hour(order):
    return time(12, tzinfo=UTC)


def to_come(order):
    return timezone.now() + DAY


def never(order):
    return datetime.max.replace(tzinfo=UTC)


@pytest.fixture(autouse=True)
def parcels(settings):
    settings.REFERRAL_DELIVERED_AT = f"{HERE}.arrived_at"
    asked.clear()


@pytest.fixture
def now(time_machine):
    """A noon, and a way to let days pass."""

    def pass_days(days):
        time_machine.move_to(noon + days * DAY, tick=False)

    noon = datetime(2036, 3, 1, 12, tzinfo=UTC)
    time_machine.move_to(noon, tick=False)
    pass_days.noon = noon
    return pass_days


@pytest.fixture
def order(now):
    return make_order(friend().invitee)


def friend(**changes):
    return make_attribution(terms=set_terms(**{"hold_from": "delivery", **changes}))


def deliver(order):
    timeline.note(order, "delivered", "The parcel arrived")


def the_reward():
    return Reward.objects.get()


def test_time_alone_releases_nothing_that_did_not_arrive(order, now):
    settlement.settle(order)
    now(60)

    assert sweeps.release_due() == 0

    assert the_reward().state == State.PENDING
    assert Settlement.objects.get().reason == "not_delivered"
    assert ledger.balance(the_reward().recipient, "USD") == 0


def test_a_late_parcel_puts_the_end_of_the_hold_off(order, now):
    settlement.settle(order)
    now(10)
    deliver(order)
    settlement.settle(order)

    assert the_reward().available_at == now.noon + (10 + 14) * DAY
    assert Settlement.objects.get().reason == ""
    assert order.events.filter(kind="reward_put_off").count() == 1

    settlement.settle(order)
    now(23)
    assert sweeps.release_due() == 0
    now(24)
    assert sweeps.release_due() == 1
    assert ledger.balance(the_reward().recipient, "USD") == 500
    assert order.events.filter(kind="reward_put_off").count() == 1


def test_a_function_that_fails_once_moves_no_day(order, now, settings):
    settlement.settle(order)
    now(10)
    deliver(order)
    settlement.settle(order)
    settings.REFERRAL_DELIVERED_AT = f"{HERE}.breaks"

    settlement.settle(order)

    assert Settlement.objects.get().reason == "not_delivered"
    assert the_reward().available_at == now.noon + 24 * DAY
    assert order.events.filter(kind="reward_put_off").count() == 1


@pytest.mark.parametrize(
    ("hold_from", "arrived", "today", "state", "reason", "ends"),
    [
        ("payment", None, 13, State.PENDING, "", 14),
        ("payment", None, 14, State.AVAILABLE, "", 14),
        ("delivery", None, 900, State.PENDING, "not_delivered", None),
        ("delivery", -3, 13, State.PENDING, "", 14),
        ("delivery", -3, 14, State.AVAILABLE, "", 14),
        ("delivery", 0, 14, State.AVAILABLE, "", 14),
        ("delivery", 10, 23, State.PENDING, "", 24),
        ("delivery", 10, 24, State.AVAILABLE, "", 24),
    ],
)
def test_when_the_hold_ends(order, now, hold_from, arrived, today, state, reason, ends):
    read = cases.facts_of(cases.of(order))
    held = set_terms(hold_from=hold_from)
    moment = None if arrived is None else now.noon + arrived * DAY
    found = replace(read, terms=held, delivered_at=moment, now=now.noon + today * DAY)

    wanted = rules.desired(found)

    assert (wanted.state, wanted.reason) == (state, reason)
    if ends is not None:
        assert wanted.available_at == now.noon + ends * DAY


def test_the_sweep_finds_an_arrival_that_nobody_told_of(order, now):
    settlement.settle(order)
    now(12)
    deliver(order)
    now(15)
    assert sweeps.release_due() == 0
    assert the_reward().available_at == now.noon + 26 * DAY

    now(26)

    assert sweeps.release_due() == 1


def test_what_arrived_before_it_was_paid_waits_from_the_payment(order, now):
    now(-3)
    deliver(order)
    now(0)

    settlement.settle(order)

    assert the_reward().available_at == now.noon + 14 * DAY


def test_without_days_it_comes_with_the_parcel(now):
    order = make_order(friend(hold_days=0).invitee)
    settlement.settle(order)
    assert the_reward().state == State.PENDING
    deliver(order)

    settlement.settle(order)

    assert the_reward().state == State.AVAILABLE


def test_what_is_paid_stays_paid_when_nobody_knows_any_more(order, now, settings):
    deliver(order)
    now(20)
    settlement.settle(order)
    settings.REFERRAL_DELIVERED_AT = ""

    settlement.settle(order)

    assert the_reward().state == State.AVAILABLE


def test_one_who_waits_from_the_payment_asks_no_carrier(now):
    order = make_order(friend(hold_from="payment").invitee)

    settlement.settle(order)
    now(14)
    sweeps.release_due()

    assert asked == []
    assert the_reward().state == State.AVAILABLE


def test_many_at_once_are_judged_as_one(order, now):
    other = make_order(make_attribution(terms=Terms.objects.first()).invitee)
    deliver(other)

    found = cases.of_many([order, other])

    assert [cases.facts_of(case).delivered_at for case in found] == [None, now.noon]


def test_a_batch_ends_as_real_time_does(order, now):
    """Looked at along the way, or once at the end: the same reward and balance."""
    late = make_order(make_attribution(terms=Terms.objects.first()).invitee)
    settlement.settle(order)
    now(9)
    for each in (order, late):
        deliver(each)
    settlement.settle(order)
    now(23)

    sweeps.release_due()
    sweeps.settle_all(Order.objects.all())

    live, batch = (
        Reward.objects.filter(order=each)
        .values_list("state", "reason", "amount", "available_at", "released_at")
        .get()
        for each in (order, late)
    )
    assert live == batch
    assert live[0] == State.AVAILABLE


@pytest.mark.parametrize(
    "plugin",
    [
        *["breaks", "breaks_in_the_database", "without_a_zone", "a_day", "an_hour"],
        *["to_come", "never"],
    ],
)
def test_an_answer_that_makes_no_sense_is_none(order, settings, caplog, plugin):
    settings.REFERRAL_DELIVERED_AT = f"{HERE}.{plugin}"

    settlement.settle(order)

    assert Settlement.objects.get().reason == "not_delivered"
    assert the_reward().state == State.PENDING
    assert "REFERRAL_DELIVERED_AT failed" in caplog.text


def test_without_a_carrier_what_was_promised_waits(order, settings, now):
    settings.REFERRAL_DELIVERED_AT = ""

    settlement.settle(order)

    assert Settlement.objects.get().reason == "not_delivered"


# What people read


def test_the_inviter_reads_what_it_waits_for_and_no_day(order, client, now):
    settlement.settle(order)
    inviter = the_reward().recipient
    words = "$5 comes 14 days after their parcel has arrived."

    (shown,) = reports.friends(inviter)

    assert shown.reason == words
    assert shown.badge == "$5 waits"
    client.force_login(inviter)
    page = client.get("/account/invite/").content.decode()
    assert words in page
    assert "On the way" in page
    assert ", from 15 Mar" not in page
    assert "comes 14 days after their parcel has arrived" in Notice.objects.get().text

    deliver(order)
    settlement.settle(order)

    page = client.get("/account/invite/").content.decode()
    assert "$5 on hold until 15 March, because returns are open." in page
    assert ", from 15 Mar" in page


@pytest.mark.parametrize("days", [0, 14])
def test_the_mail_names_no_day_either(now, run_jobs, days):
    settlement.settle(make_order(friend(hold_days=days).invitee))
    run_jobs()

    (sent,) = [each for each in mail.outbox if "on its way" in each.subject]

    wanted = f"balance {Terms.objects.first().hold_words}."
    html = sent.alternatives[0].content
    for text in (sent.body, html):
        said = " ".join(text.split())
        assert wanted in said
        assert "March" not in said


# Published where it can be kept


def test_it_is_promised_only_where_arrivals_are_known(settings):
    settings.REFERRAL_DELIVERED_AT = ""
    before = Terms.objects.count()

    with pytest.raises(terms.NobodyCanTell):
        terms.publish(Campaign.objects.get(is_default=True), hold_from="delivery")

    assert Terms.objects.count() == before


@pytest.mark.parametrize("path", ["", f"{HERE}.arrived_at"])
def test_staff_are_told_so_by_the_form(client, settings, path):
    settings.REFERRAL_DELIVERED_AT = path
    client.force_login(make_member(is_staff=True, is_superuser=True))
    form = client.get("/admin/referrals/terms/add/").context["adminform"].form
    said = {
        name: value for name, value in form.initial.items() if value not in (None, "")
    }
    campaign = Campaign.objects.get(is_default=True)

    answer = client.post(
        "/admin/referrals/terms/add/",
        {**said, "campaign": campaign.pk, "hold_from": "delivery"},
    )

    if path:
        assert answer.status_code == 302
        assert Terms.objects.first().hold_from == "delivery"
    else:
        errors = answer.context["adminform"].form.errors
        assert errors["hold_from"] == ["This shop does not hear when a parcel arrives."]


def test_the_database_knows_two_beginnings():
    with pytest.raises(IntegrityError), transaction.atomic():
        set_terms(hold_from="luck")


def test_the_contract_of_the_plug(order):
    contracts.check_delivered_at(arrived_at, order)
    deliver(order)
    contracts.check_delivered_at(arrived_at, order)
    for plugin in (without_a_zone, to_come):
        with pytest.raises(AssertionError):
            contracts.check_delivered_at(plugin, order)
