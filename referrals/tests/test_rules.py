"""What an order earns, from facts alone and from orders as the till leaves them."""

from datetime import timedelta
from itertools import permutations

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import ledger
from accounts.models import User
from catalog.models import Category
from catalog.tests.factories import make_product, make_variant
from orders.models import Order, OrderLine, RefundLine
from referrals import cases, grants, rewards, rules, settlement, sweeps
from referrals.models import (
    Attribution,
    Campaign,
    ReviewCase,
    Reward,
    Settlement,
    Terms,
)
from referrals.rules import Grant, Refusal
from referrals.tests.afterwards import give_back
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)
from shop.kit import guards

pytestmark = pytest.mark.django_db

State = Reward.State


def friend_under(**changes):
    """Somebody invited under such terms, without a hold unless they name one."""
    return make_attribution(terms=set_terms(**{"hold_days": 0, **changes})).invitee


def wallet(friend, currency="USD"):
    return ledger.balance(friend.attribution.inviter, currency)


def reason_of(order):
    settlement.settle(order)
    return Settlement.objects.get(order=order).reason


# A percentage


@pytest.mark.parametrize(
    ("goods", "most", "earned"),
    [(1999, None, 200), (2005, None, 200), (2015, None, 202), (9000, 500, 500)],
)
def test_a_percentage_is_rounded_half_to_even_and_capped(goods, most, earned):
    friend = friend_under(
        inviter_amount=0,
        inviter_basis_points=1000,
        inviter_most_amount=most,
        minimum_amount=0,
    )

    settlement.settle(make_order(friend, goods=goods, shipping=700))

    assert wallet(friend) == earned


@pytest.mark.parametrize(
    ("currency", "goods", "earned"), [("KWD", 12_340, 1230), ("JPY", 1999, 200)]
)
def test_a_percentage_keeps_to_the_steps_of_its_currency(currency, goods, earned):
    friend = friend_under(
        currency=currency,
        inviter_amount=0,
        inviter_basis_points=1000,
        friend_amount=0,
        minimum_amount=0,
    )

    settlement.settle(make_order(friend, goods=goods, currency=currency))

    assert wallet(friend, currency) == earned


def test_a_percentage_counts_neither_delivery_nor_promotions_nor_balance():
    friend = friend_under(inviter_amount=0, inviter_basis_points=1000)

    order = make_order(friend, goods=10_000, shipping=900, promotion=1000, balance=3000)
    settlement.settle(order)

    assert wallet(friend) == 600


@pytest.mark.parametrize("amounts", [(1000, 500, 1500), (1500, 1000, 500)])
@pytest.mark.parametrize("settles_each", [True, False])
def test_partial_refunds_of_a_percentage_end_in_one_figure(amounts, settles_each):
    friend = friend_under(inviter_amount=0, inviter_basis_points=1000)
    order = make_order(friend, goods=9000)
    settlement.settle(order)

    for amount in amounts:
        give_back(order, amount)
        if settles_each:
            settlement.settle(order)
            settlement.settle(order)
    settlement.settle(order)

    reward = Reward.objects.get()
    assert (reward.amount, reward.amount_reversed, reward.state) == (
        900,
        300,
        State.AVAILABLE,
    )
    assert wallet(friend) == 600


def test_a_percentage_settled_only_after_its_refunds_is_the_same(time_machine):
    friend = friend_under(inviter_amount=0, inviter_basis_points=1000, hold_days=1)
    order = make_order(friend, goods=9000)
    give_back(order, 3000)
    settlement.settle(order)
    reward = Reward.objects.get()
    assert (reward.amount, reward.amount_reversed) == (900, 300)

    time_machine.move_to(order.confirmed_at + timedelta(days=2), tick=False)
    sweeps.release_due()

    assert wallet(friend) == 600


def test_a_part_comes_again_when_its_refund_fails():
    friend = friend_under(inviter_amount=0, inviter_basis_points=1000)
    order = make_order(friend, goods=9000)
    refund = give_back(order, 3000)
    settlement.settle(order)
    assert wallet(friend) == 600

    refund.state, refund.failed_at = "failed", timezone.now()
    refund.save()
    settlement.settle(order)

    assert wallet(friend) == 900
    assert Reward.objects.get().amount_reversed == 0


# Which orders count


def test_the_first_order_that_qualifies_may_come_after_one_that_does_not():
    friend = friend_under(first_means=Terms.First.QUALIFYING)
    small, first, second = (make_order(friend, goods=g) for g in (1000, 5000, 5000))

    sweeps.settle_all(Order.objects.order_by("-pk"))

    assert Reward.objects.get().order == first
    assert reason_of(small) == "below_minimum"
    assert reason_of(second) == "not_first_order"


