"""What guards an account beside a password: passkeys, an app's codes, recovery codes.

allauth keeps one row for each of the first two and one for all recovery codes. Whoever
has a passkey or an app is asked for it at every sign-in; so nobody has one of them
without recovery codes for the day it is lost.
"""

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.flows import auto_generate_recovery_codes
from allauth.mfa.webauthn.internal.flows import did_use_passwordless_login
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import User
from shop.kit import mail

Type = Authenticator.Type

_WAITING = (
    "Your recovery codes wait for you under Signing in, Second step. Keep them for the "
    "day your passkey is lost."
)


def of(user: User) -> QuerySet[Authenticator]:
    return Authenticator.objects.filter(user=user).order_by("pk")


def welcome(request, user: User) -> bool:
    """Give somebody who has just joined recovery codes, if it was by a passkey.

    They are signed in, and have just proved both address and passkey, so that the page
    with the codes need not ask again.
    """
    passkey = of(user).filter(type=Type.WEBAUTHN).first()
    if passkey is None:
        return False
    record_authentication(
        request,
        user,
        method="mfa",
        id=passkey.pk,
        type=passkey.type,
        passwordless=True,
        reauthenticated=True,
    )
    auto_generate_recovery_codes(request)
    return True


def remind(request, user: User) -> None:
    """Tell somebody who came in by a passkey of recovery codes never looked at."""
    if not did_use_passwordless_login(request, user):
        return
    codes = of(user).filter(type=Type.RECOVERY_CODES).first()
    if codes and not codes.wrap().did_view:
        messages.info(request, _WAITING)


def export(user: User) -> list[dict]:
    """What is kept about each, without what would let somebody in."""
    return [
        {
            "kind": str(each.get_type_display()),
            "name": str(each),
            "added_at": each.created_at.isoformat(timespec="seconds"),
            "used_at": each.last_used_at
            and each.last_used_at.isoformat(timespec="seconds"),
        }
        for each in of(user)
    ]


def forget(user: User) -> None:
    """All of it goes with the account that it guarded. Safe to repeat."""
    of(user).delete()


def take_off(user: User) -> bool:
    """Staff let somebody in again who lost phone and codes: a password is enough now.

    Whoever pretends to be a member writes to the shop as well, so the member gets a
    mail. False, and no mail, if there was nothing to take off.
    """
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        newest = of(user).last()
        if newest is None:
            return False
        of(user).delete()
        mail.write(
            "sign_in_opened",
            f"authenticator:{newest.pk}",
            user.email,
            "sign_in_opened",
            {
                "password_url": settings.SITE_URL + reverse("account_reset_password"),
                "support_email": settings.SUPPORT_EMAIL,
            },
        )
    return True
