"""The member's own page: the link, the friends, what they brought, by which rules."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from referrals import invitations, links, promises, reports, sharing, terms


@never_cache
@require_GET
@login_required
def invite(request):
    """The member's link and what became of it. The first look makes the link.

    `words` are the member's own message: they go into the ways to share, nowhere else.
    """
    offer = terms.current(settings.SHOP_CURRENCY)
    words = request.GET.get("words", "")[: sharing.MOST_WORDS]
    numbers = reports.numbers(request.user)
    number = request.GET.get("page", "")
    share = offer and sharing.invitation_of(
        request.user, offer, words, code=numbers.code
    )
    return render(
        request,
        "referrals/invite.html",
        {
            "share": share,
            "promise": promises.of_member(request.user, offer),
            "has_mail": invitations.are_on(),
            "most_words": sharing.MOST_WORDS,
            "terms": offer,
            "rules": terms.rules(offer),
            "page": reports.page_of_friends(request.user, numbers.joined, number),
            "numbers": numbers,
            "goal": reports.goal(offer, numbers.brought) if offer else None,
            "drawn": links.drawn(share.qr_url) if share else None,
        },
    )


@never_cache
@require_GET
@login_required
def friend(request, pk):
    """One friend's way, in plain words, and why there is credit or is none."""
    found = reports.friend(request.user, pk)
    if found is None:
        raise Http404
    row, attribution = found
    reminder = sharing.reminder(attribution) if row.may_buy else None
    return render(
        request,
        "referrals/friend.html",
        {"friend": row, "reminder": reminder},
    )


@require_GET
def rules(request):
    """The live rules on a page of their own, for anybody."""
    offer = terms.current(settings.SHOP_CURRENCY)
    context = {"terms": offer, "rules": terms.rules(offer)}
    return render(request, "referrals/terms.html", context)
