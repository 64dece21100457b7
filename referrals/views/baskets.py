"""A shared cart: the member picks and passes it on, the friend looks and takes it."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from orders import carts
from referrals import baskets, links
from referrals.forms import BasketForm
from referrals.views.links import NO_OFFER, SLOWER, TOO_MANY, may_make


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def share_basket(request):
    """Pick what to share and say a word on GET; a POST makes the link."""
    lines = carts.contents(carts.current(request)).buyable
    if not lines:
        messages.warning(request, "There is nothing in your cart to share.")
        return redirect("orders:cart")
    form = BasketForm(lines, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        status = 422 if form.errors else 200
        return render(
            request, "referrals/share_basket.html", {"form": form}, status=status
        )
    if not may_make(request):
        messages.warning(request, SLOWER)
        return redirect("orders:cart")
    try:
        link = baskets.share(request.user, lines, **form.cleaned_data)
    except links.TooMany:
        messages.warning(request, TOO_MANY)
    except links.NoOffer:
        messages.warning(request, NO_OFFER)
    else:
        messages.success(request, "Here is a link to a copy of your cart.")
        return redirect(f"{reverse('referrals:links')}#link-{link.pk}")
    return redirect("orders:cart")


@require_http_methods(["GET", "HEAD", "POST"])
def basket(request, token):
    """Look it over on GET; a POST puts what there is into one's own cart."""
    shared = baskets.read(token)
    if shared is None:
        messages.info(request, "This cart is not there any more.")
        return redirect("home")
    if request.method != "POST":
        context = {
            "contents": baskets.contents(shared),
            "note": shared.note,
            "currency": settings.SHOP_CURRENCY,
        }
        return render(request, "referrals/basket.html", context)
    cart = carts.open_for(request)
    if baskets.put_into(cart, shared):
        messages.info(request, "Of some things there was less than your friend chose.")
    return carts.remember(request, redirect("orders:cart"))
