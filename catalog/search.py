"""Finding products by words; text is folded the same way on both sides."""

import difflib
import re
import unicodedata

from django.core.cache import cache
from django.db.models import QuerySet, Value
from django.db.models.functions import StrIndex

from catalog.models import Product, Variant

LONGEST_QUERY = 200
_MOST_WORDS = 8
_KNOWN_NAMES = 2_000
_NAMES_KEY = "catalog:names"
_NAMES_SECONDS = 300
# NFKD takes accents off; these letters have no accent to take off.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"})


def fold(text: str) -> str:
    """`Größe` and `GROSSE` become the same word."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return bare.casefold().translate(_LETTERS)


def words(query: str) -> list[str]:
    return re.findall(r"[\w-]*\w", fold(query[:LONGEST_QUERY]))[:_MOST_WORDS]


def find(query: str) -> QuerySet[Product]:
    """Live products that have every word, each with where the first one stands."""
    wanted = words(query)
    if not wanted:
        return Product.objects.none()
    found = Product.objects.live()
    for word in wanted:
        found = found.filter(search_text__contains=word)
    # The text starts with the name, so an early match is a match in the name.
    return found.annotate(found_at=StrIndex("search_text", Value(wanted[0])))


def by_sku(query: str) -> Variant | None:
    """The variant whose SKU was typed, in capitals or as it is stored."""
    sku = query.strip()
    if not sku or " " in sku or len(sku) > 40:
        return None
    return (
        Variant.objects.filter(
            sku__in={sku, sku.upper()},
            is_active=True,
            product__in=Product.objects.live(),
        )
        .select_related("product")
        .first()
    )


def suggest(query: str) -> str:
    """The query with unknown words corrected; empty when nothing is close."""
    names = _known_names()
    vocabulary = {word for name in names for word in words(name)}
    corrected = []
    for word in words(query):
        close = (
            [word]
            if word in vocabulary
            else difflib.get_close_matches(word, vocabulary, 1, 0.7)
        )
        if not close:
            return ""
        corrected += close
    if corrected == words(query):
        return ""
    leads_somewhere = any(all(word in name for word in corrected) for name in names)
    return " ".join(corrected) if leads_somewhere else ""


def _known_names() -> list[str]:
    def read():
        best = Product.objects.live().order_by("-units_sold", "pk")
        return [
            fold(name) for name in best.values_list("name", flat=True)[:_KNOWN_NAMES]
        ]

    return cache.get_or_set(_NAMES_KEY, read, _NAMES_SECONDS)
