import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from catalog import stock
from catalog.models import Category, Product, ProductImage, StockMovement, Variant
from catalog.tests.factories import make_category, make_product, make_variant
from catalog.tests.test_media import picture

pytestmark = pytest.mark.django_db
MODELS = [model for model in admin.site._registry if model._meta.app_label == "catalog"]


def address(model, action, *args):
    return reverse(f"admin:catalog_{model._meta.model_name}_{action}", args=args)


def variant_form(variant, **changes):
    return {
        "product": variant.product_id,
        "sku": variant.sku,
        "name": variant.name,
        "values": [],
        "amount": "50.00",
        "compare_at_amount": "",
        "counted": variant.stock,
        "initial-counted": variant.stock,
        "weight_grams": 0,
        "position": 0,
        "is_active": "on",
    } | changes


def category_form(category, **changes):
    return {
        "parent": category.parent_id or "",
        "name": category.name,
        "slug": category.slug,
        "description": "",
        "position": 0,
        "is_visible": "on",
    } | changes


@pytest.mark.parametrize("model", MODELS)
def test_every_list_costs_the_same_for_many_rows_as_for_few(admin_client, model):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert admin_client.get(address(model, "changelist")).status_code == 200
        return len(queries)

    def more(count):
        for _ in range(count):
            make_product(
                category=make_category(parent=make_category()),
                images=1,
                options={"Colour": ["Oat"]},
                variants=[{"values": ["Oat"]}],
            )

    more(1)
    few = cost()
    more(5)

    assert cost() <= few


@pytest.mark.parametrize("model", MODELS)
def test_every_list_can_be_searched_and_every_row_opened(admin_client, model):
    make_product(images=1, options={"Colour": ["Oat"]}, variants=[{"values": ["Oat"]}])

    row = model.objects.first()

    assert admin_client.get(address(model, "changelist"), {"q": "x"}).status_code == 200
    assert admin_client.get(address(model, "change", row.pk)).status_code == 200


def test_a_new_variant_gets_its_first_stock_as_a_movement(admin_client):
    product = make_product(variants=[])
    variant = Variant(product=product, sku="NEW-1")

    response = admin_client.post(
        address(Variant, "add"), variant_form(variant, amount="12.50", counted=7)
    )

    assert response.status_code == 302
    variant = Variant.objects.get(sku="NEW-1")
    assert (variant.amount, variant.stock) == (1250, 7)
    assert [m.quantity for m in variant.movements.all()] == [7]
    product.refresh_from_db()
    assert product.lowest_amount == 1250


def test_pieces_sold_while_staff_counted_stay_sold(admin_client):
    variant = make_variant(stock=10)
    seen = variant_form(variant, counted=12)
    stock.take({variant: 4}, cause="order:1:take", reason="Order")

    admin_client.post(address(Variant, "change", variant.pk), seen)

    variant.refresh_from_db()
    assert variant.stock == 8


def test_an_amount_before_must_be_higher(admin_client):
    variant = make_variant()

    response = admin_client.post(
        address(Variant, "change", variant.pk),
        variant_form(variant, compare_at_amount="40"),
    )

    assert "This must be higher than the amount." in response.content.decode()


def test_moving_a_category_under_itself_is_refused_with_a_sentence(admin_client):
    kitchen = make_category("Kitchen")
    cups = make_category("Cups", parent=kitchen)

    response = admin_client.post(
        address(Category, "change", kitchen.pk), category_form(kitchen, parent=cups.pk)
    )

    assert "A category cannot hang under itself." in response.content.decode()
    kitchen.refresh_from_db()
    assert kitchen.parent is None


def test_a_taken_address_is_refused_with_a_sentence(admin_client):
    make_category("Cups", slug="cups")
    other = make_category("Mugs", slug="mugs")

    response = admin_client.post(
        address(Category, "change", other.pk), category_form(other, slug="cups")
    )

    assert "Another category has this slug" in response.content.decode()


def test_hiding_a_category_in_the_admin_hides_its_branch(admin_client, client):
    kitchen = make_category("Kitchen")
    cups = make_category("Cups", parent=kitchen)

    form = category_form(kitchen)
    del form["is_visible"]
    admin_client.post(address(Category, "change", kitchen.pk), form)

    assert client.get(cups.get_absolute_url()).status_code == 404


def product_form(product, **changes):
    sets = {
        f"{prefix}-{part}": 0
        for prefix in ("options", "variants", "images")
        for part in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    return {
        "category": product.category_id,
        "name": product.name,
        "slug": product.slug,
        "summary": "",
        "description": "",
        "specs": "{}",
        "care": "",
        "status": product.status,
        "published_at_0": "2026-01-01",
        "published_at_1": "12:00:00",
        **sets,
    } | changes


def test_a_product_without_a_price_cannot_go_live(admin_client):
    product = make_product(variants=[], status=Product.Status.DRAFT)

    response = admin_client.post(
        address(Product, "change", product.pk), product_form(product, status="live")
    )

    assert "Give it a variant with an amount first" in response.content.decode()


def test_an_uploaded_picture_needs_words_and_gets_its_renditions(
    admin_client, run_jobs, tmp_path
):
    product = make_product()
    path = tmp_path / "a.jpg"
    path.write_bytes(picture(700, 500))

    def upload(alt):
        with path.open("rb") as file:
            changes = {"images-TOTAL_FORMS": 1, "images-0-file": file}
            changes |= {"images-0-alt": alt, "images-0-position": 0}
            return admin_client.post(
                address(Product, "change", product.pk), product_form(product, **changes)
            )

    assert upload("").status_code == 200
    assert not ProductImage.objects.exists()

    assert upload("A lamp").status_code == 302
    run_jobs()

    assert ProductImage.objects.get().renditions == [320, 640]
    product.refresh_from_db()
    assert product.pictures[0].renditions == [320, 640]


def test_nobody_writes_history_by_hand(admin_client):
    variant = make_variant()
    movement = StockMovement.objects.get(variant=variant)

    assert admin_client.get(address(StockMovement, "add")).status_code == 403
    delete = address(StockMovement, "delete", movement.pk)
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", [Product, Variant])
def test_a_list_of_a_large_catalogue_is_not_counted_to_its_end(admin_client, model):
    for _ in range(2):
        make_product(variants=[{"stock": 3}, {"stock": 4}])

    with CaptureQueriesContext(connection) as queries:
        page = admin_client.get(address(model, "changelist"))

    assert [q for q in queries if "LIMIT 10001" in q["sql"]]
    assert not [q for q in queries if "JOIN" in q["sql"] and "COUNT(" in q["sql"]]
    if model is Product:
        assert [row.pieces for row in page.context["cl"].result_list] == [7, 7]


def test_a_new_amount_is_said_beside_the_old_one(admin_client):
    """32.00 typed as 3.20 sells at once: whoever typed it should read it."""
    variant = make_variant(amount=3200)
    slip = variant_form(variant, amount="3.20")

    page = admin_client.post(
        address(Variant, "change", variant.pk), slip, follow=True
    ).content.decode()
    again = admin_client.post(
        address(Variant, "change", variant.pk), slip, follow=True
    ).content.decode()

    assert f"{variant.sku} costs $3.20, it was $32.00." in page
    assert "it was" not in again
