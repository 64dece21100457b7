from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import ledger
from catalog.models import Variant
from orders import carts, checkout, shipping, signals
from orders.forms import AddForm, LineForm


@dataclass(frozen=True)
class Removed:
    """A line that was just taken out, and what it takes to put it back."""

    sentence: str
    sku: str
    quantity: int

    @property
    def tag(self) -> str:
        return f"undo {self.sku} {self.quantity}"


@never_cache
@require_safe
def cart(request):
    return _page(request, carts.current(request), removed=_just_removed(request))


@require_POST
def add_to_cart(request):
    form = AddForm(request.POST)
    if not form.is_valid():
        for error in form.errors.get("quantity", ["That product could not be found."]):
            messages.error(request, error)
        return redirect(_product_url(form.cleaned_data.get("variant", "")))
    cart = carts.open_for(request)
    try:
        line, missing = carts.add(
            cart, form.cleaned_data["variant"], form.cleaned_data["quantity"]
        )
    except carts.NotForSale:
        messages.error(request, "That product is not for sale any more.")
        return carts.remember(request, redirect("orders:cart"))
    sku = form.cleaned_data["variant"]
    signals.line_added.send_robust(None, request=request, sku=sku)
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
    """Set or remove a line; with htmx the lines are swapped, else the page reloads."""
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
        if before and quantity == 0:
            removed = Removed(f"Removed: {before.variant}.", sku, before.quantity)
    if request.htmx:
        return _page(request, cart, removed=removed)
    # One page view later the offer to undo is gone: the message is read once.
    if removed:
        messages.info(request, removed.sentence, extra_tags=removed.tag)
    return redirect("orders:cart")


def _just_removed(request):
    """What the last request removed, if its message has not been read yet."""
    for message in messages.get_messages(request):
        if (message.extra_tags or "").startswith("undo "):
            sku, quantity = message.extra_tags.removeprefix("undo ").rsplit(" ", 1)
            return Removed(message.message, sku, int(quantity))
    return None


def _page(request, cart, *, bad_line=None, removed=None, status=200):
    contents = carts.contents(cart)
    user = request.user if request.user.is_authenticated else None
    # The estimate has the gifts of a signed-in customer, and no balance yet.
    country, method = shipping.usual() if contents.buyable else ("", None)
    context = {
        "contents": contents,
        "totals": checkout.quote(contents, user, method, 0) if method else None,
        "country": shipping.country_in_words(country),
        "balance": ledger.balance(user, settings.SHOP_CURRENCY)
        if user and contents.buyable
        else 0,
        "bad_line": bad_line,
        "removed": removed,
        "currency": settings.SHOP_CURRENCY,
        "cart_count": contents.count,
    }
    template = "orders/cart.html#contents" if request.htmx else "orders/cart.html"
    return render(request, template, context, status=status)


def _product_url(sku):
    variant = Variant.objects.select_related("product").filter(sku=sku).first()
    return variant.get_absolute_url() if variant else reverse("orders:cart")
