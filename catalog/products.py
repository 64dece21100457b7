"""Keep what is derived from a product's parts true."""

from catalog.models import Category, OptionValue, Product
from catalog.search import fold
from shop.kit import jobs


def refresh(product: Product) -> None:
    """Bring `lowest_amount`, `search_text` and `looks` up to date. Safe to repeat.

    Call it after any change to texts, variants, options or pictures; stock needs none.
    """
    variants = list(product.variants.filter(is_active=True).prefetch_related("values"))
    product.lowest_amount = min((variant.amount for variant in variants), default=None)
    product.search_text = _search_text(product, variants)
    product.looks = {
        "pictures": [vars(image.picture) for image in product.images.all()],
        "options": _options(product, variants),
        "choices": {
            str(variant.pk): {
                str(value.option_id): value.pk for value in variant.values.all()
            }
            for variant in variants
        },
    }
    product.save(update_fields=["lowest_amount", "search_text", "looks"])


@jobs.job()
def refresh_branch(category_id: int) -> None:
    """A renamed category is part of what its products are found by."""
    path = (
        Category.objects.values_list("path", flat=True).filter(pk=category_id).first()
    )
    if path is None:
        return  # deleted since
    for product in Product.objects.filter(category__in=Category.objects.branch(path)):
        refresh(product)


def _search_text(product, variants):
    # The name comes first: `search.find` ranks by how early a word stands.
    parts = [
        product.name,
        *(name for name, _ in product.category.trail),
        product.category.name,
    ]
    parts += [product.summary, *map(str, product.specs.values())]
    parts += [text for variant in variants for text in (variant.name, variant.sku)]
    return fold("\n".join(dict.fromkeys(filter(None, parts))))


def _options(product, variants):
    """The options with the values that some variant has; others would disappoint."""
    used = {value.pk for variant in variants for value in variant.values.all()}
    values = OptionValue.objects.filter(pk__in=used).select_related("option")
    options = {}
    for value in values.order_by("option__position", "option_id", "position", "pk"):
        option = options.setdefault(
            value.option_id,
            {
                "id": value.option_id,
                "name": value.option.name,
                "slug": value.option.slug,
                "values": [],
            },
        )
        option["values"].append(
            {
                "id": value.pk,
                "name": value.name,
                "slug": value.slug,
                "colour": value.colour,
            }
        )
    return list(options.values())
