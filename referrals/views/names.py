"""The name that others read: choose it, and say so if one of theirs hurts."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from referrals import guesses, name_reports, names, origins
from referrals.forms import NameForm
from referrals.views.links import SLOWER
from shop.kit import limits

_A_DAY = 86_400


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def name(request):
    """What friends read of this member, and whether they read it at all."""
    user = request.user
    given = {"name": user.name, "shows_name": user.shows_name}
    form = NameForm(request.POST or None, initial=given)
    if request.method == "POST" and form.is_valid():
        if not limits.allow("own-name", f"user:{user.pk}", limit=10, seconds=_A_DAY):
            messages.warning(request, SLOWER)
            return redirect("referrals:name")
        chosen = form.cleaned_data
        try:
            names.choose(user, chosen["name"], shows=chosen["shows_name"])
        except names.NotAvailable:
            form.add_error("name", "This name is not available. Try another one.")
        else:
            messages.success(request, "Noted.")
            return redirect("referrals:name")
    context = {"form": form, "shown": names.short(user) if not form.errors else ""}
    status = 422 if form.errors else 200
    return render(request, "referrals/name.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def report_name(request, token):
    """Looking asks, the button says so: for anybody, and with one answer for all."""
    if not name_reports.is_token(token):
        raise Http404
    if request.method == "POST":
        asker = guesses.client_of(request)
        if not limits.allow("name-reports", asker, limit=10, seconds=_A_DAY):
            return render(request, "429.html", status=429)
        network, network_hash = origins.network_of(request)
        name_reports.report(token, network=network, network_hash=network_hash)
    is_done = request.method == "POST"
    return render(request, "referrals/report_name.html", {"is_done": is_done})
