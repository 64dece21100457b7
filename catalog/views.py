"""Browsing: categories, products, search. No page here writes anything itself."""

from itertools import accumulate

from django.conf import settings
from django.db.models import Q, prefetch_related_objects
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from catalog import choices, listings, signals
from catalog import search as finder
from catalog.models import Category, Product

LONGEST_PATH = Category._meta.get_field("path").max_length


@require_safe
def new(request):
    listing = listings.open_listing(Product.objects.live(), request.GET)
    return _listing(
        request, listing, title="New", lead="Everything in the shop, newest first."
    )


@require_safe
def category(request, path):
    if len(path) > LONGEST_PATH:
        raise Http404
    # This branch, those above it and those right below it, in one query.
    ways = list(accumulate(path.split("/"), "{}/{}".format))
    family = Category.objects.shown().filter(Q(path__in=ways) | Q(parent__path=path))
    branches = {branch.path: branch for branch in family}
    if path not in branches:
        raise Http404
    current = branches[path]
    listing = listings.open_listing(Product.objects.live().below(path), request.GET)
    return _listing(
        request,
        listing,
        category=current,
        title=current.name,
        lead=current.description,
        crumbs=[branches[way] for way in ways[:-1]],
        children=[branch for branch in family if branch.parent_id == current.pk],
    )


@require_safe
def search(request):
    query = request.GET.get("q", "").strip()[: finder.LONGEST_QUERY]
    if not finder.words(query):
        return redirect("catalog:new")
    if variant := finder.by_sku(query):
        return redirect(variant)
    listing = listings.open_listing(finder.find(query), request.GET, words=query)
    if not listing.count:
        return render(
            request,
            "catalog/search_empty.html",
            {
                "query": query,
                "suggestion": finder.suggest(query),
                "popular": listings.popular(),
            },
        )
    return _listing(request, listing, title=f"“{query}”", words=query, noindex=True)


# Else a cache between us could hand a part of the page to somebody who wants it whole.
@vary_on_headers("HX-Request", "HX-History-Restore-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def product(request, slug):
    """A product with one variant chosen. A POST, without JavaScript, chooses anew."""
    page = get_object_or_404(Product.objects.select_related("category"), slug=slug)
    if not page.is_live and not request.user.is_staff:
        if page.status == Product.Status.ARCHIVED:
            return render(request, "404.html", status=410)
        raise Http404
    # Going back, htmx asks for the page whole.
    is_exchange = request.htmx and not request.htmx.history_restore_request
    related = [] if is_exchange else listings.related(page)
    prefetch_related_objects([page, *related], Product.for_sale_prefetch())

    asked = request.POST if request.method == "POST" else request.GET
    if choices.is_asked(asked):
        chosen = choices.resolve(page, asked)
        if chosen and not is_exchange:
            return redirect(f"{page.get_absolute_url()}?v={chosen.sku}")
    elif sku := request.GET.get("v"):
        chosen = next(
            (variant for variant in page.for_sale if variant.sku == sku), None
        )
        if not chosen:
            raise Http404
    else:
        chosen = choices.preselect(page.for_sale)

    pictures = _gallery(page, chosen)
    context = {
        "product": page,
        "chosen": chosen,
        "choices": choices.picker(page, chosen) if chosen else [],
        "pictures": pictures,
        # What a chat shows: the product, or the colour that was asked for.
        "cover": next(iter(pictures if "v" in request.GET else page.pictures), None),
        "related": related,
        "is_exchange": is_exchange,
        "quantity": _quantity(asked, chosen),
        "most": min(settings.MAX_PER_LINE, chosen.stock) if chosen else 0,
        "canonical_url": settings.SITE_URL + page.get_absolute_url(),
    }
    if not is_exchange:
        signals.product_viewed.send_robust(None, request=request, product_id=page.pk)
        return render(request, "catalog/product.html", context)
    response = render(request, "catalog/product.html#product", context)
    response["HX-Push-Url"] = (
        f"{page.get_absolute_url()}?v={chosen.sku}" if chosen else "false"
    )
    return response


def _listing(request, listing, **context):
    number = listing.page.number
    page = f"?page={number}" if number > 1 else ""
    context = {"canonical_url": f"{settings.SITE_URL}{request.path}{page}"} | context
    return render(request, "catalog/listing.html", context | {"listing": listing})


def _gallery(page, chosen):
    """Pictures of the chosen colour, its own first; all of them when there are none."""
    pictures = page.pictures
    if not chosen:
        return pictures
    own = [p for p in pictures if p.variant == chosen.pk]
    # One picture serves every size of a colour.
    alike = [p for p in pictures if choices.look_alike(page, p.variant, chosen.pk)]
    of_none = [p for p in pictures if p.variant is None]
    alike = [p for p in alike if p not in own]
    return [*own, *alike, *of_none] or pictures


def _quantity(data, chosen):
    text = data.get("quantity", "")
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 1
    return max(1, min(wanted, settings.MAX_PER_LINE, chosen.stock if chosen else 1))
