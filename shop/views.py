"""The pages of no app: home, words about the shop, what robots read, errors."""

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from catalog.models import Product

PAGES = {"delivery", "returns", "contact", "terms", "privacy", "imprint"}
NEW_ON_HOME = 5
EVENING = "lighting"  # the branch of "For the end of the day", absent without it
EVENING_ON_HOME = 4


@require_safe
def home(request):
    live = Product.objects.live().defer("description", "care", "specs", "search_text")
    new = list(live.order_by("-published_at", "-pk")[:NEW_ON_HOME])
    evening = list(live.below(EVENING).order_by("-units_sold", "pk")[:EVENING_ON_HOME])
    prefetch_related_objects([*new, *evening], Product.for_sale_prefetch())
    context = {
        "new": new,
        "evening": evening,
        "evening_path": EVENING,
        "canonical_url": settings.SITE_URL + "/",
    }
    return render(request, "shop/home.html", context)


@require_safe
def page(request, slug):
    if slug not in PAGES:
        raise Http404
    context = {"canonical_url": settings.SITE_URL + request.path}
    return render(request, f"shop/pages/{slug}.html", context)


@require_safe
@cache_control(max_age=3600)
def robots(request):
    return render(request, "shop/robots.txt", content_type="text/plain")


@require_safe
@cache_control(max_age=86400)
def favicon(request):
    return redirect(static("img/mark.png"))


def bad_request(request, exception=None):
    return HttpResponse(render_to_string("400.html"), status=400)


def forbidden(request, exception=None):
    return render(request, "403.html", status=403)


def not_found(request, exception=None):
    return render(request, "404.html", status=404)


def server_error(request):
    return HttpResponse(render_to_string("500.html"), status=500)


def csrf_failure(request, reason=""):
    return render(request, "403_csrf.html", status=403)
