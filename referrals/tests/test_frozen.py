"""While a bank questions a payment, what is unspent of its reward cannot be spent."""

from datetime import timedelta
from itertools import permutations

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import expiry, ledger
from accounts.models import CreditLot, LedgerAccount, Transfer
from catalog.tests.factories import make_variant
from orders.models import Dispute
from orders.tests.factories import deliver, make_user, pay
from orders.tests.factories import make_order as place_order
from referrals import consequences, reports, settlement
from referrals.models import Notice, Reward
from referrals.tests.afterwards import dispute, give_back, spend
from referrals.tests.counting import counted
from referrals.tests.factories import make_attribution, make_order, set_terms
from shop.kit.models import Message

pytestmark = pytest.mark.django_db

State = Reward.State
Kind = ledger.Kind


@pytest.fixture
def friend():
    """Invited under terms without a wait: the reward is paid at once."""
    return make_attribution(terms=set_terms(hold_days=0)).invitee


@pytest.fixture
def inviter(friend):
    return friend.attribution.inviter


@pytest.fixture
def order(friend):
    """Paid, and its reward is in the inviter's balance."""
    order = make_order(friend)
    settlement.settle(order)
    return order


def pots(user):
    """What a person can spend, has on hold, and owes."""
    kinds = (Kind.WALLET, Kind.FROZEN, Kind.OWED)
    return [ledger.balance(user, "USD", kind) for kind in kinds]


def settled(order):
    settlement.settle(order)
    settlement.settle(order)
    return Reward.objects.get(order=order)


def end(question, status):
    question.status, question.closed_at = status, timezone.now()
    question.save()


@pytest.mark.parametrize(
    "status", ["needs_response", "warning_needs_response", "fraud_warning", "unheard"]
)
def test_a_questioned_payment_puts_a_paid_reward_on_hold(order, inviter, status):
    dispute(order, status)

    reward = settled(order)

    assert reward.state == State.AVAILABLE
    assert (reward.amount_frozen, bool(reward.frozen_at)) == (500, True)
    assert pots(inviter) == [0, 500, 0]
    with pytest.raises(ledger.InsufficientBalance):
        spend(inviter, 1)


def test_only_what_is_unspent_is_put_on_hold(order, inviter):
    spend(inviter, 200)
    dispute(order, "needs_response")

    assert settled(order).amount_frozen == 300
    assert pots(inviter) == [0, 300, 0]


def test_other_credit_stays_free_and_later_credit_is_not_put_on_hold(order, inviter):
    spend(inviter, 200)
    dispute(order, "needs_response")
    settled(order)

    give(inviter, 400)

    assert settled(order).amount_frozen == 300
    assert pots(inviter) == [400, 300, 0]


def give(user, amount):
    ledger.post(
        key=f"test:given:{Transfer.objects.count()}",
        debit=(None, Kind.GOODWILL),
        credit=(user, Kind.WALLET),
        amount=amount,
        currency="USD",
        kind="goodwill",
        reason="A present",
    )


@pytest.mark.parametrize("status", ["won", "warning_closed"])
def test_an_answered_question_lets_the_reward_go_once(order, inviter, status):
    spend(inviter, 200)
    question = dispute(order, "needs_response")
    settled(order)

    end(question, status)

    reward = settled(order)
    assert (reward.state, reward.amount_frozen, reward.frozen_at) == (
        State.AVAILABLE,
        0,
        None,
    )
    assert pots(inviter) == [300, 0, 0]


@pytest.mark.parametrize(
    ("spent", "left"), [(0, [0, 0, 0]), (200, [0, 0, 200]), (500, [0, 0, 500])]
)
def test_a_lost_dispute_takes_what_was_on_hold_and_the_rest_is_owed(
    order, inviter, spent, left
):
    if spent:
        spend(inviter, spent)
    question = dispute(order, "needs_response")
    settled(order)

    end(question, "lost")

    reward = settled(order)
    assert (reward.state, reward.reason) == (State.REVERSED, "dispute_lost")
    assert (reward.amount_frozen, reward.frozen_at) == (0, None)
    assert pots(inviter) == left


