from datetime import timedelta

import pytest
from django.utils import timezone

from catalog import choices, stock
from catalog.models import Product, Variant
from catalog.tests.factories import (
    make_category,
    make_image,
    make_product,
    make_variant,
)

pytestmark = pytest.mark.django_db


def make_bowl(**fields):
    """Oat and Sage; Sage is not made in large, Oat in medium is sold out."""
    return make_product(
        "Tidal Bowl",
        options={"Colour": ["Oat", "Sage"], "Size": ["Medium", "Large"]},
        variants=[
            {"values": ["Oat", "Medium"], "sku": "OAT-M", "stock": 0, "amount": 3200},
            {"values": ["Oat", "Large"], "sku": "OAT-L", "stock": 9, "amount": 4600},
            {"values": ["Sage", "Medium"], "sku": "SAGE-M", "stock": 3, "amount": 3200},
        ],
        **fields,
    )


def values(response):
    return {
        value.name: value
        for choice in response.context["choices"]
        for value in choice.values
    }


def test_the_first_variant_in_stock_is_chosen(client):
    response = client.get(make_bowl().get_absolute_url())

    assert response.context["chosen"].sku == "OAT-L"


def test_when_everything_is_sold_out_the_first_variant_is_shown(client):
    product = make_product(
        variants=[{"sku": "A", "stock": 0}, {"sku": "B", "stock": 0}]
    )

    response = client.get(product.get_absolute_url())

    assert response.context["chosen"].sku == "A"
    assert "Add to cart" not in response.content.decode()


def test_the_address_picks_the_variant(client):
    page = make_bowl().get_absolute_url()

    response = client.get(page, {"v": "SAGE-M"})

    html = response.content.decode()
    assert response.context["chosen"].sku == "SAGE-M"
    assert '<input type="hidden" name="variant" value="SAGE-M">' in html
    assert "3 left" in html


@pytest.mark.parametrize(
    "sku", ["nonsense", "1", "OTHER", "oat-m", "'; --", "x" * 5000]
)
def test_a_variant_that_does_not_belong_here_is_not_found(client, sku):
    make_product(variants=[{"sku": "OTHER"}])

    assert client.get(make_bowl().get_absolute_url(), {"v": sku}).status_code == 404


def test_a_variant_that_is_no_longer_for_sale_is_not_found(client):
    product = make_bowl()
    make_variant(product, sku="OLD", is_active=False)

    assert client.get(product.get_absolute_url(), {"v": "OLD"}).status_code == 404


def test_a_sold_out_combination_can_be_chosen_and_says_so(client):
    response = client.get(make_bowl().get_absolute_url(), {"v": "OAT-M"})

    html = response.content.decode()
    assert "Sold out." in html
    assert "Add to cart" not in html
    assert not values(response)["Medium"].is_disabled
    assert values(response)["Medium"].note == "sold out"


def test_a_combination_that_is_not_made_is_disabled(client):
    response = client.get(make_bowl().get_absolute_url(), {"v": "SAGE-M"})

    assert values(response)["Large"].is_disabled
    assert values(response)["Large"].note == "not made"
    assert not values(response)["Oat"].is_disabled


def test_every_variant_can_be_reached_by_choosing():
    product = make_bowl()
    product.for_sale = list(product.variants.all())

    for variant in product.for_sale:
        mine = choices._values_of(product, variant.pk)
        asked = {
            f"o_{option['slug']}": value["slug"]
            for option in product.looks["options"]
            for value in option["values"]
            if value["id"] == mine[option["id"]]
        }
        assert choices.resolve(product, asked) == variant


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_script_a_choice_leads_to_the_address_of_its_variant(client, method):
    page = make_bowl().get_absolute_url()

    response = getattr(client, method)(page, {"o_colour": "sage", "o_size": "medium"})

    assert (response.status_code, response["Location"]) == (302, f"{page}?v=SAGE-M")


def test_a_choice_that_is_not_made_leads_to_the_closest_one(client):
    page = make_bowl().get_absolute_url()

    response = client.get(page, {"o_colour": "sage", "o_size": "large"})

    assert response["Location"] == f"{page}?v=SAGE-M"


def test_a_nonsense_choice_leads_to_something_that_can_be_bought(client):
    page = make_bowl().get_absolute_url()

    response = client.get(page, {"o_colour": "plaid", "o_x": "y"})

    assert response["Location"] == f"{page}?v=OAT-L"


def test_with_script_only_the_product_is_exchanged_and_the_address_follows(client):
    page = make_bowl().get_absolute_url()

    response = client.get(
        page, {"o_colour": "sage", "o_size": "medium"}, headers={"HX-Request": "true"}
    )

    html = response.content.decode()
    assert response["HX-Push-Url"] == f"{page}?v=SAGE-M"
    assert "<html" not in html
    assert 'id="product"' in html
    assert 'hx-swap-oob="innerHTML">Sage, Medium, $32, 3 left' in html


