import pytest
from django.db import IntegrityError, transaction
from django.db.models import Sum
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts import ledger, privacy, statements
from accounts.models import LedgerAccount, Transfer, User
from orders.tests.racing import at_once

pytestmark = pytest.mark.django_db

Kind = ledger.Kind


def make_user(email="ada@example.com"):
    return User.objects.create_user(email)


def give(user, amount, *, key="present", currency="USD", **fields):
    return ledger.post(
        key=key,
        debit=(None, Kind.GOODWILL),
        credit=(user, Kind.WALLET),
        amount=amount,
        currency=currency,
        kind="goodwill",
        reason="A present",
        **fields,
    )


def move(user, amount, *, key="move", source=Kind.WALLET, target=Kind.HELD):
    return ledger.post(
        key=key,
        debit=(user, source),
        credit=(user, target),
        amount=amount,
        currency="USD",
        kind="spend",
        reason="Spent",
    )


def assert_books_hold():
    """Inv 8 and 9: every kept balance is the sum of its transfers; all sum to zero."""
    trial = 0
    for account in LedgerAccount.objects.all():
        came = account.credits.aggregate(sum=Sum("amount"))["sum"] or 0
        left = account.debits.aggregate(sum=Sum("amount"))["sum"] or 0
        trial += came - left
        if account.owner_id:
            assert account.balance == came - left
            assert account.balance >= 0
    assert trial == 0


def test_an_amount_moves_from_one_account_to_another():
    ada = make_user()

    give(ada, 500)
    move(ada, 200)

    assert ledger.balance(ada, "USD") == 300
    assert ledger.balance(ada, "USD", Kind.HELD) == 200
    assert ledger.shop_balance(Kind.GOODWILL, "USD") == -500
    assert_books_hold()


def test_somebody_without_an_account_owns_nothing():
    assert ledger.balance(make_user(), "USD") == 0
    assert statements.of(make_user("b@e.com"), "USD") == []


def test_inv_11_a_cause_moves_money_once():
    ada = make_user()

    transfers = {give(ada, 500).pk for _ in range(20)}

    assert len(transfers) == 1
    assert ledger.balance(ada, "USD") == 500


def test_inv_11_the_database_refuses_a_second_transfer_of_one_cause():
    transfer = give(make_user(), 500)
    transfer.pk = None

    with pytest.raises(IntegrityError), transaction.atomic():
        transfer.save(force_insert=True)


def test_a_key_cannot_be_reused_for_another_movement():
    ada, ben = make_user(), make_user("ben@example.com")
    give(ada, 500)

    for other in [lambda: give(ada, 501), lambda: give(ben, 500)]:
        with pytest.raises(ledger.KeyReused):
            other()

    assert ledger.balance(ada, "USD") == 500
    assert ledger.balance(ben, "USD") == 0
    assert_books_hold()


def test_inv_10_nobody_spends_more_than_there_is():
    ada = make_user()
    give(ada, 500)

    with pytest.raises(ledger.InsufficientBalance):
        move(ada, 501)

    assert ledger.balance(ada, "USD") == 500
    assert Transfer.objects.count() == 1
    move(ada, 500, key="again")
    assert ledger.balance(ada, "USD") == 0


def test_inv_10_the_database_refuses_a_balance_below_zero():
    give(make_user(), 500)

    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerAccount.objects.filter(kind=Kind.WALLET).update(balance=-1)


def test_inv_06_each_currency_has_its_own_balance():
    ada = make_user()

    give(ada, 500)
    give(ada, 700, key="yen", currency="JPY")

    assert ledger.balance(ada, "USD") == 500
    assert ledger.balance(ada, "JPY") == 700
    with pytest.raises(ledger.InsufficientBalance):
        move(ada, 600)


@pytest.mark.parametrize("amount", [0, -5])
def test_inv_08_a_transfer_is_positive(amount):
    with pytest.raises(IntegrityError), transaction.atomic():
        give(make_user(), amount)

    assert_books_hold()


def test_inv_08_a_transfer_has_two_accounts():
    ada = make_user()
    give(ada, 500)

    with pytest.raises(IntegrityError), transaction.atomic():
        move(ada, 100, source=Kind.WALLET, target=Kind.WALLET)

    assert_books_hold()


def test_inv_06_the_database_refuses_a_transfer_in_another_currency():
    transfer = give(make_user(), 500)
    transfer.pk, transfer.key, transfer.currency = None, "another", "EUR"

    with pytest.raises(IntegrityError, match="currency"), transaction.atomic():
        transfer.save(force_insert=True)


def test_the_shop_has_one_account_of_a_kind():
    give(make_user(), 500)

    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerAccount.objects.create(kind=Kind.GOODWILL, currency="USD")


