"""How somebody comes in by an invitation, keeps it, closes it, or enters its code."""

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from referrals import (
    candidates,
    claims,
    clicks,
    consent,
    destinations,
    entries,
    handoff,
    links,
    passage,
    visits,
)
from referrals.clicks import Outcome
from referrals.forms import CodeForm


@require_safe
def open_link(request, code):
    """The way in: people are sent on, machines get a page to preview."""
    if clicks.is_speculation(request):
        return entries.refuse_speculation()
    click = clicks.click(request, [code.strip("/")])
    if click.outcome is Outcome.MACHINE:
        return _preview(request, click.link)
    if click.outcome is Outcome.TOO_MANY:
        response = render(request, "429.html", status=429)
        add_never_cache_headers(response)
        return response
    if click.outcome is Outcome.OWN:
        return entries.send_on(request, click, reverse("referrals:invite"))
    if click.link is None:
        return entries.send_on(request, click, reverse("home"))
    location = destinations.after(request, links.destination(click.link))
    return entries.send_on(request, click, location)


@never_cache
def _preview(request, link):
    """What a person would read of it: the promise, and the thing that is shared."""
    request._referral_shown = link
    product = link.product if link.product and link.product.is_live else None
    return render(request, "referrals/preview.html", {"product": product})


@require_POST
def dismiss(request):
    visitor = visits.visitor_of(request)
    if visitor:
        visits.dismiss(visitor)
    location = destinations.own_path(request.POST.get("next", "")) or reverse("home")
    # What no browser holds goes on, and is spoken of no more.
    quiet = "" if visitor else handoff.quieted(handoff.of(request))
    return HttpResponseRedirect(passage.onto(location, quiet))


@require_POST
def keep(request):
    """What a visitor says about being remembered: keep the gift, or no cookie at all.

    After a no the invitation goes along in the address, for this sitting.
    """
    token = request.POST.get(handoff.PARAMETER, "")
    location = destinations.own_path(request.POST.get("next", "")) or reverse("home")
    if request.POST.get("answer") == consent.NO:
        response = HttpResponseRedirect(passage.onto(location, token))
        visits.forget(request, response)
        consent.note_no(response)
        return response
    touch = candidates.carried(token)
    response = HttpResponseRedirect(location)
    if touch and touch.link.owner != request.user and not request.user.is_staff:
        visits.keep(request, response, touch.link, touch.touched_at)
        consent.note_yes(response)
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def enter_code(request):
    """For who forgot the link: the code of the friend who told them, just this once."""
    until = claims.last_day(request.user)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        asker = get_adapter().get_client_ip(request)
        try:
            claims.claim(request.user, form.cleaned_data["code"], asker=asker)
        except claims.Refused as refused:
            form.add_error("code", str(refused))
        else:
            messages.success(request, "Your friend’s invitation counts now.")
            after = destinations.own_path(request.POST.get("next", ""))
            return redirect(after or "accounts:home")
    context = {"form": form, "until": until, "next": request.GET.get("next", "")}
    status = 422 if form.errors else 200
    return render(request, "referrals/enter_code.html", context, status=status)