@pytest.mark.parametrize(
    ("count", "means", "paid"),
    [(2, "any", 1), (2, "qualifying", 2), (0, "any", 3), (1, "any", 0)],
)
def test_so_many_orders_of_a_friend_earn(count, means, paid):
    """The first of four is too small; whatever is settled first, the same ones earn."""
    friend = friend_under(orders_count=count, first_means=means)
    for goods in (1000, 5000, 5000, 5000):
        make_order(friend, goods=goods)

    sweeps.settle_all(Order.objects.order_by("-pk"))
    sweeps.settle_all(Order.objects.order_by("pk"))

    assert wallet(friend) == 500 * paid
    assert Reward.objects.live().count() == paid


# What does not count


@pytest.fixture
def shelf():
    """A branch with a branch below it, and one beside it."""
    vouchers = Category.objects.create(
        name="Vouchers", slug="vouchers", path="vouchers"
    )
    paper = Category.objects.create(
        name="Paper", slug="paper", path="vouchers/paper", parent=vouchers
    )
    other = Category.objects.create(name="Other", slug="other", path="vouchers-other")
    return {"vouchers": vouchers, "paper": paper, "other": other}


def with_lines(order, **amounts):
    """Lines of the order, by the branch that their product is in."""
    for position, (path, amount) in enumerate(amounts.items()):
        branch = Category.objects.get(slug=path)
        product = make_product(slug=f"{path}-{order.pk}", category=branch)
        OrderLine.objects.create(
            order=order,
            variant=make_variant(product=product),
            position=position,
            product_name=path,
            sku=f"{path}-{order.pk}",
            quantity=1,
            amount_unit=amount,
            amount=amount,
        )
    return order


def test_goods_of_an_excluded_branch_and_below_do_not_count(shelf):
    friend = friend_under(excluded=[shelf["vouchers"]])

    order = with_lines(make_order(friend, goods=7999), paper=6000, other=1999)

    assert reason_of(order) == "below_minimum"


def test_an_excluded_product_does_not_count_and_the_rest_does(shelf):
    friend = friend_under(inviter_amount=0, inviter_basis_points=1000)
    order = with_lines(make_order(friend, goods=9000), paper=6000, other=3000)
    excluded = order.lines.first().variant.product
    friend = friend_under(
        inviter_amount=0, inviter_basis_points=1000, excluded=[excluded]
    )
    order = with_lines(
        make_order(friend, goods=9000, promotion=900, balance=810), other=3000
    )
    OrderLine.objects.create(
        order=order,
        variant=excluded.variants.first(),
        position=9,
        product_name="Excluded",
        sku="EX",
        quantity=1,
        amount_unit=6000,
        amount=6000,
    )

    settlement.settle(order)

    # 30 dollars, a third of the promotion less, a third of the balance less.
    assert wallet(friend) == (3000 - 300 - 270) // 10


def test_excluded_goods_that_go_back_cost_no_reward(shelf):
    friend = friend_under(excluded=[shelf["vouchers"]])
    order = with_lines(make_order(friend, goods=8000), paper=6000, other=2000)
    refund = give_back(order, 6000)
    line = order.lines.get(product_name="paper")
    RefundLine.objects.create(refund=refund, line=line, quantity=1, amount=6000)

    assert reason_of(order) == ""

    give_back(order, 1)
    assert reason_of(order) == "partly_refunded"


def test_the_next_version_keeps_milestones_and_exclusions(shelf):
    first = set_terms(excluded=[shelf["paper"]], milestones={5: 1000})

    second = set_terms(inviter_amount=400)
    third = set_terms(excluded=[], milestones={})

    assert second.exclusions.get().category == shelf["paper"]
    assert [(m.friends_count, m.amount) for m in second.milestones.all()] == [(5, 1000)]
    assert not third.exclusions.exists()
    assert not third.milestones.exists()
    assert first.number + 2 == third.number


def test_what_staff_buy_earns_nobody_anything():
    friend = friend_under()
    friend.is_staff = True
    friend.save()

    assert reason_of(make_order(friend)) == "staff_order"


# Currencies


