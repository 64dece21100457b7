"""Put what stands in `catalogue.json` and `images/` into the shop.

Its prices are US cents; a shop in another currency asks about as much.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from catalog import categories, images, products, stock
from catalog.models import Category, OptionValue, Product, ProductImage, Variant
from shop.kit.currencies import about

HERE = Path(__file__).resolve().parent
FOLDER = "products/demo"

# What a swatch shows. Sets of several tones, such as Kiln, have no single colour.
COLOURS = {
    "Blush": "#CF9A84",
    "Chalk": "#F1ECE2",
    "Charcoal": "#2C2C2E",
    "Clay": "#B4633F",
    "Forest": "#26402F",
    "Harbour": "#45667C",
    "Ink": "#25344C",
    "Mist": "#A9BDC4",
    "Moss": "#54563A",
    "Oat": "#DFCFB4",
    "Ochre": "#C98A2E",
    "Rust": "#A8482C",
    "Sage": "#8A967C",
    "Slate": "#5A626B",
}
# The newest first; what is not named here is older, in the order of the file.
NEWEST = [
    "tern-teapot",
    "attic-radio",
    "column-pen-cup",
    "halo-vase",
    "margin-notebook",
    "still-carafe",
    "lantern-paper-lamp",
    "pallet-stacking-boxes",
]
# What sells best, best first.
BEST_SELLING = [
    "dune-mug",
    "tern-teapot",
    "still-carafe",
    "tidal-bowl",
    "margin-notebook",
    "moon-globe-lamp",
    "vesper-candle-holder",
    "lantern-paper-lamp",
    "still-room-candle",
    "dome-table-lamp",
]
FIRST_AGE, AGE_STEP = timedelta(days=2), timedelta(days=5)


def load(say: Callable[[str], None]) -> None:
    """Put in what is missing, but for the files of the pictures: see `pictures`.

    Safe to repeat; what staff changed is left alone.
    """
    goods = _read()
    present = set(Variant.objects.values_list("sku", flat=True))
    missing = [
        product
        for product in goods["products"]
        if not present.issuperset(variant["sku"] for variant in product["variants"])
    ]
    if not missing:
        return
    say(f"Putting {len(missing)} products on the shelves …")
    branches = _load_categories(goods["categories"])
    for product in missing:
        with transaction.atomic():
            _load_product(product, branches[product["category"]], goods["products"])
    categories.forget_departments()


@cache
def _read() -> dict:
    return json.loads((HERE / "catalogue.json").read_text(encoding="utf-8"))


@contextmanager
def pictures(say: Callable[[str], None]) -> Iterator[None]:
    """Masters and renditions, so that the first visitor finds them ready.

    They are made beside what is done meanwhile; the rest of the time goes by at the
    end. Safe to repeat and to interrupt.
    """
    products = _read()["products"]
    files = [image["file"] for product in products for image in product["images"]]
    missing = [file for file in files if not _is_written(file)]
    if missing:
        say(f"Making {len(missing)} pictures in several sizes …")
    hands = ThreadPoolExecutor(2)
    try:
        written = [hands.submit(_write_picture, file) for file in missing]
        yield
        for each in written:
            each.result()
    finally:
        hands.shutdown(cancel_futures=True)


def _write_picture(file):
    name = _stored(file)
    if not default_storage.exists(name):
        master = HERE / "images" / file
        default_storage.save(name, ContentFile(master.read_bytes()))
    images.write_renditions(name)


def _is_written(file_name) -> bool:
    first = images.rendition_name(_stored(file_name), images.WIDTHS[0])
    return default_storage.exists(first)


def _stored(file_name) -> str:
    return f"{FOLDER}/{file_name}"


def _load_categories(rows) -> dict[str, Category]:
    branches = {}
    for position, row in enumerate(rows):
        parent = branches.get(row["parent"])
        path = f"{parent.path}/{row['slug']}" if parent else row["slug"]
        branch = Category.objects.filter(path=path).first()
        if not branch:
            branch = Category(
                parent=parent,
                slug=row["slug"],
                name=row["name"],
                description=row["description"],
                position=position,
            )
            categories.plant(branch)
        branches[row["slug"]] = branch
    return branches


def _load_product(row, category, everything) -> None:
    age = _place(row["slug"], NEWEST, everything)
    rank = _place(row["slug"], BEST_SELLING, everything)
    product, _ = Product.objects.get_or_create(
        slug=row["slug"],
        defaults={
            "category": category,
            "name": row["name"],
            "summary": row["short_description"],
            "description": row["description"],
            "specs": _specs(row),
            "care": row["care"],
            "status": Product.Status.LIVE,
            "published_at": timezone.now() - FIRST_AGE - AGE_STEP * age,
            "units_sold": 1200 // (rank + 2),
        },
    )
    variants = {}
    for position, wanted in enumerate(row["variants"]):
        variant, is_new = Variant.objects.get_or_create(
            sku=wanted["sku"],
            defaults={
                "product": product,
                "name": ", ".join(wanted["options"].values()),
                "amount": about(wanted["price"], settings.SHOP_CURRENCY),
                "compare_at_amount": _compare_at(row, wanted),
                "weight_grams": row["weight_grams"],
                "position": position,
            },
        )
        variants[wanted["name"]] = variant
        if is_new:
            variant.values.set(_values(product, wanted["options"]))
            if wanted["stock"]:
                cause = f"demo:{variant.sku}"
                stock.correct(
                    variant, wanted["stock"], cause=cause, reason="First count"
                )
    for position, picture in enumerate(row["images"]):
        _load_picture(product, variants, position, picture)
    products.refresh(product)


def _place(slug, first, everything) -> int:
    others = [row["slug"] for row in everything if row["slug"] not in first]
    return [*first, *others].index(slug)


def _specs(row) -> dict[str, str]:
    sizes = {
        f"Size, {variant['options']['Size'].lower()}": variant["dimensions"]
        for variant in row["variants"]
        if "dimensions" in variant
    }
    if sizes:
        return {"Materials": row["materials"], **sizes}
    grams = row["weight_grams"]
    weight = f"{grams / 1000:.3g} kg" if grams >= 1000 else f"{grams} g"
    return {
        "Materials": row["materials"],
        "Size": row["dimensions"],
        "Weight": weight,
    }


def _compare_at(row, variant) -> int | None:
    before = row.get("compare_at")
    if not before or before <= variant["price"]:
        return None
    return about(before, settings.SHOP_CURRENCY)


def _values(product, options) -> list[OptionValue]:
    values = []
    for place, (name, answer) in enumerate(options.items()):
        option, _ = product.options.get_or_create(
            slug=slugify(name), defaults={"name": name, "position": place}
        )
        value, _ = option.values.get_or_create(
            slug=slugify(answer),
            defaults={
                "name": answer,
                "colour": COLOURS.get(answer, "") if name == "Colour" else "",
                "position": option.values.count(),
            },
        )
        values.append(value)
    return values


def _load_picture(product, variants, position, picture) -> None:
    name = _stored(picture["file"])
    with (HERE / "images" / picture["file"]).open("rb") as file:
        width, height = images.measure(file)
    # A picture shows a colour; where there are sizes, it belongs to the first.
    shown = next(
        (
            variant
            for variant_name, variant in variants.items()
            if variant_name.split(" / ")[0] == picture["variant"]
        ),
        None,
    )
    ProductImage.objects.get_or_create(
        product=product,
        file=name,
        defaults={
            "variant": shown,
            "width": width,
            "height": height,
            "renditions": [each for each in images.WIDTHS if each < width],
            "alt": picture["alt"],
            "position": position,
        },
    )
