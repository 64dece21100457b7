from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from catalog.models import Variant
from orders import carts, checkout, shipping
from orders.forms import AddForm, LineForm


@require_GET
def cart(request):
    return _page(request, carts.current(request))


@require_POST
def add_to_cart(request):
    form = AddForm(request.POST)
    if not form.is_valid():
        for error in form.errors.get("quantity", ["That product could not be found."]):
            messages.error(request, error)
        return redirect(_product_url(request.POST.get("variant", "")))
    cart = carts.open_for(request)
    try:
        line, missing = carts.add(
            cart, form.cleaned_data["variant"], form.cleaned_data["quantity"]
        )
    except carts.NotForSale:
        messages.error(request, "That product is not for sale any more.")
        return carts.remember(request, redirect("orders:cart"))
    if missing:
        messages.warning(
            request,
            f"{line.variant}: you have {line.quantity} now, and more cannot be added.",
        )
    else:
        messages.success(request, f"Added: {line.variant}.")
    return carts.remember(request, redirect("orders:cart"))


@require_POST
def change_cart(request):
    """Set a line's quantity or remove it; with htmx the lines are swapped, else the page reloads."""
    cart = carts.current(request)
    form = LineForm(request.POST)
    if not form.is_valid():
        return _page(request, cart, bad_line=form, status=422)
    sku, quantity = form.cleaned_data["variant"], form.cleaned_data["quantity"]
    removed = None
    if cart:
        before = (
            cart.lines.select_related("variant__product")
            .filter(variant__sku=sku)
            .first()
        )
        carts.change(cart, sku, quantity)
        removed = before if quantity == 0 else None
    if request.htmx:
        return _page(request, cart, removed=removed)
    # One page view later the offer to undo is gone: the message is read once.
    if removed:
        messages.info(
            request,
            f"Removed: {removed.variant}.",
            extra_tags=f"undo {removed.variant.sku} {removed.quantity}",
        )
    return redirect("orders:cart")


def _page(request, cart, *, bad_line=None, removed=None, status=200):
    contents = carts.contents(cart)
    user = request.user if request.user.is_authenticated else None
    context = {
        "contents": contents,
        "totals": _estimate(contents, user),
        "bad_line": bad_line,
        "removed": removed,
        "currency": settings.SHOP_CURRENCY,
        "cart_count": contents.count,
    }
    template = "orders/cart.html#contents" if request.htmx else "orders/cart.html"
    return render(request, template, context, status=status)


def _estimate(contents, user):
    """What the order would cost sent to the shop's first zone, before any balance is used."""
    if not contents.buyable:
        return None
    country = shipping.usual_country()
    return checkout.quote(contents, user, country, balance=0) if country else None


def _product_url(sku):
    variant = Variant.objects.select_related("product").filter(sku=sku[:40]).first()
    return variant.get_absolute_url() if variant else reverse("orders:cart")