def test_an_appeal_that_is_won_returns_the_reward_once(order, inviter):
    question = dispute(order, "needs_response")
    settled(order)
    end(question, "lost")
    settled(order)

    end(question, "won")

    assert settled(order).state == State.AVAILABLE
    assert pots(inviter) == [500, 0, 0]


def test_two_questions_hold_until_both_are_answered(order, inviter):
    first, second = dispute(order, "needs_response"), dispute(order, "fraud_warning")
    settled(order)

    end(first, "won")
    assert settled(order).amount_frozen == 500
    end(second, "fraud_warning")

    assert settled(order).amount_frozen == 0
    assert pots(inviter) == [500, 0, 0]


def test_a_part_refunded_while_on_hold_keeps_or_takes_the_whole_reward(order, inviter):
    question = dispute(order, "warning_needs_response")
    give_back(order, 3000)  # 20 dollars of 50 remain: the least that counts
    assert settled(order).amount_frozen == 500

    give_back(order, 1)

    reward = settled(order)
    assert (reward.state, reward.reason) == (State.REVERSED, "partly_refunded")
    assert pots(inviter) == [0, 0, 0]
    end(question, "warning_closed")
    assert settled(order).state == State.REVERSED
    assert pots(inviter) == [0, 0, 0]


def test_a_reward_on_the_way_is_marked_and_released_when_the_bank_is_done():
    friend = make_attribution(terms=set_terms(hold_days=0)).invitee
    order = make_order(friend)
    question = dispute(order, "needs_response")

    reward = settled(order)
    assert (reward.state, bool(reward.frozen_at)) == (State.PENDING, True)
    assert not Transfer.objects.exists()

    end(question, "won")
    reward = settled(order)
    assert (reward.state, reward.frozen_at) == (State.AVAILABLE, None)
    assert pots(friend.attribution.inviter) == [500, 0, 0]


def test_a_reward_on_the_way_does_not_come_when_the_bank_takes_the_payment():
    order = make_order(make_attribution(terms=set_terms(hold_days=14)).invitee)
    settlement.settle(order)
    question = dispute(order, "needs_response")
    assert settled(order).frozen_at

    end(question, "lost")
    reward = settled(order)

    assert (reward.state, reward.reason) == (State.VOID, "dispute_lost")
    assert reward.frozen_at is None


def test_what_comes_free_pays_first_what_is_owed(order, inviter):
    other = make_order(make_attribution(inviter, terms=set_terms()).invitee)
    settlement.settle(other)
    question = dispute(order, "needs_response")
    settled(order)
    spend(inviter, 500)
    give_back(other, 5000)
    settled(other)
    assert pots(inviter) == [0, 500, 500]

    end(question, "won")
    settled(order)

    assert pots(inviter) == [0, 0, 0]


def test_events_of_a_dispute_in_every_order_leave_one_ledger(
    friend, inviter, client, stripe_sandbox
):
    """Warned, disputed, answered, won: in any order, each settled after."""
    order = place_order(friend, {make_variant(amount=9000): 1})
    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)
    settlement.settle(order)
    known = {event["id"] for event in stripe_sandbox.events()}
    intent = order.payments.get().intent_id
    charge = stripe_sandbox.object("payment_intent", intent)["latest_charge"]
    opened = stripe_sandbox.disputes.open(charge)
    stripe_sandbox.disputes.win(opened["id"])
    said = [each for each in stripe_sandbox.events() if each["id"] not in known]

    ends = set()
    for events in list(permutations(said))[:120]:
        with transaction.atomic():
            for event in events:
                deliver(client, stripe_sandbox, event)
                settlement.settle(order)
            ends.add((*pots(inviter), Reward.objects.get().state))
            transaction.set_rollback(True)

    assert ends == {(500, 0, 0, State.AVAILABLE)}


