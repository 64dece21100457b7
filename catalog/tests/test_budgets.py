"""How many queries a page may cost, whatever the catalogue holds."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.tests.factories import make_category, make_product

pytestmark = pytest.mark.django_db

NOT_COUNTED = (
    "SAVEPOINT",
    "RELEASE",
    "BEGIN",
    "COMMIT",
    "django_session",
    "shop_cache",
)


def cost(client, path, *, warm=False):
    """Queries of one visit; `warm` when another visitor was there a moment ago."""
    cache.clear()
    if warm:
        client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(path).status_code == 200
    return len(
        [q for q in queries if not any(word in q["sql"] for word in NOT_COUNTED)]
    )


def stock_the_shop(category, count):
    for number in range(count):
        make_product(
            f"Lamp {number}",
            category=category,
            slug=f"{category.slug}-{number}",
            images=2,
            options={"Colour": ["Oat", "Ink"], "Size": ["S", "L"]},
            variants=[
                {"values": [colour, size]}
                for colour in ("Oat", "Ink")
                for size in ("S", "L")
            ],
        )


@pytest.mark.parametrize(
    ("path", "cold", "warm"),
    [
        ("/", 6, 6),
        ("/new/", 8, 4),
        ("/new/?page=2&sort=price", 8, 4),
        ("/c/lighting/", 8, 4),
        ("/c/lighting/table/", 8, 4),
        ("/p/table-1/", 8, 4),
        ("/search/?q=lamp", 8, 4),
        ("/search/?q=lempp", 8, 4),
    ],
)
def test_a_page_stays_within_its_budget_however_large_the_shop(
    client, path, cold, warm
):
    lighting = make_category("Lighting", slug="lighting")
    table = make_category("Table", slug="table", parent=lighting)
    stock_the_shop(table, 2)
    first = [cost(client, path), cost(client, path, warm=True)]

    for name in ("Floor", "Wall", "Ceiling"):
        stock_the_shop(make_category(name, parent=lighting), 3)
    stock_the_shop(make_category("More", parent=lighting), 6)
    then = [cost(client, path), cost(client, path, warm=True)]

    for counts in (first, then):
        assert counts[0] <= cold
        assert counts[1] <= warm
