"""Cards to print: ten codes, each for one new friend."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from referrals import cards, links

TOO_MANY = f"You have printed {cards.MOST} cards, which is the most."


@never_cache
@require_GET
@login_required
def cards_page(request):
    """The member's cards as a sheet; print it, and only the cards are on the paper."""
    made = cards.of_member(request.user)
    return render(
        request,
        "referrals/cards.html",
        {
            "unused": [card for card in made if not card.is_used],
            "used": [card for card in made if card.is_used],
            "most": cards.MOST,
        },
    )


@require_POST
@login_required
def print_cards(request):
    try:
        cards.make_sheet(request.user)
    except cards.TooMany:
        messages.warning(request, TOO_MANY)
    except links.NoOffer:
        messages.warning(request, "There are no invitations at the moment.")
    return redirect("referrals:cards")