def test_the_database_refuses_a_hold_that_cannot_be(order):
    question = dispute(order, "needs_response")
    reward = settled(order)
    for wrong in (
        {"amount_frozen": 501},
        {"frozen_at": None},
        {"state": State.REVERSED},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Reward.objects.filter(pk=reward.pk).update(**wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerAccount.objects.filter(kind=Kind.FROZEN).update(balance=-1)
    end(question, "won")
    assert settled(order).amount_frozen == 0


def test_a_hold_and_its_end_stay_within_the_budget(order, inviter):
    # Opened once, when a member first comes to owe something.
    LedgerAccount.objects.create(owner=inviter, kind="owed", currency="USD", balance=0)
    spend(inviter, 200)
    question = dispute(order, "needs_response")
    with counted() as freezing:
        settlement.settle(order)
    end(question, "lost")
    with counted() as taking:
        settlement.settle(order)

    assert len(freezing.own) <= 30, len(freezing.own)
    assert len(taking.own) <= 30, len(taking.own)


def test_the_inviter_reads_neutral_words_and_what_is_on_hold(client, order, inviter):
    spend(inviter, 200)
    dispute(order, "needs_response")
    settled(order)
    client.force_login(inviter)

    friend = reports.friends(inviter)[0]
    html = client.get(reverse("accounts:balance")).content.decode()

    assert friend.badge == "On hold"
    assert friend.reason == "$3 of it is on hold while a payment is being checked."
    assert "On hold" in html
    assert "$3.00" in html
    for text in (friend.reason, html):
        assert "dispute" not in text.lower()
        assert "fraud" not in text.lower()


def test_a_reward_that_was_all_spent_is_not_told_to_be_on_hold(order, inviter):
    spend(inviter, 500)
    dispute(order, "needs_response")

    assert settled(order).frozen_at
    assert reports.friends(inviter)[0].badge == "$5 in your balance"


def test_the_inviter_is_told_by_mail_when_a_reward_is_taken_back_and_not_before(
    order, inviter, run_jobs, mailoutbox
):
    spend(inviter, 200)
    question = dispute(order, "needs_response")
    settled(order)
    assert not Message.objects.filter(kind="reward_reversed").exists()

    end(question, "lost")
    settled(order)
    run_jobs()

    sent = [mail for mail in mailoutbox if "taken back" in mail.subject]
    assert [mail.to for mail in sent] == [[inviter.email]]
    html = sent[0].alternatives[0][0]
    for text in (sent[0].body, html):
        assert "$3.00 came out of your balance" in text
        assert "You had spent $2.00 of it" in text
        assert "dispute" not in text.lower()


def test_each_time_it_is_taken_back_has_its_own_mail(order):
    question = dispute(order, "needs_response")
    for status in ("lost", "won", "lost"):
        end(question, status)
        settled(order)

    assert Message.objects.filter(kind="reward_reversed").count() == 2


def check_hold_is_told(order, amount):
    question = dispute(order, "needs_response")
    settled(order)
    end(question, "won")
    settled(order)

    told = Notice.objects.filter(kind="held").order_by("pk")
    assert [each.text for each in told] == [
        f"{amount} is on hold while a payment is being checked.",
        f"{amount} is not on hold any more.",
    ]


def test_the_inviter_is_told_of_the_hold_and_of_its_end(order, inviter):
    spend(inviter, 200)

    check_hold_is_told(order, "$3")


def test_of_what_was_spent_no_hold_is_told(order, inviter):
    spend(inviter, 500)
    dispute(order, "needs_response")

    settled(order)

    assert not Notice.objects.filter(kind="held").exists()


def test_a_hold_of_what_is_on_the_way_is_told_too(inviter):
    waiting = make_order(make_attribution(inviter, terms=set_terms()).invitee)
    settlement.settle(waiting)

    check_hold_is_told(waiting, "$5")


def test_the_plan_of_a_refund_counts_what_is_on_hold(order, inviter):
    spend(inviter, 200)
    dispute(order, "warning_needs_response")
    settled(order)

    outcome = consequences.Outcome(goods=5000, total=5000, cancels=False)
    [entry] = consequences.rewards(order, outcome)

    assert (entry.value, entry.note) == ("−$5.00", "$2.00 stays owed")


def test_staff_see_what_is_on_hold(admin_client, order):
    dispute(order, "needs_response")
    reward = settled(order)

    listed = admin_client.get(reverse("admin:referrals_reward_changelist"))
    page = admin_client.get(reverse("admin:referrals_reward_change", args=[reward.pk]))

    assert "$5.00" in listed.content.decode()
    assert "On hold since" in page.content.decode()
    kinds = list(order.events.values_list("kind", flat=True))
    assert kinds[-1] == "reward_frozen"


def test_a_stranger_s_wallet_is_not_touched(order):
    other = make_user(balance=700)
    dispute(order, "needs_response")

    settled(order)

    assert pots(other) == [700, 0, 0]
    assert Dispute.objects.open().count() == 1
    assert timezone.now() - Reward.objects.get().frozen_at < timedelta(minutes=1)


def percent(inviter):
    """An order whose reward of $5 is a tenth of it."""
    terms = set_terms(hold_days=0, inviter_amount=0, inviter_basis_points=1000)
    order = make_order(make_attribution(inviter, terms=terms).invitee)
    settlement.settle(order)
    return order


def test_what_comes_again_while_on_hold_is_on_hold_and_keeps_its_end():
    set_terms(credit_days=365)
    inviter = make_attribution().inviter
    order = percent(inviter)
    refund = give_back(order, 1000)
    settlement.settle(order)
    question = dispute(order, "needs_response")
    assert settled(order).amount_frozen == 400

    refund.state, refund.failed_at = "failed", timezone.now()
    refund.save()
    assert settled(order).amount_frozen == 500
    assert pots(inviter) == [0, 500, 0]

    end(question, "won")
    assert settled(order).amount_frozen == 0
    assert pots(inviter) == [500, 0, 0]
    assert sum(CreditLot.objects.values_list("remaining", flat=True)) == 500


def test_what_ran_out_is_not_put_on_hold_in_other_credit(time_machine):
    attribution = make_attribution(terms=set_terms(hold_days=0, credit_days=10))
    order, inviter = make_order(attribution.invitee), attribution.inviter
    settlement.settle(order)
    spend(inviter, 200)
    time_machine.move_to(timezone.now() + timedelta(days=12))
    expiry.end()
    give(inviter, 400)

    dispute(order, "needs_response")
    reward = settled(order)

    # What was spent is still the programme's to claim; what ran out is not.
    assert reward.amount_frozen == 200
    assert pots(inviter) == [200, 200, 0]


def test_a_reward_that_ran_out_before_the_question_says_so_after_the_answer(
    time_machine,
):
    attribution = make_attribution(terms=set_terms(hold_days=0, credit_days=10))
    order = make_order(attribution.invitee)
    settlement.settle(order)
    time_machine.move_to(timezone.now() + timedelta(days=12))
    expiry.end()

    question = dispute(order, "needs_response")
    reward = settled(order)
    assert (reward.state, reward.amount_frozen) == (State.AVAILABLE, 0)

    end(question, "won")
    assert settled(order).state == State.EXPIRED


def test_a_partial_refund_puts_no_other_money_on_hold():
    inviter = make_attribution().inviter
    order = percent(inviter)
    spend(inviter, 500)
    dispute(order, "needs_response")
    assert settled(order).amount_frozen == 0
    give(inviter, 700)

    give_back(order, 1000)

    reward = settled(order)
    assert (reward.amount_frozen, bool(reward.frozen_at)) == (0, True)
    assert pots(inviter) == [600, 0, 0]


def test_a_part_that_goes_back_is_taken_from_what_is_on_hold():
    inviter = make_attribution().inviter
    order = percent(inviter)
    spend(inviter, 100)
    dispute(order, "needs_response")
    settled(order)
    give(inviter, 700)

    give_back(order, 1000)

    assert settled(order).amount_frozen == 300
    assert pots(inviter) == [700, 300, 0]