def test_an_order_in_another_currency_is_judged_by_the_rules_of_that_currency():
    """Those of the day the friend joined; nothing is converted."""
    set_terms(currency="EUR", inviter_amount=400, hold_days=0)
    friend = friend_under(currency="USD")
    set_terms(currency="EUR", inviter_amount=900, hold_days=0)

    settlement.settle(make_order(friend, currency="EUR"))

    assert (wallet(friend, "EUR"), wallet(friend)) == (400, 0)


def test_rules_that_came_after_a_friend_joined_are_not_theirs():
    friend = friend_under(currency="USD")
    set_terms(currency="EUR", inviter_amount=900, hold_days=0)

    assert reason_of(make_order(friend, currency="EUR")) == "other_currency"


# A pause


def test_an_order_in_a_pause_waits_for_its_end(run_jobs):
    campaign = Campaign.objects.get()
    friend, other = friend_under(hold_days=14), friend_under()
    promised = make_order(friend)
    settlement.settle(promised)
    campaign.paused_at = timezone.now()
    campaign.save()

    in_pause = make_order(other)
    assert reason_of(in_pause) == "paused"
    settlement.settle(promised)
    assert Reward.objects.get(order=promised).state == State.PENDING

    campaign.paused_at = None
    campaign.save()
    assert list(sweeps.outdated()) == [in_pause]
    sweeps.settle_all(sweeps.outdated())
    assert wallet(other) == 500


def test_an_order_from_before_a_pause_counts_however_late_it_is_settled():
    friend = friend_under()
    order = make_order(friend)
    Campaign.objects.update(paused_at=timezone.now() + timedelta(minutes=1))

    assert reason_of(order) == ""


# The people


def test_a_friend_who_left_before_the_release_earns_nothing_any_more(time_machine):
    friend = friend_under(hold_days=14)
    order = make_order(friend)
    settlement.settle(order)
    friend.is_active = False
    friend.save()

    time_machine.move_to(order.confirmed_at + timedelta(days=15))
    sweeps.release_due()

    reward = Reward.objects.get()
    assert (reward.state, reward.reason) == (State.VOID, "friend_gone")


def test_a_friend_who_left_after_the_release_takes_nothing_along():
    friend = friend_under()
    order = make_order(friend)
    settlement.settle(order)
    friend.is_active = False
    friend.save()

    settlement.settle(order)
    assert wallet(friend) == 500

    give_back(order, 3001)
    settlement.settle(order)
    assert wallet(friend) == 0


@pytest.mark.parametrize(
    ("state", "ends"),
    [
        ("open", State.PENDING),
        ("asked", State.PENDING),
        ("approved", State.AVAILABLE),
        ("rejected", None),
    ],
)
def test_a_reward_waits_for_the_person_who_looks(state, ends):
    friend = friend_under()
    ReviewCase.objects.create(
        attribution=friend.attribution,
        score=60,
        state=state,
        decided_at=timezone.now() if state in ("approved", "rejected") else None,
    )

    settlement.settle(make_order(friend))

    reward = Reward.objects.first()
    assert (reward.state if reward else None) == ends


def test_the_first_payout_waits_for_enough_friends(time_machine):
    terms, inviter = set_terms(hold_days=0, minimum_friends=2), make_member()
    orders = [
        make_order(make_attribution(inviter, terms=terms).invitee) for _ in range(3)
    ]

    assert reason_of(orders[0]) == "too_few_friends"
    assert ledger.balance(inviter, "USD") == 0

    assert reason_of(orders[1]) == ""
    assert sweeps.release_due() == 1
    assert ledger.balance(inviter, "USD") == 1000

    # Once paid, an inviter does not wait again.
    give_back(orders[0], 5000)
    give_back(orders[1], 5000)
    sweeps.settle_all(Order.objects.order_by("pk"))
    assert ledger.balance(inviter, "USD") == 500


# A rule of one's own


def generous(facts):
    return Grant(700) if facts.amount_basis >= 100 else Refusal("too_small_for_us")


def always(facts):
    return Grant(500)


def broken(facts):
    raise ZeroDivisionError


def test_another_rule_can_be_named_in_the_settings(settings):
    settings.REFERRAL_RULE = f"{__name__}.generous"
    friend, other = friend_under(), friend_under()

    settlement.settle(make_order(friend, goods=100))

    assert wallet(friend) == 700
    assert reason_of(make_order(other, goods=99)) == "too_small_for_us"


def test_no_rule_pays_for_money_that_did_not_come(settings):
    settings.REFERRAL_RULE = f"{__name__}.generous"

    assert reason_of(make_order(friend_under(), received=0)) == "not_paid"


