"""Invitations by mail: the member's form, and the way out for whoever got one."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from referrals import invitations, links, names, stepup
from referrals.forms import InvitationForm

# The same for every address, so that nobody learns who is a customer.
SENT = "Thank you. If we may write to this address, your invitation is on its way."
NO_OFFER = "There are no invitations at the moment."
NO_ROOM = f"You have {links.MOST} links, which is the most. End one to make room."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def mail(request):
    """Have the shop write to a friend; there is no such page where that is off."""
    if not invitations.are_on():
        raise Http404
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if invitations.is_burst(request.user):
            stepup.prove(request)
        given = form.cleaned_data
        try:
            invitations.invite(request.user, given["address"], given["note"])
        except invitations.Refused as refused:
            form.add_error(None, str(refused))
        except links.NoOffer:
            form.add_error(None, NO_OFFER)
        except links.TooMany:
            form.add_error(None, NO_ROOM)
        else:
            messages.success(request, SENT)
            return redirect("referrals:mail")
    context = {
        "form": form,
        "against": invitations.against(request.user),
        "has_name": bool(names.of_sender(request.user)),
        "left": invitations.left(request.user),
    }
    status = 422 if form.errors else 200
    return render(request, "referrals/mail.html", context, status=status)


@csrf_exempt  # one click in a mail program: it has neither our cookie nor our form
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop_mail(request, token):
    """Looking asks; the button, or the mail program's own, ends it for good."""
    if not invitations.is_token(token):
        raise Http404
    if request.method == "POST":
        invitations.suppress(token)
    is_done = request.method == "POST"
    return render(request, "referrals/stop_mail.html", {"is_done": is_done})
