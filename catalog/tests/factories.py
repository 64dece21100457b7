"""A category, a product, a variant: whole, for sale, in stock unless told otherwise."""

from itertools import count

from django.utils import timezone
from django.utils.text import slugify

from catalog import categories, products, stock
from catalog.models import Category, Product, ProductImage, Variant

_numbers = count(1)


def make_category(name="Lighting", *, parent=None, slug=None, **fields) -> Category:
    category = Category(
        name=name,
        parent=parent,
        slug=slug or f"{slugify(name)}-{next(_numbers)}",
        **fields,
    )
    categories.plant(category)
    return category


def make_product(
    name="Moon Globe Lamp",
    *,
    amount=5000,
    stock=10,
    variants=None,
    options=None,
    category=None,
    images=0,
    **fields,
) -> Product:
    """A live product. Its one variant has `amount` and `stock`.

    `options={"Colour": ["Sage", "Clay"]}` with
    `variants=[{"values": ["Sage"], "stock": 0}, …]` makes several; a variant takes
    whatever `make_variant` takes.
    """
    fields = {
        "slug": f"{slugify(name)}-{next(_numbers)}",
        "status": Product.Status.LIVE,
        "published_at": timezone.now(),
        **fields,
    }
    product = Product.objects.create(
        name=name, category=category or make_category(), **fields
    )
    values = {}
    for place, (option_name, names) in enumerate((options or {}).items()):
        option = product.options.create(
            name=option_name, slug=slugify(option_name), position=place
        )
        for position, value in enumerate(names):
            values[value] = option.values.create(
                name=value, slug=slugify(value), position=position
            )
    for position, wishes in enumerate([{}] if variants is None else variants):
        wishes = {"amount": amount, "stock": stock, "position": position, **wishes}
        chosen = wishes.pop("values", [])
        wishes.setdefault("name", ", ".join(chosen))
        variant = make_variant(product, refresh=False, **wishes)
        variant.values.set([values[value] for value in chosen])
    for position in range(images):
        make_image(product, position=position, refresh=False)
    products.refresh(product)
    return product


def make_variant(
    product=None, *, sku=None, amount=5000, stock=10, refresh=True, **fields
) -> Variant:
    """A variant with `stock` pieces, of a product of its own unless one is given."""
    if product is None:
        product = make_product(variants=[])
    variant = Variant.objects.create(
        product=product, sku=sku or f"SKU-{next(_numbers)}", amount=amount, **fields
    )
    put_on_shelf(variant, stock)
    if refresh:
        products.refresh(product)
    return variant


def put_on_shelf(variant: Variant, quantity: int) -> None:
    if quantity:
        stock.correct(
            variant, quantity, cause=f"test:{next(_numbers)}", reason="Counted"
        )
        variant.refresh_from_db()


def make_image(product, *, refresh=True, **fields) -> ProductImage:
    """A picture of which the database knows and the disk does not."""
    fields = {
        "file": f"products/test-{next(_numbers)}.webp",
        "width": 900,
        "height": 900,
        "alt": f"{product.name} on a table",
        **fields,
    }
    image = ProductImage.objects.create(product=product, **fields)
    if refresh:
        products.refresh(product)
    return image
