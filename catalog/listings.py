"""From a query string to a page of products; nonsense in it falls back silently."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import QueryDict

from catalog.models import Product

PER_PAGE = 12
RELATED = 4

# Every order ends in the primary key, so that pages neither repeat nor skip a product.
_ORDERS = {
    "relevance": ("Best match", ["found_at", "-units_sold", "pk"]),
    "newest": ("Newest first", ["-published_at", "-pk"]),
    "price": ("Price, low to high", ["lowest_amount", "pk"]),
    "-price": ("Price, high to low", ["-lowest_amount", "-pk"]),
    "best": ("Best selling", ["-units_sold", "pk"]),
}


@dataclass(frozen=True)
class Listing:
    page: Page
    sort: str
    sorts: list[tuple[str, str]]
    query: str  # what page links keep: "sort=price&"

    @property
    def count(self) -> int:
        return self.page.paginator.count


def open_listing(
    products: QuerySet[Product], params: QueryDict, *, words: str = ""
) -> Listing:
    """One page of `products`. With `words`, from a search, relevance is an order."""
    names = [name for name in _ORDERS if words or name != "relevance"]
    sort = params.get("sort")
    if sort not in names:
        sort = names[0]
    ordered = products.order_by(*_ORDERS[sort][1])
    page = Paginator(ordered.for_cards(), PER_PAGE).get_page(params.get("page"))
    kept = ({"q": words} if words else {}) | (
        {"sort": sort} if sort != names[0] else {}
    )
    return Listing(
        page=page,
        sort=sort,
        sorts=[(name, _ORDERS[name][0]) for name in names],
        query=urlencode(kept) + "&" if kept else "",
    )


def related(product: Product) -> list[Product]:
    """Up to four best sellers in stock: of its category, then of those beside it."""
    others = Product.objects.live().in_stock().exclude(pk=product.pk)
    others = others.order_by("-units_sold", "pk").defer(
        "description", "care", "specs", "search_text"
    )
    found = list(others.filter(category=product.category)[:RELATED])
    if len(found) < RELATED and product.category.parent_id:
        siblings = others.filter(category__parent=product.category.parent_id)
        found += siblings.exclude(category=product.category)[: RELATED - len(found)]
    return found


def popular(count: int = RELATED) -> QuerySet[Product]:
    return Product.objects.live().order_by("-units_sold", "pk").for_cards()[:count]


def newest(count: int) -> QuerySet[Product]:
    return Product.objects.live().order_by("-published_at", "-pk").for_cards()[:count]
