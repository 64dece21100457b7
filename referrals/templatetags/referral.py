from django import template
from django.conf import settings

from referrals import destinations, sharing, terms

register = template.Library()


@register.filter
def without_invitations(text):
    """For what customers write: `{{ review.text|without_invitations|urlize }}`."""
    return destinations.without_invitations(text)


@register.inclusion_tag("referrals/share_invitation.html")
def share_invitation(user):
    """A member's link and ways to share it; nothing for guests or without an offer."""
    offer = terms.current(settings.SHOP_CURRENCY)
    if not user.is_authenticated or offer is None:
        return {"share": None}
    return {"share": sharing.invitation_of(user, offer), "offer": offer}
