import pytest

from orders import shipping
from orders.tests.factories import make_zone

pytestmark = pytest.mark.django_db


def test_a_country_is_reached_by_the_zone_it_lies_in():
    home = make_zone(["US"], position=0)
    everywhere = make_zone(["*"], position=1)

    assert shipping.method_for("US") == home
    assert shipping.method_for("NZ") == everywhere


def test_a_zone_that_names_a_country_beats_everywhere_else():
    make_zone(["*"], position=0)
    home = make_zone(["US"], position=1)

    assert shipping.method_for("US") == home


@pytest.mark.parametrize("country", ["FR", "XX", "", "us"])
def test_where_nobody_delivers_is_said(country):
    make_zone(["US", "DE"])

    with pytest.raises(shipping.NoDelivery):
        shipping.method_for(country)


@pytest.mark.parametrize("country", ["XX", "*", "ZZ"])
def test_everywhere_else_means_real_countries(country):
    make_zone(["US", "*"])

    with pytest.raises(shipping.NoDelivery):
        shipping.method_for(country)


@pytest.mark.parametrize(("goods", "cost"), [(4999, 500), (5000, 0), (5001, 0)])
def test_large_orders_travel_free(goods, cost):
    assert shipping.amount(make_zone(free_from_amount=5000), goods) == cost


def test_free_from_nothing_means_free():
    assert shipping.amount(make_zone(free_from_amount=0), 0) == 0


def test_countries_are_offered_in_the_order_of_their_names():
    make_zone(["US", "DE", "AT"])

    assert [name for _, name in shipping.countries()] == [
        "Austria",
        "Germany",
        "United States",
    ]
