from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts import ledger
from referrals import destinations, links, reports, sharing, terms, visits


@require_safe
def open_link(request, code):
    """The way in: people are sent on, machines get a page to preview."""
    if visits.is_speculation(request):
        return visits.refuse_speculation()
    click = visits.click(request, [code.strip("/")])
    if click.outcome is visits.Outcome.MACHINE:
        return _preview(request, click.link)
    if click.outcome is visits.Outcome.INACTIVE:
        return visits.send_on(request, click, reverse("home"))
    if click.outcome is visits.Outcome.OWN:
        return visits.send_on(request, click, reverse("referrals:invite"))
    return visits.send_on(request, click, destinations.after(request))


@never_cache
def _preview(request, link):
    offer = terms.of(link.campaign, settings.SHOP_CURRENCY)
    return render(
        request,
        "referrals/preview.html",
        {
            "offer": offer,
            "name": link.owner.first_name
            if link.owner and link.owner.shows_name
            else "",
        },
    )


@require_POST
def dismiss(request):
    visitor = visits.visitor_of(request)
    if visitor:
        visits.dismiss(visitor)
    return HttpResponseRedirect(
        destinations.own_path(request.POST.get("next", "")) or reverse("home")
    )


@never_cache
@require_GET
@login_required
def invite(request):
    """The member's link and what became of it. The first look makes the link."""
    offer = terms.current(settings.SHOP_CURRENCY)
    share = sharing.invitation_of(request.user, offer) if offer else None
    friends = reports.friends(request.user)
    return render(
        request,
        "referrals/invite.html",
        {
            "share": share,
            "terms": offer,
            "friends": friends,
            "numbers": reports.numbers(request.user, friends),
            "balance": ledger.balance(request.user, settings.SHOP_CURRENCY),
            "drawn": links.drawn(share.url) if share else None,
        },
    )