def test_a_rule_that_breaks_parks_the_friend_and_leaves_all_else_alone(
    settings, caplog
):
    friend = friend_under()
    paid = make_order(friend)
    settlement.settle(paid)
    settings.REFERRAL_RULE = f"{__name__}.broken"

    assert reason_of(paid) == "rule_failed"
    assert "waits for a person" in caplog.text
    assert ReviewCase.objects.get().state == ReviewCase.State.OPEN
    assert wallet(friend) == 500
    paid.refresh_from_db()
    assert paid.status == Order.Status.CONFIRMED

    settings.REFERRAL_RULE = "referrals.rules.standard"
    assert list(sweeps.outdated()) == [paid]
    assert reason_of(paid) in ("", "in_review")


def test_a_rule_that_breaks_is_named_in_the_error():
    facts = cases.facts_of(cases.locked(make_order(friend_under()).pk))

    with pytest.raises(rules.RuleFailed, match="test_rules.broken"):
        rules.desired(facts, broken)


def nothing(facts):
    return None


def nought(facts):
    return Grant(0)


def negative(facts):
    return Grant(-5)


def more_lost_than_earned(facts):
    return Grant(100, 200)


def in_halves(facts):
    return Grant(12.5)


def all_lost(facts):
    return Grant(100, 100)


def between_two_steps(facts):
    return Grant(1005)


def long_winded(facts):
    return Refusal("x" * 61)


def silent(facts):
    return Refusal("")


ODD = (
    nothing,
    nought,
    negative,
    more_lost_than_earned,
    in_halves,
    all_lost,
    long_winded,
    silent,
)


def dinars(**changes):
    """Terms in a currency that goes in steps of ten."""
    offer = {"inviter_amount": 1500, "friend_amount": 0, "minimum_amount": 0}
    return friend_under(currency="KWD", **offer | changes)


def test_an_amount_between_two_steps_of_the_currency_parks_the_friend(settings):
    settings.REFERRAL_RULE = f"{__name__}.between_two_steps"

    assert reason_of(make_order(dinars(), currency="KWD")) == "rule_failed"
    assert reason_of(make_order(friend_under())) == ""


def test_a_share_is_cut_to_a_whole_step_of_the_currency():
    share = {"inviter_amount": 0, "inviter_basis_points": 1000}
    friend = dinars(**share, inviter_most_amount=1005)

    assert reason_of(make_order(friend, currency="KWD", goods=50_000)) == ""
    assert wallet(friend, "KWD") == 1000


def test_a_grant_in_a_currency_without_terms_parks_the_friend(settings):
    settings.REFERRAL_RULE = f"{__name__}.always"

    assert reason_of(make_order(friend_under(), currency="EUR")) == "rule_failed"


def little(facts):
    return Grant(100)


def test_staffs_word_brings_what_was_promised_and_no_more(settings):
    """The terms would give five dollars, the shop's own rule said one."""
    settings.REFERRAL_RULE = f"{__name__}.little"
    share = {"inviter_amount": 0, "inviter_basis_points": 1000}
    terms = set_terms(hold_days=0, cap_for_life=1, **share)
    first = make_attribution(terms=terms)
    settlement.settle(make_order(first.invitee))
    over = make_attribution(first.inviter, terms=terms).invitee
    assert reason_of(make_order(over)) == "over_cap"
    stan = User.objects.create_superuser("stan@example.com", "a good long password")

    grants.grant_anyway(over.attribution.rewards.get().pk, stan, "A kind reason")

    assert wallet(over) == 200
    assert over.attribution.rewards.get().amount_reversed == 0


@pytest.mark.parametrize("rule", ODD)
def test_an_answer_that_makes_no_sense_parks_the_friend(settings, rule):
    settings.REFERRAL_RULE = f"{__name__}.{rule.__name__}"
    friend = friend_under()

    assert reason_of(make_order(friend)) == "rule_failed"

    assert ReviewCase.objects.get().attribution == friend.attribution
    assert not Reward.objects.exists()


@pytest.mark.parametrize(
    "order",
    [
        {"goods": 5000, "balance": 5000},
        {"goods": 500, "welcome": 500},
        {"goods": 5000, "promotion": 5000},
        {"goods": 5000, "promotion": 5000, "shipping": 700},
        {"goods": 2500, "welcome": 500, "balance": 2000, "shipping": 700},
    ],
    ids=["balance", "gift", "promotion", "only delivery", "gift and balance"],
)
def test_no_minimum_and_still_nothing_for_goods_that_cost_nothing(settings, order):
    friend = friend_under(minimum_amount=0)
    assert reason_of(make_order(friend, **order)) == "nothing_paid"

    settings.REFERRAL_RULE = f"{__name__}.always"
    assert reason_of(make_order(friend, **order)) == "nothing_paid"
    assert not Reward.objects.exists()


