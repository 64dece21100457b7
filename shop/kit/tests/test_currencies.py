import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kit import currencies

codes = pytest.mark.parametrize("currency", sorted(currencies.SUPPORTED))


def test_a_currency_we_cannot_charge_is_refused():
    with pytest.raises(ValueError, match="XXX"):
        currencies.exponent("XXX")


@codes
def test_every_currency_has_its_figures(currency):
    step = currencies.step(currency)

    assert currencies.exponent(currency) in (0, 2, 3)
    assert 0 < currencies.minimum_charge(currency) < currencies.MAXIMUM_CHARGE
    assert currencies.minimum_charge(currency) % step == 0


@codes
@given(cents=st.integers(100, 100_000))
def test_a_rough_amount_is_in_whole_steps_and_near(currency, cents):
    dollar = currencies.about(100, currency)

    amount = currencies.about(cents, currency)

    assert amount % currencies.step(currency) == 0
    assert abs(amount - cents * dollar // 100) <= max(
        currencies.step(currency), amount // 100
    )


@pytest.mark.parametrize(
    ("currency", "gift"),
    [("USD", 500), ("JPY", 750), ("KWD", 1500), ("ISK", 70_000), ("UGX", 2_000_000)],
)
def test_a_gift_of_about_five_dollars(currency, gift):
    assert currencies.about(500, currency) == gift
