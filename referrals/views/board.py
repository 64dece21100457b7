"""The board, for members: look, join under a name of one's choice, leave."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from referrals import board, notices
from referrals.forms import BoardForm


@never_cache
@require_GET
@login_required
def board_page(request):
    return _page(request)


@require_POST
@login_required
def join_board(request):
    form = BoardForm(request.POST)
    if form.is_valid():
        try:
            board.join(request.user, form.cleaned_data["name"])
        except board.NotAvailable as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, "You are on the board.")
            return redirect("referrals:board")
    return _page(request, form=form, status=422)


@require_POST
@login_required
def leave_board(request):
    board.leave(request.user)
    messages.success(request, "You are not on the board any more.")
    return redirect("referrals:board")


def _page(request, *, form=None, status=200):
    choices = notices.choices_of(request.user)
    name = choices.leaderboard_name
    places = board.places(request.user)
    context = {
        "places": places,
        "own_place": board.place_of(request.user, places) if name else None,
        "name": name,
        "is_hidden": choices.leaderboard_hidden_at is not None,
        "form": form or BoardForm(initial={"name": name}),
    }
    return render(request, "referrals/board.html", context, status=status)
