"""Credit with an end: spent first, warned of, moved away, given back with time left."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import expiry, ledger, statements
from accounts.models import CreditLot, LotUse, User

pytestmark = pytest.mark.django_db

Kind = ledger.Kind
keys = iter(range(10**6))


@pytest.fixture
def anna():
    return User.objects.create_user("anna@example.com", "a good long password")


def bring(user, amount, days=None, **fields):
    return ledger.post(
        key=f"test:{next(keys)}",
        debit=(None, Kind.GOODWILL),
        credit=(user, Kind.WALLET),
        amount=amount,
        currency="USD",
        kind="goodwill",
        reason="A present",
        expires_at=days and timezone.now() + timedelta(days=days),
        **fields,
    )


def spend(user, amount, key=""):
    return ledger.post(
        key=key or f"test:{next(keys)}",
        debit=(user, Kind.WALLET),
        credit=(None, Kind.SALES),
        amount=amount,
        currency="USD",
        kind="spend",
        reason="Spent",
    )


def left(user):
    rows = CreditLot.objects.filter(owner=user).order_by("expires_at", "pk")
    return list(rows.values_list("remaining", flat=True))


def wallet(user):
    return ledger.balance(user, "USD")


def test_what_ends_first_is_spent_first_and_what_never_ends_last(anna):
    bring(anna, 300)
    bring(anna, 200, days=90)
    bring(anna, 100, days=60)

    spend(anna, 150)
    assert left(anna) == [0, 150]
    spend(anna, 200)

    assert left(anna) == [0, 0]
    assert wallet(anna) == 250


def test_a_spend_that_is_repeated_uses_a_lot_once(anna):
    bring(anna, 300, days=60)

    for _ in range(3):
        spend(anna, 100, key="test:once")

    assert left(anna) == [200]
    assert LotUse.objects.get().amount == 100


def test_a_spend_that_fails_uses_nothing(anna):
    bring(anna, 300, days=60)

    with pytest.raises(ledger.InsufficientBalance):
        spend(anna, 301)

    assert left(anna) == [300]


def test_the_rest_of_a_lot_runs_out_once(anna, time_machine):
    bring(anna, 300, days=60)
    bring(anna, 50)
    spend(anna, 100)

    time_machine.move_to(timezone.now() + timedelta(days=60, seconds=1), tick=False)
    assert expiry.end() == 1
    assert expiry.end() == 0

    assert wallet(anna) == 50
    assert ledger.shop_balance(Kind.BREAKAGE, "USD") == 200
    assert statements.of(anna, "USD")[0].reason == "Ran out"


def test_nothing_runs_out_before_its_time(anna, time_machine):
    bring(anna, 300, days=60)

    time_machine.move_to(timezone.now() + timedelta(days=59, hours=23), tick=False)

    assert expiry.end() == 0
    assert wallet(anna) == 300


@pytest.mark.parametrize(
    ("after", "until"), [(10, 60), (50, 80), (70, 100)], ids=["old", "soon", "over"]
)
def test_what_comes_back_keeps_its_date_or_gets_thirty_days(
    anna, time_machine, after, until
):
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    bring(anna, 300, days=60)
    spend(anna, 300, key="order:1:hold")

    time_machine.move_to(start + timedelta(days=after), tick=False)
    expiry.end()
    back = {"restores": ("order:1:hold", "order:1:rehold")}
    bring(anna, 200, **back)
    bring(anna, 100, **back)

    lot = CreditLot.objects.get()
    assert (lot.remaining, lot.expires_at) == (300, start + timedelta(days=until))
    assert LotUse.objects.get().amount_restored == 300

    time_machine.move_to(start + timedelta(days=until, seconds=1), tick=False)
    expiry.end()
    assert wallet(anna) == 0


def test_what_came_back_to_a_lot_that_ran_out_runs_out_by_itself(anna, time_machine):
    bring(anna, 300, days=10)
    spend(anna, 150, key="test:spent")
    time_machine.move_to(timezone.now() + timedelta(days=11))
    expiry.end()
    assert ledger.shop_balance(Kind.BREAKAGE, "USD") == 150

    bring(anna, 150, restores=("test:spent",))
    time_machine.move_to(timezone.now() + timedelta(days=31))
    expiry.end()

    assert wallet(anna) == 0
    assert ledger.shop_balance(Kind.BREAKAGE, "USD") == 300


def test_of_what_comes_back_the_latest_end_comes_first(anna):
    bring(anna, 300, days=60)
    bring(anna, 300, days=90)
    spend(anna, 400, key="test:spent")
    assert left(anna) == [0, 200]

    bring(anna, 150, restores=("test:spent",))

    assert left(anna) == [50, 300]


def test_credit_without_an_end_comes_back_without_one(anna):
    bring(anna, 100, days=60)
    bring(anna, 100)
    spend(anna, 150, key="order:1:hold")

    bring(anna, 150, restores=("order:1:hold",))

    assert left(anna) == [100]
    assert wallet(anna) == 200


def test_what_is_on_hold_comes_back_to_its_lot(anna):
    bring(anna, 300, days=60)
    frozen = ledger.freeze(
        key="reward:1:1:freeze", user=anna, most=200, currency="USD", reason="Asked"
    )
    assert left(anna) == [100]

    ledger.thaw(
        key="reward:1:2:thaw",
        frozen="reward:1:1:freeze",
        user=anna,
        amount=frozen,
        currency="USD",
        reason="Answered",
    )

    assert left(anna) == [300]


def test_owners_are_warned_a_month_and_a_week_before_once_each(
    anna, time_machine, run_jobs, mailoutbox
):
    start = timezone.now()
    bring(anna, 300, days=60)
    for day in range(0, 60):
        time_machine.move_to(start + timedelta(days=day, hours=1), tick=False)
        expiry.run.func()
    run_jobs()

    assert len(mailoutbox) == 2
    assert {mail.to[0] for mail in mailoutbox} == {anna.email}
    assert "$3.00 of your balance can be spent until" in mailoutbox[0].body


def test_nobody_is_warned_of_what_they_have_spent(anna, mailoutbox, run_jobs):
    bring(anna, 300, days=5)
    spend(anna, 300)

    assert expiry.warn() == 0


@pytest.mark.cooked_books
def test_the_proof_finds_lots_that_do_not_add_up(anna):
    from accounts import books

    bring(anna, 300, days=60)
    CreditLot.objects.update(remaining=200)
    assert [row.found for row in books.lots()] == [200]

    ledger.post(
        key="test:cooked",
        debit=(anna, Kind.WALLET),
        credit=(None, Kind.SALES),
        amount=150,
        currency="USD",
        kind="spend",
        reason="Spent",
    )
    CreditLot.objects.update(remaining=300)
    assert [row.expected for row in books.lots_within_wallets()] == [300]


# What is owed, let go


def owe(user, amount):
    ledger.take_back(
        key=f"test:{next(keys)}",
        user=user,
        amount=amount,
        currency="USD",
        reason="Taken back",
    )


def test_what_is_owed_is_written_off_whole_and_once(anna):
    owe(anna, 300)

    def let_go():
        ledger.write_off(anna, "USD", amount=300, reason="A kindness", actor=anna)

    let_go()
    with pytest.raises(ledger.AmountChanged):
        let_go()

    bring(anna, 40)
    assert wallet(anna) == 40
    assert ledger.balance(anna, "USD", Kind.OWED) == 0
    assert ledger.shop_balance(Kind.WRITE_OFF, "USD") == 300


def test_another_amount_than_was_shown_is_not_written_off(anna):
    owe(anna, 300)
    owe(anna, 50)

    with pytest.raises(ledger.AmountChanged):
        ledger.write_off(anna, "USD", amount=300, reason="A kindness", actor=anna)

    assert ledger.balance(anna, "USD", Kind.OWED) == 350
