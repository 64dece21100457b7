"""What happened since, and which of it comes by mail."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from referrals import notices
from referrals.forms import ChoicesForm


@never_cache
@require_GET
@login_required
def news(request):
    told = notices.of_member(request.user)
    return render(
        request,
        "referrals/news.html",
        {
            "notices": told,
            "has_unread": any(notice.read_at is None for notice in told),
            "form": ChoicesForm(instance=notices.choices_of(request.user)),
        },
    )


@require_POST
@login_required
def read(request):
    notices.read_all(request.user)
    return redirect("referrals:news")


@require_POST
@login_required
def ask_later(request):
    """No invitation to share below an order, for three months."""
    notices.ask_later(request.user)
    messages.success(request, "We do not ask before three months are over.")
    return redirect("accounts:home")


@require_POST
@login_required
def choose_mails(request):
    form = ChoicesForm(request.POST)
    if form.is_valid():
        notices.choose(request.user, **form.cleaned_data)
        messages.success(request, "Noted. From now on you get just these mails.")
    return redirect("referrals:news")
