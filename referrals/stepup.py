"""One more proof where a session alone could do much harm.

Whoever got hold of a session or a password can buy with somebody's balance. So above
an amount the password or a passkey is asked for once per browser, and the owner gets a
mail that it was: the first question that settings put to spending. Whoever has the shop
write to many people in a short while proves it, too: no robot of a third party has to
watch.
"""

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.urls import reverse

from referrals import devices
from shop.kit import mail
from shop.kit.money import format_money


def ask(request, amount: int, currency: str) -> None:
    """Let it pass, or raise ReauthenticationRequired. The amount is in minor units.

    allauth's middleware answers that with the page that asks for the password, or for a
    passkey where there is none; what was being sent is kept in the session and goes on
    by itself once it was right. Whoever signs in elsewhere only (Google) has proved it
    there.
    """
    if amount <= settings.STEP_UP_AMOUNT:
        return
    device = devices.of(request, request.user) or devices.note(request, request.user)
    if device.trusted_at:
        return
    try:
        prove(request)
    except ReauthenticationRequired:
        _tell(request.user, device, amount, currency)
        raise
    devices.trust(device)


@reauthentication_required
def prove(request) -> None:
    """Let whoever has just proved who they are pass, or raise ReauthenticationRequired.

    Nothing to do: the decorator asks.
    """


def _tell(user, device, amount, currency):
    mail.write(
        "new_device_spends",
        f"device:{device.pk}",
        user.email,
        "new_device_spends",
        {
            "amount": format_money(amount, currency),
            "agent": device.agent,
            "password_url": settings.SITE_URL + reverse("account_change_password"),
            "support_email": settings.SUPPORT_EMAIL,
        },
    )
