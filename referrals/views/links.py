"""A member's links: make one, give it a code of one's own, renew, end and draw it."""

import io
from contextlib import suppress

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from catalog.models import Product
from referrals import (
    channel_figures,
    channels,
    codes,
    links,
    pictures,
    promises,
    reports,
    terms,
)
from referrals.channels import Channel
from referrals.forms import ItemForm, LabelForm, WishForm
from referrals.models import ReferralLink
from shop.kit import limits

TOO_MANY = f"You have {links.MOST} links, which is the most. End one to make room."
NOT_AVAILABLE = "This code is not available. Try another one."
NO_MORE_WISHES = (
    f"You have chosen {codes.MOST_WISHES} codes, which is the most. "
    "All of them go on working."
)
MOST_A_DAY = 40
SLOWER = (
    f"You have made and changed {MOST_A_DAY} links today, which is the most. "
    "Try again tomorrow."
)
NO_OFFER = "There are no invitations at the moment."

_A_DAY = {"limit": MOST_A_DAY, "seconds": 86_400}


class _TooFast(Exception):
    """More links were made and changed today than anybody needs."""


@never_cache
@require_GET
@login_required
def links_page(request):
    return _page(request)


@require_POST
@login_required
def add(request):
    form = LabelForm(request.POST)
    if not form.is_valid():
        return _page(request, label_form=form, status=422)
    if not may_make(request):
        messages.warning(request, SLOWER)
        return redirect("referrals:links")
    try:
        links.add(request.user, form.cleaned_data["label"])
    except links.TooMany:
        messages.warning(request, TOO_MANY)
    except links.NoOffer:
        messages.warning(request, NO_OFFER)
    else:
        messages.success(request, "Your new link is ready.")
    return redirect("referrals:links")


@require_POST
@login_required
def choose(request, pk):
    """Give a link a code of the member's own."""
    link = _own(request, pk)
    form = WishForm(request.POST)
    if form.is_valid():
        try:
            if not may_make(request):
                raise _TooFast
            code = codes.choose(link, form.cleaned_data["code"])
        except codes.NotACode as error:
            form.add_error("code", str(error))
        except codes.NotAvailable:
            form.add_error("code", NOT_AVAILABLE)
        except _TooFast:
            form.add_error("code", SLOWER)
        except codes.TooManyWishes:
            form.add_error("code", NO_MORE_WISHES)
        else:
            said = f"{code.display} is yours. The old code goes on working."
            if code.waits_since:
                said = (
                    f"We look at {code.display} first. Until then the old code works."
                )
            messages.success(request, said)
            return redirect("referrals:links")
    return _page(request, wish_form=form, wishing=link.pk, status=422)


@require_POST
@login_required
def rotate(request, pk):
    """A link has leaked: retire what it goes by, in one click."""
    link = _own(request, pk)
    if not may_make(request):
        messages.warning(request, SLOWER)
    else:
        code = links.rotate(link)
        messages.success(
            request,
            f"The old codes of this link lead nowhere now. The new one is "
            f"{code.display}. Friends who came before still count.",
        )
    return redirect("referrals:links")


@require_POST
@login_required
def end(request, pk):
    links.end(_own(request, pk, is_default=False))
    messages.success(request, "The link has ended. Friends who came by it still count.")
    return redirect("referrals:links")


@require_POST
@login_required
def share_item(request):
    """A link of the member's own to one product; shown among their links."""
    form = ItemForm(request.POST)
    if not form.is_valid():
        raise Http404
    live = Product.objects.live().select_related("category")
    product = get_object_or_404(live, slug=form.cleaned_data["product"])
    if not may_make(request):
        messages.warning(request, SLOWER)
        return redirect("referrals:links")
    try:
        links.for_product(request.user, product)
    except links.TooMany:
        messages.warning(request, TOO_MANY)
    except links.NoOffer:
        messages.warning(request, NO_OFFER)
    else:
        messages.success(request, f"Your link to {product.name} is ready.")
    return redirect("referrals:links")


@never_cache
@require_GET
@login_required
def qr(request, pk, form):
    """The link drawn, to keep: no third party ever sees it."""
    link = _own(request, pk)
    url = channels.marked(links.url_of(link), Channel.QR)
    return FileResponse(
        io.BytesIO(pictures.drawn(url, form)),
        as_attachment=True,
        filename=f"{link.shown}.{form}",
        content_type=pictures.TYPES[form],
    )


def _page(request, *, status=200, **context):
    offer = terms.current(settings.SHOP_CURRENCY)
    if offer:
        with suppress(links.NoOffer):
            links.default_link(request.user)
    ways = channel_figures.of_member(request.user)
    context = {
        "links": reports.links(request.user),
        "ways": ways,
        "all_ways": channel_figures.total(ways),
        "most": links.MOST,
        "offer": offer,
        "promise": promises.of_member(request.user, offer),
        "label_form": LabelForm(),
        "wish_form": WishForm(),
        **context,
    }
    return render(request, "referrals/links.html", context, status=status)


def _own(request, pk, **more):
    mine = ReferralLink.objects.with_code().filter(
        owner=request.user, disabled_at=None, **more
    )
    link = mine.exclude(kind=ReferralLink.Kind.PAPER).filter(pk=pk).first()
    if link is None:
        raise Http404
    return link


def may_make(request) -> bool:
    """Whether this member may make or change one more link today."""
    return limits.allow("own-links", f"user:{request.user.pk}", **_A_DAY)