def test_a_person_has_one_wallet_in_a_currency():
    ada = make_user()
    give(ada, 500)

    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerAccount.objects.create(
            owner=ada, kind=Kind.WALLET, currency="USD", balance=0
        )


def test_a_movement_that_fails_takes_its_halves_with_it():
    ada = make_user()
    give(ada, 500)

    with pytest.raises(IntegrityError), transaction.atomic():
        move(ada, 100, key=None)

    assert ledger.balance(ada, "USD") == 500
    assert_books_hold()


def test_a_statement_ends_at_the_balance_of_the_wallet():
    ada = make_user()
    give(ada, 500, reference="Q3XN8VTA")
    move(ada, 300, key="hold")
    move(ada, 300, key="return", source=Kind.HELD, target=Kind.WALLET)
    move(ada, 120, key="hold-2")

    lines = statements.of(ada, "USD")

    assert [line.amount for line in lines] == [-120, 300, -300, 500]
    assert [line.balance_after for line in lines] == [380, 500, 200, 500]
    assert lines[0].balance_after == ledger.balance(ada, "USD")
    assert lines[-1].reference == "Q3XN8VTA"


steps = st.lists(
    st.tuples(
        st.sampled_from(["give", "hold", "return", "capture"]),
        st.integers(1, 50),
        st.integers(0, 9),
    ),
    max_size=25,
)


class AnyHistory(TestCase):
    @settings(max_examples=25, deadline=None)
    @given(steps)
    def test_inv_09_whatever_happened_the_books_hold(self, history):
        """Keys repeat on purpose: a second post is either the same one or refused."""
        ada = make_user()
        ways = {
            "give": ((None, Kind.GOODWILL), (ada, Kind.WALLET)),
            "hold": ((ada, Kind.WALLET), (ada, Kind.HELD)),
            "return": ((ada, Kind.HELD), (ada, Kind.WALLET)),
            "capture": ((ada, Kind.HELD), (None, Kind.SALES)),
        }
        for name, amount, number in history:
            debit, credit = ways[name]
            try:
                ledger.post(
                    key=f"{name}:{number}",
                    debit=debit,
                    credit=credit,
                    amount=amount,
                    currency="USD",
                    kind=name,
                    reason=name,
                )
            except (ledger.InsufficientBalance, ledger.KeyReused):
                continue

        assert_books_hold()
        lines = statements.of(ada, "USD")
        if lines:
            assert lines[0].balance_after == ledger.balance(ada, "USD")


def owe(user, amount):
    ledger.take_back(
        key="reward", user=user, amount=amount, currency="USD", reason="Taken back"
    )


@pytest.mark.parametrize(
    ("comes", "left"), [(200, [0, 300]), (500, [0, 0]), (700, [200, 0])]
)
def test_whatever_comes_into_a_wallet_pays_first_what_is_owed(comes, left):
    ada = make_user()
    owe(ada, 500)

    give(ada, comes)
    give(ada, comes)

    kinds = (Kind.WALLET, Kind.OWED)
    assert [ledger.balance(ada, "USD", kind) for kind in kinds] == left
    assert_books_hold()


def test_a_debt_in_one_currency_is_not_paid_in_another():
    ada = make_user()
    owe(ada, 500)

    give(ada, 300, currency="EUR")

    assert ledger.balance(ada, "EUR") == 300
    assert ledger.balance(ada, "USD", Kind.OWED) == 500


def test_what_comes_to_a_closed_account_goes_where_its_balance_went():
    ada = make_user()
    give(ada, 700)
    privacy.close(ada, gives_up={"USD": 700})

    first = give(ada, 300, key="late")
    assert give(ada, 300, key="late") == first
    taken = ledger.take_back(
        key="claim", user=ada, amount=200, currency="USD", reason="Returned"
    )

    assert taken == 0
    assert ledger.balance(ada, "USD") == ledger.balance(ada, "USD", Kind.OWED) == 0
    kinds = Transfer.objects.filter(credit__kind=Kind.CLOSED).order_by("pk")
    assert list(kinds.values_list("kind", "amount")) == [
        ("forfeit", 700),
        ("forfeit", 300),
        ("closed", 200),
    ]
    assert_books_hold()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_what_comes_while_an_account_is_closed_is_seen_or_passed_on():
    for number in range(8):
        ada = make_user(f"ada-{number}@example.com")
        give(ada, 100, key=f"first {number}")

        _, closed = at_once(
            lambda a=ada, n=number: give(a, 300, key=f"late {n}"),
            lambda a=ada: privacy.close(a, gives_up={"USD": 100}),
        )

        ada.refresh_from_db()
        left = ledger.balance(ada, "USD")
        assert left == (0 if ada.is_closed else 400), closed
