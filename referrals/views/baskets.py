"""A shared cart: the member passes it on, the friend looks it over and takes it."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from orders import carts
from referrals import baskets, links
from referrals.views.links import NO_OFFER, SLOWER, TOO_MANY
from shop.kit import limits


@require_POST
@login_required
def share_basket(request):
    if not limits.allow(
        "own-links", f"user:{request.user.pk}", limit=40, seconds=86_400
    ):
        messages.warning(request, SLOWER)
        return redirect("orders:cart")
    try:
        baskets.share(request.user, carts.current(request))
    except baskets.Empty:
        messages.warning(request, "There is nothing in your cart to share.")
    except links.TooMany:
        messages.warning(request, TOO_MANY)
    except links.NoOffer:
        messages.warning(request, NO_OFFER)
    else:
        messages.success(request, "Here is a link to a copy of your cart.")
        return redirect("referrals:links")
    return redirect("orders:cart")


@require_http_methods(["GET", "HEAD", "POST"])
def basket(request, token):
    """Look it over on GET; a POST puts what there is into one's own cart."""
    shared = baskets.read(token)
    if shared is None:
        raise Http404
    if request.method != "POST":
        context = {"contents": shared, "currency": settings.SHOP_CURRENCY}
        return render(request, "referrals/basket.html", context)
    cart = carts.open_for(request)
    if baskets.put_into(cart, shared):
        messages.info(request, "Of some things there was less than your friend chose.")
    return carts.remember(request, redirect("orders:cart"))
