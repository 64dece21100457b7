"""How much one inviter and one campaign may earn: places, money, milestones."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import expiry, ledger
from accounts.models import CreditLot, Transfer, User
from orders.models import Order
from referrals import (
    books,
    breaker,
    budgets,
    foresight,
    grants,
    jobs,
    quotas,
    settlement,
    sweeps,
)
from referrals.models import (
    Budget,
    Campaign,
    InviterQuota,
    MilestoneReward,
    Notice,
    ReleasePause,
    Reward,
    Settlement,
)
from referrals.terms import publish
from referrals.tests.afterwards import dispute, give_back, pots, spend
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)

pytestmark = pytest.mark.django_db

State = Reward.State
Period = InviterQuota.Period


@pytest.fixture
def inviter():
    return make_member(days_ago=900)


def bring(inviter, count=1, *, terms, **order):
    """So many friends who joined and bought, settled one after the other."""
    made = []
    for _ in range(count):
        friend = make_attribution(inviter, terms=terms).invitee
        made.append(make_order(friend, **order))
        settlement.settle(made[-1])
    return made


def wallet(user):
    return ledger.balance(user, "USD")


def fail(refund):
    refund.state, refund.failed_at = "failed", timezone.now()
    refund.save()


# Places


@pytest.mark.parametrize(
    "cap", ["cap_per_day", "cap_per_month", "cap_per_year", "cap_for_life"]
)
def test_the_tenth_reward_of_a_period_is_granted_and_the_eleventh_is_not(inviter, cap):
    terms = set_terms(hold_days=0, **{"cap_per_month": None, cap: 10})

    orders = bring(inviter, 11, terms=terms)

    assert wallet(inviter) == 5000
    last = Reward.objects.get(order=orders[-1])
    assert (last.state, last.reason, last.amount) == (State.VOID, "over_cap", 500)
    assert Settlement.objects.get(order=orders[-1]).reason == "over_cap"


def test_a_new_month_has_new_places(inviter, time_machine):
    time_machine.move_to("2026-03-31T12:00Z", tick=False)
    terms = set_terms(hold_days=0, cap_per_month=1)
    bring(inviter, 2, terms=terms)
    assert wallet(inviter) == 500

    time_machine.move_to("2026-04-01T12:00Z", tick=False)
    bring(inviter, 2, terms=terms)

    assert wallet(inviter) == 1000


def test_the_month_is_that_of_the_payment_however_late_it_is_settled(
    inviter, time_machine
):
    time_machine.move_to("2026-03-31T23:59Z", tick=False)
    terms = set_terms(hold_days=0, cap_per_month=1)
    bring(inviter, 1, terms=terms)
    late = make_order(make_attribution(inviter, terms=terms).invitee)

    time_machine.move_to("2026-04-02T12:00Z", tick=False)
    settlement.settle(late)

    assert Settlement.objects.get(order=late).reason == "over_cap"


def test_a_reward_that_goes_leaves_its_place_to_the_next_one(inviter):
    terms = set_terms(hold_days=0, cap_per_month=1)
    first, over = bring(inviter, 2, terms=terms)

    give_back(first, 5000)
    settlement.settle(first)
    settlement.settle(over)  # once over the cap, it stays so until staff say otherwise
    (third,) = bring(inviter, 1, terms=terms)

    states = dict(Reward.objects.values_list("order", "state"))
    assert states == {
        first.pk: State.REVERSED,
        over.pk: State.VOID,
        third.pk: State.AVAILABLE,
    }


def test_a_reward_that_comes_again_needs_a_place_again(inviter):
    terms = set_terms(hold_days=0, cap_per_month=1)
    (first,) = bring(inviter, 1, terms=terms)
    refund = give_back(first, 5000)
    settlement.settle(first)
    bring(inviter, 1, terms=terms)

    fail(refund)
    settlement.settle(first)

    assert Reward.objects.get(order=first).state == State.REVERSED
    assert Settlement.objects.get(order=first).reason == "over_cap"
    assert wallet(inviter) == 500


def test_friends_who_joined_under_another_cap_keep_theirs(inviter):
    low = set_terms(hold_days=0, cap_per_month=1)
    high = set_terms(cap_per_month=2)

    bring(inviter, 1, terms=low)
    bring(inviter, 1, terms=high)
    bring(inviter, 1, terms=low)

    assert wallet(inviter) == 1000
    month = InviterQuota.objects.get(period="month")
    assert (month.used, month.most) == (2, 2)


def test_the_database_refuses_a_place_too_many(inviter):
    bring(inviter, 1, terms=set_terms(hold_days=0, cap_per_month=1))

    with pytest.raises(IntegrityError), transaction.atomic():
        InviterQuota.objects.filter(period="month").update(used=2)


# Money


@pytest.fixture
def campaign():
    return Campaign.objects.get()


def test_a_budget_that_is_used_up_promises_nothing_more(inviter, campaign):
    terms = set_terms(hold_days=0)
    budgets.set_limit(campaign, "USD", 1200)

    orders = bring(inviter, 3, terms=terms)

    assert wallet(inviter) == 1000
    last = Reward.objects.get(order=orders[-1])
    assert (last.state, last.reason) == (State.VOID, "budget_exhausted")
    assert Budget.objects.get().amount_committed == 1000


def test_nobody_is_warned_of_a_budget_of_nothing(campaign):
    User.objects.create_superuser("boss@example.com", "a good long password")

    assert budgets.set_limit(campaign, "USD", 0).warned_at is None


def test_a_share_that_is_due_again_comes_once_there_is_money(inviter, campaign):
    terms = set_terms(hold_days=0, inviter_amount=0, inviter_basis_points=1000)
    (order,) = bring(inviter, 1, terms=terms)
    refund = give_back(order, 2500)
    settlement.settle(order)
    assert wallet(inviter) == 250
    budgets.set_limit(campaign, "USD", 250)
    fail(refund)

    settlement.settle(order)

    assert wallet(inviter) == 250
    assert list(sweeps.waiting()) == [order]
    budgets.set_limit(campaign, "USD", 500)
    sweeps.settle_all(sweeps.waiting())
    assert wallet(inviter) == 500
    assert Budget.objects.get().amount_committed == 500
    assert not sweeps.waiting().exists()


def test_staff_are_told_once_that_a_budget_runs_low(
    inviter, campaign, run_jobs, mailoutbox
):
    staff = User.objects.create_superuser("boss@example.com", "a good long password")
    terms = set_terms(hold_days=14)
    budgets.set_limit(campaign, "USD", 2500)

    bring(inviter, 3, terms=terms)
    assert Budget.objects.get().warned_at is None
    bring(inviter, 2, terms=terms)
    run_jobs()

    told = [mail for mail in mailoutbox if mail.to == [staff.email]]
    assert len(told) == 1
    assert "$20.00 of $25.00" in told[0].body


def test_what_comes_back_can_be_promised_again(inviter, campaign):
    terms = set_terms(hold_days=0, inviter_amount=0, inviter_basis_points=1000)
    (first,) = bring(inviter, 1, terms=terms)
    budgets.set_limit(campaign, "USD", 600)
    assert Budget.objects.get().amount_committed == 500

    give_back(first, 2000)
    settlement.settle(first)
    assert Budget.objects.get().amount_committed == 300

    bring(inviter, 1, terms=terms, goods=3000)
    assert Budget.objects.get().amount_committed == 600


def test_a_limit_is_not_set_below_what_is_promised(inviter, campaign):
    bring(inviter, 1, terms=set_terms(hold_days=14))

    with pytest.raises(budgets.TooLow):
        budgets.set_limit(campaign, "USD", 499)
    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.create(
            campaign=campaign, currency="USD", amount_limit=1, amount_committed=2
        )


# Milestones


@pytest.fixture
def stairs():
    return set_terms(
        hold_days=0,
        cap_per_month=None,
        cap_per_year=None,
        milestones={2: 1000, 3: 2000},
        credit_days=90,
    )


def test_the_second_and_third_friend_bring_something_on_top(
    inviter, stairs, run_jobs, mailoutbox
):
    bring(inviter, 1, terms=stairs)
    assert wallet(inviter) == 500
    bring(inviter, 1, terms=stairs)
    assert wallet(inviter) == 2000
    orders = bring(inviter, 1, terms=stairs)
    settlement.settle(orders[0])
    run_jobs()

    assert wallet(inviter) == 4500
    assert MilestoneReward.objects.count() == 2
    assert CreditLot.objects.count() == 5
    on_top = [mail.subject for mail in mailoutbox if "on top" in mail.subject]
    assert on_top == [
        "$10 on top: 2 of your friends bought at Tandem",
        "$20 on top: 3 of your friends bought at Tandem",
    ]


def test_only_friends_whose_reward_is_available_are_counted(inviter, time_machine):
    terms = set_terms(hold_days=14, milestones={2: 1000})
    orders = bring(inviter, 2, terms=terms)
    assert not MilestoneReward.objects.exists()

    time_machine.move_to(orders[-1].confirmed_at + timedelta(days=15))
    sweeps.release_due()

    assert wallet(inviter) == 2000


def test_a_milestone_that_is_lost_and_reached_again_is_paid_by_the_same_row(
    inviter, stairs
):
    first, _ = bring(inviter, 2, terms=stairs)

    refund = give_back(first, 5000)
    settlement.settle(first)
    assert wallet(inviter) == 500
    assert MilestoneReward.objects.get().state == MilestoneReward.State.REVERSED

    fail(refund)
    for _ in range(3):
        settlement.settle(first)

    reward = MilestoneReward.objects.get()
    assert (reward.state, reward.sequence) == (MilestoneReward.State.AVAILABLE, 3)
    assert wallet(inviter) == 2000


def test_another_friend_does_not_earn_a_milestone_twice(inviter, stairs):
    first, _ = bring(inviter, 2, terms=stairs)
    give_back(first, 5000)
    settlement.settle(first)

    bring(inviter, 1, terms=stairs)

    assert wallet(inviter) == 2000
    assert MilestoneReward.objects.count() == 1


def test_a_milestone_of_the_next_version_is_for_whoever_joins_under_it(inviter):
    old = set_terms(hold_days=0, milestones={2: 1000})
    new = set_terms(milestones={2: 3000})

    bring(inviter, 2, terms=old)
    assert wallet(inviter) == 2000

    other = make_member(days_ago=900)
    bring(other, 1, terms=old)
    bring(other, 1, terms=new)
    assert wallet(other) == 4000


def test_a_milestone_keeps_to_the_budget(inviter, campaign, stairs):
    budgets.set_limit(campaign, "USD", 1400)

    orders = bring(inviter, 2, terms=stairs)
    assert wallet(inviter) == 1000

    budgets.set_limit(campaign, "USD", 5000)
    settlement.settle(orders[0])
    assert wallet(inviter) == 2000
    assert Budget.objects.get().amount_committed == 2000


# Staff's word


@pytest.fixture
def stan():
    return User.objects.create_superuser("stan@example.com", "a good long password")


def test_staff_grant_a_reward_that_was_over_the_cap(inviter, stan):
    terms = set_terms(hold_days=0, cap_per_month=1)
    _, over = bring(inviter, 2, terms=terms)
    reward = Reward.objects.get(order=over)

    granted = grants.grant_anyway(reward.pk, stan, "A good friend of the shop")

    assert granted.pk == reward.pk
    assert (granted.state, granted.waived_by) == (State.AVAILABLE, stan)
    assert wallet(inviter) == 1000
    assert InviterQuota.objects.get(period="month").used == 1
    event = over.events.get(kind="reward_waived")
    assert (event.actor, event.data["refused"]) == (stan, "over_cap")
    with pytest.raises(grants.NotVoid):
        grants.grant_anyway(reward.pk, stan, "Once more")


def test_what_staff_granted_still_follows_its_order(inviter, stan):
    terms = set_terms(hold_days=0, cap_per_month=1)
    _, over = bring(inviter, 2, terms=terms)
    reward = Reward.objects.get(order=over)
    grants.grant_anyway(reward.pk, stan, "A good friend of the shop")

    refund = give_back(over, 5000)
    settlement.settle(over)
    assert wallet(inviter) == 500

    fail(refund)
    settlement.settle(over)
    assert wallet(inviter) == 1000


def test_no_word_brings_back_money_that_went_back(inviter, stan):
    terms = set_terms(hold_days=14)
    (order,) = bring(inviter, 1, terms=terms)
    give_back(order, 5000)
    settlement.settle(order)
    reward = Reward.objects.get()

    with pytest.raises(grants.StillVoid, match="refunded"):
        grants.grant_anyway(reward.pk, stan, "Please")

    reward.refresh_from_db()
    assert (reward.state, reward.waived_at) == (State.VOID, None)
    assert not order.events.filter(kind="reward_waived").exists()


def test_a_word_without_a_reason_is_refused_by_the_database(inviter, stan):
    bring(inviter, 1, terms=set_terms(hold_days=14))

    with pytest.raises(IntegrityError), transaction.atomic():
        Reward.objects.update(waived_at=timezone.now(), waived_by=stan)


# The proof


@pytest.mark.cooked_books
def test_the_proof_finds_counters_and_milestones_that_do_not_add_up(inviter, campaign):
    budgets.set_limit(campaign, "USD", 9000)
    bring(inviter, 2, terms=set_terms(hold_days=0, milestones={2: 1000}))
    Budget.objects.update(amount_committed=100)
    InviterQuota.objects.filter(period="life").update(used=1)
    MilestoneReward.objects.update(
        state=MilestoneReward.State.REVERSED, amount_reversed=1000
    )

    assert [(row.expected, row.found) for row in books.counted()] == [(2, 1)]
    assert [(row.expected, row.found) for row in books.promised()] == [(1000, 100)]
    assert [(row.expected, row.found) for row in books.milestone_rewards()] == [
        (0, 1000)
    ]

    said = budgets.recount(Budget.objects.get().pk)
    assert said.endswith("100 became 1000.")
    assert not books.promised()


@pytest.mark.cooked_books
def test_the_proof_finds_a_cut_that_no_transfer_made(inviter):
    bring(inviter, terms=set_terms(hold_days=0))
    Reward.objects.update(amount_reversed=100)

    assert [(row.expected, row.found) for row in books.rewards()] == [(400, 500)]


# Credit that ends


def test_a_reward_can_be_spent_for_as_long_as_its_terms_say(inviter):
    bring(inviter, 1, terms=set_terms(hold_days=0, credit_days=90))

    lot = CreditLot.objects.get()
    assert (lot.owner, lot.remaining) == (inviter, 500)
    assert timedelta(days=90) < lot.expires_at - timezone.now() <= timedelta(days=91)
    assert Transfer.objects.get().lot == lot


def test_a_dry_run_knows_caps_and_budgets_and_writes_no_row(inviter, campaign):
    from django.apps import apps

    terms = set_terms(hold_days=0, cap_per_month=1)
    bring(inviter, 1, terms=terms)
    order = make_order(make_attribution(inviter, terms=terms).invitee)
    tables = [each for each in apps.get_models() if each._meta.managed]
    before = {each: each._default_manager.count() for each in tables}

    found = foresight.preview(order)

    assert (found.wanted.reason, found.change) == ("over_cap", "")
    assert {each: each._default_manager.count() for each in tables} == before
    assert Order.objects.count() == 2


# Taken back, due again, and no room


@pytest.fixture
def crowded_out(inviter):
    """The dispute about Ada's order was won after Ben's had taken her place."""
    terms = set_terms(hold_days=0, cap_per_month=1)
    (ada,) = bring(inviter, terms=terms)
    question = dispute(ada, "lost", closed=True)
    settlement.settle(ada)
    (ben,) = bring(inviter, terms=terms)
    question.status = "won"
    question.save()
    settlement.settle(ada)
    assert Reward.objects.get(order=ada).state == State.REVERSED
    return ada, ben


def test_what_is_due_again_takes_the_next_place_that_comes_free(inviter, crowded_out):
    ada, ben = crowded_out
    jobs.settle_outdated.call()
    assert wallet(inviter) == 500

    give_back(ben, 5000)
    settlement.settle(ben)
    assert wallet(inviter) == 0
    jobs.settle_outdated.call()

    assert wallet(inviter) == 500
    assert Reward.objects.get(order=ada).state == State.AVAILABLE


def test_staff_grant_what_is_due_again_and_has_no_place(inviter, crowded_out, stan):
    ada, _ = crowded_out

    grants.grant_anyway(Reward.objects.get(order=ada).pk, stan, "It was won")

    assert wallet(inviter) == 1000
    assert InviterQuota.objects.get(period="month").used == 1


def test_staff_cannot_grant_what_was_taken_back_for_good(inviter, stan):
    (order,) = bring(inviter, terms=set_terms(hold_days=0))
    give_back(order, 5000)
    settlement.settle(order)

    with pytest.raises(grants.StillVoid, match="refunded"):
        grants.grant_anyway(Reward.objects.get().pk, stan, "A kind reason")
    assert wallet(inviter) == 0


def test_what_is_due_again_waits_while_releases_are_paused(inviter, stan):
    (order,) = bring(inviter, terms=set_terms(hold_days=0))
    question = dispute(order, "lost", closed=True)
    settlement.settle(order)
    pause = ReleasePause.objects.create(released_count=5, usual_count=1)
    question.status = "won"
    question.save()

    settlement.settle(order)
    assert wallet(inviter) == 0

    breaker.end(pause, actor=stan, reason="A good week")
    jobs.settle_outdated.call()
    assert wallet(inviter) == 500


# Credit that runs out


def days_later(time_machine, days):
    time_machine.move_to(timezone.now() + timedelta(days=days))


@pytest.fixture
def ends_soon(inviter):
    """An order whose reward of $5 ends after ten days."""
    (order,) = bring(inviter, terms=set_terms(hold_days=0, credit_days=10))
    return order


def test_a_reward_that_ran_out_unspent_says_so_and_is_not_taken_back(
    inviter, ends_soon, time_machine
):
    days_later(time_machine, 12)
    expiry.end()
    jobs.settle_outdated.call()
    reward = Reward.objects.get()
    assert (reward.state, reward.amount_reversed) == (State.EXPIRED, 0)

    refund = give_back(ends_soon, 5000)
    settlement.settle(ends_soon)
    settlement.settle(ends_soon)

    reward.refresh_from_db()
    assert (reward.state, reward.amount_reversed) == (State.REVERSED, 0)
    assert pots(inviter) == [0, 0]
    fail(refund)
    settlement.settle(ends_soon)
    assert Reward.objects.get().state == State.EXPIRED
    assert pots(inviter) == [0, 0]


def test_what_was_spent_before_the_rest_ran_out_is_taken_back_alone(
    inviter, ends_soon, time_machine
):
    spend(inviter, 200)
    days_later(time_machine, 12)
    expiry.end()
    jobs.settle_outdated.call()
    assert Reward.objects.get().state == State.AVAILABLE

    refund = give_back(ends_soon, 5000)
    settlement.settle(ends_soon)
    assert pots(inviter) == [0, 200]

    fail(refund)
    settlement.settle(ends_soon)
    settlement.settle(ends_soon)
    assert pots(inviter) == [0, 0]
    assert Reward.objects.get().amount_reversed == 0


def test_a_part_that_goes_back_takes_nothing_of_what_ran_out(inviter, time_machine):
    terms = set_terms(
        hold_days=0, credit_days=10, inviter_amount=0, inviter_basis_points=1000
    )
    (order,) = bring(inviter, terms=terms)
    spend(inviter, 100)
    days_later(time_machine, 12)
    expiry.end()

    give_back(order, 3000)
    settlement.settle(order)
    settlement.settle(order)

    assert pots(inviter) == [0, 100]
    assert Reward.objects.get().amount_reversed == 100


def test_a_friend_whose_reward_ran_out_was_brought_all_the_same(
    inviter, ends_soon, time_machine
):
    days_later(time_machine, 12)
    expiry.end()
    jobs.settle_outdated.call()
    friend = ends_soon.user

    second = make_order(friend)
    settlement.settle(second)

    assert Reward.objects.count() == 1
    assert InviterQuota.objects.get(period="life").used == 1


def test_of_a_milestone_nothing_is_taken_back_that_ran_out(
    inviter, stairs, time_machine, mailoutbox, run_jobs
):
    """As with a reward: what ran out was nobody's gain, and does not come again."""
    first, _ = bring(inviter, 2, terms=stairs)
    spend(inviter, 1600)
    days_later(time_machine, 91)
    expiry.end()

    refund = give_back(first, 5000)
    settlement.settle(first)

    reward = MilestoneReward.objects.get()
    assert (reward.state, reward.amount_reversed) == ("reversed", 600)
    assert pots(inviter) == [0, 1100]  # and the friend's reward
    assert Notice.objects.filter(text__startswith="$6 went back").exists()

    fail(refund)
    settlement.settle(first)
    settlement.settle(first)
    run_jobs()

    reward.refresh_from_db()
    assert (reward.state, reward.amount_reversed) == ("available", 0)
    assert pots(inviter) == [0, 0]
    assert [mail.subject for mail in mailoutbox if "on top" in mail.subject] == [
        "$10 on top: 2 of your friends bought at Tandem",
        "$6 on top: 2 of your friends bought at Tandem",
    ]


