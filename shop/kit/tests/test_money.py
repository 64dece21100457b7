import pytest
from django import forms
from hypothesis import given
from hypothesis import strategies as st

from shop.kit import currencies, money

amounts = st.integers(min_value=0, max_value=99_999_999)
codes = st.sampled_from(sorted(currencies.SUPPORTED))


@pytest.mark.parametrize(
    ("amount", "currency", "printed"),
    [
        (1999, "USD", "$19.99"),
        (123_456_789, "USD", "$1,234,567.89"),
        (5, "USD", "$0.05"),
        (-500, "USD", "-$5.00"),
        (1999, "JPY", "¥1,999"),
        (12_340, "KWD", "KWD\N{NO-BREAK SPACE}12.340"),
        (-12_340, "KWD", "-KWD\N{NO-BREAK SPACE}12.340"),
        (1250, "CHF", "CHF\N{NO-BREAK SPACE}12.50"),
        (1250, "CAD", "CA$12.50"),
        (120_000, "ISK", "ISK\N{NO-BREAK SPACE}1,200"),
        (120_050, "ISK", "ISK\N{NO-BREAK SPACE}1,200.50"),
        (1999, "EUR", "€19.99"),
    ],
)
def test_an_amount_is_printed_as_its_currency_writes_it(amount, currency, printed):
    assert money.format_money(amount, currency) == printed


def test_a_price_tag_drops_the_zeros_of_whole_amounts_only():
    assert money.format_money(2000, "USD", short=True) == "$20"
    assert money.format_money(1999, "USD", short=True) == "$19.99"


@pytest.mark.parametrize(
    ("typed", "currency", "amount"),
    [
        ("19.99", "USD", 1999),
        (" $1,234.5 ", "USD", 123_450),
        ("7", "USD", 700),
        ("-3", "USD", -300),
        ("1999", "JPY", 1999),
        ("1.230", "KWD", 1230),
        ("KWD 1.23", "KWD", 1230),
        ("1.23 kwd", "KWD", 1230),
        ("¥1,200", "JPY", 1200),
        ("￥１２００", "JPY", 1200),
        ("1200", "ISK", 120_000),
    ],
)
def test_what_a_person_types_becomes_minor_units(typed, currency, amount):
    assert money.parse(typed, currency) == amount


@pytest.mark.parametrize(
    ("typed", "currency"),
    [
        ("", "USD"),
        ("ten", "USD"),
        ("1.999", "USD"),
        ("1.5", "JPY"),
        ("1.234", "KWD"),
        ("1.2345", "KWD"),
        ("12.50", "ISK"),
        ("12,50", "USD"),
        ("1.234,50", "USD"),
        ("1e400", "USD"),
        ("1e99999999", "USD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
        ("1 2 3 x", "USD"),
        ("9" * 30, "USD"),
    ],
)
def test_what_is_not_an_exact_amount_is_refused(typed, currency):
    with pytest.raises(ValueError, match="That "):
        money.parse(typed, currency)


@given(amounts, codes)
def test_what_we_print_reads_back_the_same(amount, currency):
    amount = money.floor(amount, currency)

    assert money.parse(money.to_input(amount, currency), currency) == amount
    assert money.parse(money.format_money(amount, currency), currency) == amount


@pytest.mark.parametrize(
    ("amount", "basis_points", "shared"),
    [(1000, 1000, 100), (5, 5000, 2), (15, 5000, 8), (999, 10_000, 999), (999, 0, 0)],
)
def test_a_share_is_rounded_once_half_to_even(amount, basis_points, shared):
    assert money.share(amount, basis_points) == shared


@given(amounts, st.integers(0, 10_000), codes)
def test_a_share_is_whole_steps_and_as_near_as_they_allow(amount, points, currency):
    step = currencies.step(currency)

    shared = money.share(amount, points, step=step)

    assert shared % step == 0
    assert abs(shared * 10_000 - amount * points) * 2 <= step * 10_000


@given(st.lists(st.integers(0, 10**6), min_size=1), st.data(), codes)
def test_a_split_keeps_to_the_steps_of_its_currency(weights, data, currency):
    step = currencies.step(currency)
    weights = [weight * step for weight in weights]
    amount = data.draw(st.integers(0, sum(weights) // step)) * step

    parts = money.split(amount, weights, step=step)

    assert sum(parts) == amount
    assert all(part % step == 0 for part in parts)
    assert all(part <= weight for part, weight in zip(parts, weights, strict=True))


def test_an_amount_between_two_steps_is_not_divided():
    with pytest.raises(ValueError, match="steps of 10"):
        money.split(1005, [500, 505], step=10)


@given(amounts, codes)
def test_the_nearest_steps_enclose_an_amount(amount, currency):
    low, high = money.floor(amount, currency), money.ceil(amount, currency)

    assert low <= amount <= high
    step = currencies.step(currency)
    assert low % step == high % step == 0
    assert high - low == (step if amount % step else 0)


@given(amounts, st.lists(st.integers(0, 10**9), max_size=30))
def test_inv_02_a_split_loses_nothing(amount, weights):
    if not sum(weights):
        amount = 0

    parts = money.split(amount, weights)

    assert sum(parts) == amount
    assert len(parts) == len(weights)
    assert all(part >= 0 for part in parts)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * (sum(weights) or 1) - amount * weight) <= sum(weights)


@given(st.lists(st.integers(0, 10**6), min_size=1), st.data())
def test_a_discount_within_the_goods_never_exceeds_a_line(lines, data):
    off = data.draw(st.integers(0, sum(lines)))

    parts = money.split(off, lines)

    assert all(part <= line for part, line in zip(parts, lines, strict=True))


def test_an_amount_cannot_be_divided_over_nothing():
    with pytest.raises(ValueError, match="divided over nothing"):
        money.split(5, [0, 0])


class Gift(forms.Form):
    amount = money.MoneyField(currency="USD", minimum=100, maximum=5000)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("abc", "Enter an amount such as 15.00."),
        ("0.5", "Enter $1.00 or more."),
        ("50.01", "Enter $50.00 or less."),
    ],
)
def test_a_money_field_says_what_it_wants(typed, problem):
    assert Gift({"amount": typed}).errors["amount"] == [problem]


def test_a_money_field_holds_minor_units():
    form = Gift({"amount": "12.34"})

    assert form.is_valid()
    assert form.cleaned_data["amount"] == 1234


@pytest.mark.parametrize(
    ("currency", "typed", "problem"),
    [
        ("USD", "1.999", "Amounts go in steps of $0.01: enter 1.99 or 2.00."),
        ("JPY", "12.50", "Amounts go in steps of ¥1: enter 12 or 13."),
        (
            "KWD",
            "12.345",
            "Amounts go in steps of KWD\N{NO-BREAK SPACE}0.010: "
            "enter 12.340 or 12.350.",
        ),
        (
            "ISK",
            "12.50",
            "Amounts go in steps of ISK\N{NO-BREAK SPACE}1: enter 12.00 or 13.00.",
        ),
        (
            "KWD",
            "100000",
            "Enter KWD\N{NO-BREAK SPACE}99,999.990 or less.",
        ),
        ("JPY", "twelve", "Enter an amount such as 2250."),
    ],
)
def test_a_money_field_speaks_its_currency(currency, typed, problem):
    class Price(forms.Form):
        amount = money.MoneyField(currency=currency)

    assert Price({"amount": typed}).errors["amount"] == [problem]
