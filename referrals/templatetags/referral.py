from django import template
from django.conf import settings

from referrals import sharing, terms

register = template.Library()


@register.inclusion_tag("referrals/share_invitation.html")
def share_invitation(user):
    """A member's link and ways to share it; nothing for guests or without an offer."""
    offer = terms.current(settings.SHOP_CURRENCY)
    if not user.is_authenticated or offer is None:
        return {"share": None}
    return {"share": sharing.invitation_of(user, offer), "offer": offer}
