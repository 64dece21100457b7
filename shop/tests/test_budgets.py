"""What the pages of a friend cost: signed in, invited, a full cart, a cookie, no cache.

A named step is written at its first look in a minute: one statement on a product and at
checkout. Some pages cost more than the goal of `docs/budgets.md`: lower these figures,
never raise them.
"""

import pytest
from django.core.cache import cache

from catalog.tests.factories import make_category, make_product
from orders.tests.factories import give, make_cart, make_zone
from referrals import links
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    make_visit,
    make_visitor,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def friend(client):
    """Ben: brought by Anna, with nine lines in his cart, balance, and friends."""
    make_zone()
    lighting = make_category("Lighting", slug="lighting")
    lamps = [
        make_product(f"Lamp {number}", category=lighting, slug=f"lamp-{number}")
        for number in range(9)
    ]
    attribution = make_attribution()
    ben = attribution.invitee
    give(ben, 1500)
    make_cart(ben, {lamp.variants.get(): 1 for lamp in lamps})
    links.default_link(ben)
    for _ in range(3):
        other = make_attribution(ben, make_member(days_ago=0))
        make_order(other.invitee)
    visitor = make_visitor(client, user=ben)
    make_visit(visitor, attribution.link)
    client.force_login(ben)
    client.get("/")  # the cookie's first pages are written down once
    client.get("/cart/")
    return ben


def cost(client, path, *, warm):
    cache.clear()
    if warm:
        client.get(path)
    with counted() as asked:
        assert client.get(path).status_code == 200
    return asked.own


@pytest.mark.parametrize(
    ("path", "cold", "warm"),
    [
        ("/", 8, 6),
        ("/c/lighting/", 8, 7),
        ("/p/lamp-1/", 8, 6),
        ("/search/?q=lamp", 8, 7),
        ("/cart/", 8, 7),
        ("/checkout/", 12, 11),
        ("/account/", 8, 6),
        ("/account/orders/", 5, 4),
        ("/account/invite/", 8, 6),
        ("/account/invite/links/", 9, 7),
        ("/account/balance/", 9, 7),
    ],
)
def test_a_page_of_a_friend_costs_no_more_than_it_does_today(
    client, friend, path, cold, warm
):
    first, then = (cost(client, path, warm=known) for known in (False, True))

    assert len(first) <= cold, first
    assert len(then) <= warm, then