def test_the_state_of_a_value_is_said_in_words(client):
    product = make_product(
        options={"Colour": ["Ink", "Clay", "Oat"]},
        variants=[
            {"values": ["Ink"], "stock": 0},
            {"values": ["Clay"], "stock": 2},
            {"values": ["Oat"], "stock": 50},
        ],
    )

    shown = values(client.get(product.get_absolute_url()))

    assert [shown[name].note for name in ("Ink", "Clay", "Oat")] == [
        "sold out",
        "2 left",
        "",
    ]


def test_low_stock_is_told_from_the_number_in_the_settings(client, settings):
    settings.LOW_STOCK_FROM = 2
    product = make_product(stock=3)
    assert "3 left" not in client.get(product.get_absolute_url()).content.decode()

    variant = product.variants.get()
    stock.take({variant: 1}, cause="order:1:take", reason="Order")

    assert "2 left" in client.get(product.get_absolute_url()).content.decode()


def test_a_price_change_is_on_the_page_at_once(client):
    product = make_product(amount=5000)
    client.get(product.get_absolute_url())

    Variant.objects.update(amount=4200)

    assert "$42" in client.get(product.get_absolute_url()).content.decode()
    assert "$42" in client.get("/new/").content.decode()


def test_the_pictures_of_the_chosen_colour_come_first_in_every_size(client):
    product = make_bowl()
    sage, oat = (product.variants.get(sku=sku) for sku in ("SAGE-M", "OAT-M"))
    make_image(product, variant=sage, alt="Sage bowl", position=0)
    make_image(product, variant=oat, alt="Oat bowl", position=1)
    make_image(product, alt="The table", position=2)

    response = client.get(product.get_absolute_url(), {"v": "OAT-L"})

    assert [p.alt for p in response.context["pictures"]] == ["Oat bowl", "The table"]


def test_pictures_have_sizes_and_words(client):
    product = make_product()
    make_image(product, alt='A "lamp" & shade', renditions=[320, 640])

    html = client.get(product.get_absolute_url()).content.decode()

    assert 'alt="A &quot;lamp&quot; &amp; shade"' in html
    assert 'width="900" height="900"' in html
    assert "-320.webp 320w" in html


def test_a_draft_is_for_staff_only(client, admin_client):
    draft = make_product(status="draft")

    assert client.get(draft.get_absolute_url()).status_code == 404
    response = admin_client.get(draft.get_absolute_url())
    assert response.status_code == 200
    assert "Only staff can see this page" in response.content.decode()


def test_a_scheduled_product_appears_in_its_time(client, time_machine):
    product = make_product(published_at=timezone.now() + timedelta(hours=1))
    assert client.get(product.get_absolute_url()).status_code == 404

    time_machine.move_to(timezone.now() + timedelta(hours=2))

    assert client.get(product.get_absolute_url()).status_code == 200


def test_an_archived_product_is_gone(client):
    product = make_product(status=Product.Status.ARCHIVED)

    assert client.get(product.get_absolute_url()).status_code == 410


def test_good_company_is_in_stock_nearby_and_absent_when_there_is_none(client):
    top = make_category("Kitchen")
    cups, pots = make_category("Cups", parent=top), make_category("Pots", parent=top)
    mug = make_product("Mug", category=cups)
    assert "Good company" not in client.get(mug.get_absolute_url()).content.decode()

    make_product("Cup", category=cups)
    make_product("Sold", category=cups, stock=0)
    make_product("Pot", category=pots)
    make_product("Lamp")

    related = client.get(mug.get_absolute_url()).context["related"]
    assert [product.name for product in related] == ["Cup", "Pot"]


def test_going_back_brings_the_whole_page(client):
    response = client.get(
        make_bowl().get_absolute_url(),
        {"v": "SAGE-M"},
        headers={"HX-Request": "true", "HX-History-Restore-Request": "true"},
    )

    assert "<html" in response.content.decode()


@pytest.mark.parametrize(
    ("asked", "sku"),
    [
        ({}, "OAT-L"),
        ({"o_colour": "oat", "o_size": "large"}, "OAT-L"),
        ({"o_colour": "sage", "o_size": "medium"}, "SAGE-M"),
        ({"o_colour": "oat", "o_size": "medium"}, "OAT-M"),
        ({"o_colour": "sage", "o_size": "large"}, ""),
    ],
)
def test_what_is_seen_chosen_is_what_goes_into_the_cart(asked, sku):
    make_bowl()

    assert choices.meant("OAT-L", asked) == sku


def test_a_sku_that_nobody_knows_means_itself():
    assert choices.meant("NOPE", {"o_colour": "sage"}) == "NOPE"


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_no_cache_takes_a_part_of_the_page_for_the_whole(client, headers):
    page = make_product().get_absolute_url()

    response = client.get(page, headers=headers)

    assert "HX-Request" in response["Vary"]