def test_no_word_of_staff_pays_for_goods_that_cost_nothing():
    friend = friend_under(minimum_amount=0, cap_for_life=0)
    reward = rewards.refuse(
        make_order(friend, balance=5000),
        friend.attribution,
        friend.attribution.terms,
        rules.Desired(State.VOID, amount=500, available_at=timezone.now()),
        "over_cap",
    )

    with pytest.raises(grants.StillVoid, match="nothing_paid"):
        grants.grant_anyway(reward.pk, make_member(is_staff=True), "A good reason")


def test_goods_that_do_not_count_alone_earn_nothing_without_a_minimum(shelf):
    friend = friend_under(minimum_amount=0, excluded=[shelf["vouchers"]])
    order = with_lines(make_order(friend, goods=3000), paper=3000)

    assert reason_of(order) == "nothing_paid"


def test_a_percentage_goes_with_the_goods_before_the_welcome_gift():
    friend = friend_under(inviter_amount=0, inviter_basis_points=1000, minimum_amount=0)
    order = make_order(friend, goods=2500, welcome=500)
    settlement.settle(order)
    assert wallet(friend) == 250

    give_back(order, 1000)
    settlement.settle(order)
    assert wallet(friend) == 125

    give_back(order, 999)
    assert reason_of(order) == "partly_refunded"
    assert wallet(friend) == 0


def test_a_percentage_that_staff_granted_follows_what_is_left():
    friend = friend_under(inviter_amount=0, inviter_basis_points=1000, cap_for_life=0)
    order = make_order(friend)
    assert reason_of(order) == "over_cap"
    stan = make_member(is_staff=True)
    grants.grant_anyway(Reward.objects.get().pk, stan, "For a good reason")
    assert wallet(friend) == 500

    give_back(order, 4000)
    settlement.settle(order)

    assert wallet(friend) == 100


def test_lapsed_friends_earn_nothing():
    lapsed = make_attribution(
        terms=set_terms(hold_days=0), status=Attribution.Status.LAPSED
    )

    assert reason_of(make_order(lapsed.invitee)) == "not_verified"


def test_a_pause_honours_what_was_promised_before_its_end(time_machine):
    """The order came in the pause by its date, and had been promised already."""
    friend = friend_under(hold_days=14)
    order = make_order(friend)
    settlement.settle(order)
    Campaign.objects.update(paused_at=order.confirmed_at - timedelta(days=1))
    time_machine.move_to(timezone.now() + timedelta(days=15))

    settlement.settle(order)

    assert wallet(friend) == 500


def test_a_void_reward_that_is_due_again_waits_and_counts_as_it_would_now():
    friend = friend_under(inviter_amount=0, inviter_basis_points=1000, hold_days=14)
    order = make_order(friend)
    settlement.settle(order)
    refund = give_back(order, 5000)
    settlement.settle(order)
    assert Reward.objects.get().state == State.VOID
    refund.state, refund.failed_at = "failed", timezone.now()
    refund.save()
    give_back(order, 1000)
    later = order.confirmed_at + timedelta(days=2)
    with guards.lifted():
        Order.objects.filter(pk=order.pk).update(confirmed_at=later)

    settlement.settle(order)

    reward = Reward.objects.get()
    assert (reward.state, reward.amount_reversed) == (State.PENDING, 100)
    assert reward.available_at == later + timedelta(days=14)


ARROWS = {
    *[("pending", "available"), ("pending", "void"), ("void", "pending")],
    *[("available", "reversed"), ("available", "expired"), ("reversed", "available")],
    *[("expired", "reversed"), ("expired", "available")],
}


@pytest.mark.cooked_books
def test_a_reward_moves_along_its_arrows_alone():
    settlement.settle(make_order(friend_under(hold_days=14)))
    moved = set()

    for old, new in permutations(State.values, 2):
        with guards.lifted():
            Reward.objects.update(state=old)
        try:
            with transaction.atomic():
                Reward.objects.update(state=new)
        except IntegrityError:
            continue
        moved.add((old, new))

    assert moved == ARROWS


def test_what_staff_buy_is_refused_by_that_name():
    friend = friend_under()
    User.objects.filter(pk=friend.pk).update(is_staff=True)

    assert reason_of(make_order(friend)) == "staff_order"
