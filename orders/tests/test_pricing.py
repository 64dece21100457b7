import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orders.discounts import Discount
from orders.pricing import add_up, usable_balance
from shop.kit.currencies import SUPPORTED, minimum_charge, step

lines = st.lists(st.integers(0, 5_000_000), min_size=1, max_size=30)
currencies = st.sampled_from(sorted(SUPPORTED))


def discount(amount):
    return Discount("test", "1", "Test", amount)


@given(lines, st.integers(0, 10_000), st.data())
def test_inv_01_every_cart_adds_up_to_the_last_minor_unit(goods, shipping, data):
    off = data.draw(st.integers(0, sum(goods)))
    balance = data.draw(st.integers(0, 2 * sum(goods) + shipping))

    totals = add_up(
        goods,
        currency="USD",
        shipping=shipping,
        discounts=[discount(off)] if off else [],
        balance=balance,
    )

    assert totals.total == sum(goods) + shipping - off
    assert totals.due == totals.total - totals.balance
    assert sum(totals.line_discounts) == totals.discount == off
    parts = [totals.total, totals.due, totals.balance, *totals.line_discounts]
    assert min(parts) >= 0


@given(st.integers(0, 10**8), st.integers(-5, 10**8), currencies)
def test_what_balance_leaves_over_can_be_charged(total, wanted, currency):
    total -= total % step(currency)

    used = usable_balance(total, wanted, currency)

    due = total - used
    assert 0 <= used <= max(0, wanted)
    assert used <= total
    smallest = minimum_charge(currency)
    # A total below what a card can be charged is impossible by card, not by our doing.
    assert due == 0 or due >= smallest or (used == 0 and total < smallest)
    assert due % step(currency) == 0


@given(st.integers(0, 10**8), st.integers(0, 10**8), currencies)
def test_no_more_balance_than_needed_is_kept_back(total, wanted, currency):
    assume(wanted < total)

    used = usable_balance(total, wanted, currency)

    kept_back = min(wanted, total) - used
    assert kept_back < minimum_charge(currency) + step(currency)


@pytest.mark.parametrize(
    ("total", "wanted", "currency", "used"),
    [
        (2000, 500, "USD", 500),
        (2000, 2000, "USD", 2000),
        (2000, 9999, "USD", 2000),
        (2000, 1980, "USD", 1950),
        (40, 20, "USD", 0),
        (40, 40, "USD", 40),
        (2000, 0, "USD", 0),
        (300, 260, "JPY", 250),
        (20_000, 15_005, "KWD", 15_000),
    ],
)
def test_balance_is_used_as_far_as_a_card_can_pay_the_rest(
    total, wanted, currency, used
):
    assert usable_balance(total, wanted, currency) == used


def test_discounts_cannot_exceed_the_goods():
    with pytest.raises(ValueError, match="exceed"):
        add_up([100], currency="USD", discounts=[discount(101)])
