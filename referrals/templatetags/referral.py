from dataclasses import replace
from urllib.parse import urlencode

from django import template
from django.conf import settings

from referrals import destinations, links, notices, reports, sharing, terms
from referrals.context import for_visitor

register = template.Library()


@register.filter
def without_invitations(text):
    """For what customers write: `{{ review.text|without_invitations|urlize }}`."""
    return destinations.without_invitations(text)


@register.inclusion_tag("referrals/share_invitation.html", takes_context=True)
def share_invitation(context, user):
    """A member's link and ways to share it, unless they said "not now" lately.

    Nothing for guests or without an offer.
    """
    offer = terms.current(settings.SHOP_CURRENCY)
    if not user.is_authenticated or offer is None or not notices.may_ask(user):
        return {"share": None}
    return {
        "share": sharing.invitation_of(user, offer),
        "offer": offer,
        "csrf_token": context.get("csrf_token"),
    }


@register.simple_tag
def referral_link(user, path=""):
    """`{% referral_link user as url %}`: the address of a member's link.

    With a path of this site it leads to that page. Empty for guests and without a
    campaign. At most one query, but for the first look, which makes the link.
    """
    if not user.is_authenticated:
        return ""
    try:
        url = links.url_of(links.default_link(user))
    except links.NoOffer:
        return ""
    return f"{url}?{urlencode({'next': path})}" if path else url


@register.inclusion_tag("referrals/share_page.html")
def referral_share(user, path="", id=""):
    """`{% referral_share user request.path %}`: ways to pass that link on.

    Nothing for guests or without an offer. Two of them on a page need an `id` each.
    """
    offer = user.is_authenticated and terms.current(settings.SHOP_CURRENCY)
    if not offer:
        return {"share": None}
    share = sharing.invitation_of(user, offer)
    if share:
        share = replace(share, url=referral_link(user, path))
    return {"share": share, "id": id}


@register.simple_tag
def referral_activity(user, most=20):
    """`{% referral_activity user as friends %}`: what became of a member's friends.

    The newest first, each a `reports.Friend`: nobody's name without their leave, and
    never what they bought. An empty list for guests. Two queries.
    """
    return reports.friends(user)[:most] if user.is_authenticated else []


@register.inclusion_tag("components/invitation-banner.html", takes_context=True)
def referral_banner(context):
    """`{% referral_banner %}`: "Anna gives you $5", for a layout of one's own.

    Our own base page prints it from the context, for it must do without this app.
    """
    request = context["request"]
    return {
        "invitation": for_visitor(request),
        "csrf_token": context.get("csrf_token"),
        "next": request.path,
    }