def test_a_milestone_that_ran_out_whole_moves_nothing_when_it_is_lost(
    inviter, stairs, time_machine
):
    first, _ = bring(inviter, 2, terms=stairs)
    days_later(time_machine, 91)
    expiry.end()
    told = Notice.objects.filter(kind="milestone").count()

    refund = give_back(first, 5000)
    settlement.settle(first)
    assert pots(inviter) == [0, 0]

    fail(refund)
    settlement.settle(first)

    assert MilestoneReward.objects.get().state == MilestoneReward.State.AVAILABLE
    assert pots(inviter) == [0, 0]
    assert Notice.objects.filter(kind="milestone").count() == told


def test_no_milestone_in_the_balance_says_that_some_of_it_was_taken_back(
    inviter, stairs
):
    bring(inviter, 2, terms=stairs)

    for state, lost in [("available", 1), ("reversed", 1001)]:
        with pytest.raises(IntegrityError), transaction.atomic():
            MilestoneReward.objects.update(state=state, amount_reversed=lost)


# What holds although nobody looks at it


def test_the_month_is_that_of_the_shops_clock(settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    order = make_order(
        make_member(), confirmed_at=datetime(2036, 1, 31, 16, tzinfo=UTC)
    )

    periods = quotas.periods_of(set_terms(cap_per_month=1), order)

    assert (Period.MONTH, date(2036, 2, 1), 1) in periods


def leave(person):
    User.objects.filter(pk=person.pk).update(is_active=False)


def test_a_milestone_without_room_is_not_paid_to_somebody_who_left_meanwhile(
    inviter, campaign, stairs
):
    budgets.set_limit(campaign, "USD", 1000)
    orders = bring(inviter, 2, terms=stairs)
    assert wallet(inviter) == 1000
    budgets.set_limit(campaign, "USD", 9000)
    leave(inviter)

    settlement.settle(orders[0])

    assert not MilestoneReward.objects.exists()


def test_a_milestone_that_is_reached_again_is_not_paid_to_somebody_who_left(
    inviter, campaign, stairs
):
    orders = bring(inviter, 2, terms=stairs)
    give_back(orders[0], 5000)
    settlement.settle(orders[0])
    budgets.set_limit(campaign, "USD", 1000)
    (third,) = bring(inviter, terms=stairs)
    assert MilestoneReward.objects.get().state == MilestoneReward.State.REVERSED
    budgets.set_limit(campaign, "USD", 9000)
    leave(inviter)

    settlement.settle(third)

    assert MilestoneReward.objects.get().state == MilestoneReward.State.REVERSED


def test_an_order_in_another_currency_pays_no_milestone(inviter, campaign):
    set_terms(currency="EUR", inviter_amount=400, hold_days=0, orders_count=0)
    terms = set_terms(currency="USD", hold_days=0, milestones={1: 1000}, orders_count=0)
    budgets.set_limit(campaign, "USD", 500)
    (order,) = bring(inviter, terms=terms)
    assert not MilestoneReward.objects.exists()

    settlement.settle(make_order(order.user, currency="EUR"))

    assert ledger.balance(inviter, "EUR") == 400
    assert not MilestoneReward.objects.exists()


def test_a_part_that_comes_again_is_promised_again(inviter, campaign):
    terms = set_terms(hold_days=0, inviter_amount=0, inviter_basis_points=1000)
    budgets.set_limit(campaign, "USD", 500)
    (order,) = bring(inviter, terms=terms)
    refund = give_back(order, 1000)
    settlement.settle(order)
    assert Budget.objects.get().amount_committed == 400

    fail(refund)
    settlement.settle(order)

    assert Budget.objects.get().amount_committed == 500


def test_a_friend_who_earned_in_another_currency_makes_no_milestone_full(inviter):
    set_terms(currency="EUR", inviter_amount=400, hold_days=0)
    terms = set_terms(currency="USD", hold_days=0, milestones={2: 1000})
    (first,) = bring(inviter, terms=terms)
    bring(inviter, terms=terms, currency="EUR")
    assert ledger.balance(inviter, "EUR") == 400

    settlement.settle(first)

    assert not MilestoneReward.objects.exists()


def test_a_friend_of_another_campaign_makes_no_milestone_full(inviter):
    spring = Campaign.objects.create(name="Spring")
    offer = {"inviter_amount": 500, "friend_amount": 500, "minimum_amount": 2000}
    theirs = publish(spring, currency="USD", hold_days=0, **offer)
    terms = set_terms(hold_days=0, milestones={2: 1000})
    bring(inviter, terms=theirs)

    bring(inviter, terms=terms)

    assert wallet(inviter) == 1000
    assert not MilestoneReward.objects.exists()


def test_a_part_that_comes_again_needs_room_again(inviter, campaign):
    terms = set_terms(hold_days=0, inviter_amount=0, inviter_basis_points=1000)
    budgets.set_limit(campaign, "USD", 900)
    (order,) = bring(inviter, terms=terms)
    refund = give_back(order, 1000)
    settlement.settle(order)
    bring(inviter, terms=terms)
    assert Budget.objects.get().amount_committed == 900

    fail(refund)
    settlement.settle(order)
    assert wallet(inviter) == 900

    budgets.set_limit(campaign, "USD", 1000)
    settlement.settle(order)
    assert wallet(inviter) == 1000
