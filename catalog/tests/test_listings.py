from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.tests.factories import make_category, make_product

pytestmark = pytest.mark.django_db


def names(response):
    return [product.name for product in response.context["listing"].page]


def test_a_category_lists_its_products_and_those_of_its_branches(client):
    kitchen = make_category("Kitchen")
    cups = make_category("Cups", parent=kitchen)
    make_product("Dune Mug", category=cups)
    make_product("Plinth Board", category=kitchen)
    make_product("Moon Lamp")

    response = client.get(kitchen.get_absolute_url())

    assert sorted(names(response)) == ["Dune Mug", "Plinth Board"]
    assert cups.get_absolute_url() in response.content.decode()


def test_an_unknown_category_is_not_found(client):
    assert client.get("/c/nowhere/").status_code == 404
    assert client.get("/c/a//b/").status_code == 404
    assert client.get("/c/" + "a/" * 5000).status_code == 404


def test_a_hidden_category_hides_itself_and_everything_below(client):
    hidden = make_category("Cellar", is_visible=False)
    below = make_category("Wine", parent=hidden)
    lamp = make_product("Red", category=below)

    assert client.get(hidden.get_absolute_url()).status_code == 404
    assert client.get(below.get_absolute_url()).status_code == 404
    assert client.get(lamp.get_absolute_url()).status_code == 404
    assert names(client.get("/new/")) == []


def test_drafts_scheduled_archived_and_unpriced_products_are_not_listed(client):
    make_product("Draft", status="draft")
    make_product("Later", published_at=timezone.now() + timedelta(days=1))
    make_product("Gone", status="archived")
    make_product("No price", variants=[])
    make_product("Live")

    assert names(client.get("/new/")) == ["Live"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("newest", ["C", "B", "A"]),
        ("price", ["B", "A", "C"]),
        ("-price", ["C", "A", "B"]),
        ("best", ["A", "C", "B"]),
        ("garbage", ["C", "B", "A"]),
        ("relevance", ["C", "B", "A"]),
    ],
)
def test_a_listing_is_sorted_as_asked_and_nonsense_falls_back(client, sort, order):
    now = timezone.now()
    for days, (name, amount, sold) in enumerate(
        [("A", 200, 9), ("B", 100, 1), ("C", 300, 5)]
    ):
        make_product(
            name,
            amount=amount,
            units_sold=sold,
            published_at=now - timedelta(days=10 - days),
        )

    assert names(client.get("/new/", {"sort": sort})) == order


def test_pages_neither_repeat_nor_skip_when_everything_is_equal(client):
    moment = timezone.now()
    category = make_category()
    for number in range(30):
        make_product(f"P{number}", category=category, published_at=moment, amount=100)

    for sort in ("newest", "price", "-price", "best"):
        seen = [
            name
            for page in (1, 2, 3)
            for name in names(client.get("/new/", {"sort": sort, "page": page}))
        ]
        assert len(seen) == len(set(seen)) == 30


@pytest.mark.parametrize(
    ("page", "number"),
    [("0", 2), ("abc", 1), ("99999", 2), ("-3", 2), ("", 1), ("9" * 5000, 1), ("²", 1)],
)
def test_a_page_that_does_not_exist_becomes_the_first_or_the_last(client, page, number):
    category = make_category()
    for count in range(13):
        make_product(f"P{count}", category=category)

    response = client.get("/new/", {"page": page})

    assert response.status_code == 200
    assert response.context["listing"].page.number == number


def test_page_links_say_where_they_lead_and_keep_the_order(client):
    category = make_category()
    for count in range(25):
        make_product(f"P{count}", category=category)

    page = client.get(category.get_absolute_url(), {"page": 2, "sort": "price"})
    html = page.content.decode()

    assert 'href="?sort=price&amp;page=1" rel="prev"' in html
    assert 'href="?sort=price&amp;page=3" rel="next"' in html


@pytest.mark.parametrize(
    "query",
    [
        "sort[]=price",
        "page[]=2",
        "page=1&page=x",
        "q=%F0%9F%92%A1",
        "sort=" + "x" * 100_000,
    ],
)
def test_nothing_in_the_query_string_breaks_a_page(client, query):
    product = make_product()
    pages = [
        "/",
        "/new/",
        product.category.get_absolute_url(),
        product.get_absolute_url(),
    ]

    for path in [*pages, "/search/"]:
        assert client.get(f"{path}?{query}").status_code in (200, 302)


def test_nul_bytes_are_refused_as_a_bad_request(client):
    make_product()

    for path in ("/new/?sort=%00", "/search/?q=%00", "/p/x/?v=%00", "/c/%00/"):
        assert client.get(path).status_code in (400, 404)


def test_a_card_tells_the_price_the_stock_and_the_news(client):
    make_product("Sold", stock=0)
    make_product(
        "Ranges",
        options={"Size": ["S", "L"]},
        variants=[{"values": ["S"], "amount": 1000}, {"values": ["L"], "amount": 2050}],
        published_at=timezone.now() - timedelta(days=100),
    )
    make_product("Cheaper", variants=[{"amount": 800, "compare_at_amount": 1200}])

    html = client.get("/new/").content.decode()

    assert "Sold out" in html
    assert "From $10" in html
    assert "S or L" in html
    assert '<del><span class="visually-hidden">was </span>$12</del>' in html
    cards = {p.name: p.card for p in client.get("/new/").context["listing"].page}
    assert cards["Cheaper"].is_new
    assert not cards["Ranges"].is_new


def test_an_empty_branch_says_so(client):
    branch = make_category("Stools")

    assert (
        "This shelf is empty." in client.get(branch.get_absolute_url()).content.decode()
    )
