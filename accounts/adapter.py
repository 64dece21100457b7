"""The few hooks of allauth that the shop overrides."""

import hashlib
import logging

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts import authenticators, proofs
from shop.kit import limits

logger = logging.getLogger("tandem.accounts")

MOST_MAILS = 6
TOO_MANY_PASSWORDS = (
    "That was too many wrong tries. Wait 5 minutes, or set a new password."
)


class AccountAdapter(DefaultAccountAdapter):
    # A limit that does not say how long it lasts only invites more tries. allauth has
    # one word for three of them; here it stands for those about a code by mail: too
    # many wrong ones, or the next one asked for within seconds from another device.
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": (
            "The code in our last mail cannot be used here. "
            "Wait 10 seconds and try again: you get a new one."
        ),
    }

    def pre_authenticate(self, request, **credentials):
        """The third limit is the only one that counts wrong passwords."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            raise ValidationError(TOO_MANY_PASSWORDS) from None

    def send_mail(self, template_prefix, email, context):
        """Six mails of a kind an hour to one address, whoever typed it how often."""
        address = hashlib.sha256(email.strip().lower().encode()).hexdigest()
        kind = f"{template_prefix}:{address}"
        if limits.allow("account-mail", kind, limit=MOST_MAILS, seconds=3600):
            super().send_mail(template_prefix, email, context)
        else:
            logger.warning("no more %s to one address this hour", template_prefix)

    def confirm_email(self, request, email_address):
        """allauth comes here for the codes of sign-up and sign-in, not for a reset."""
        proofs.note_own_code(request)
        return super().confirm_email(request, email_address)

    def post_login(self, request, user, *, signup, redirect_url, **facts):
        """Whoever joined by a passkey gets recovery codes, and is shown them."""
        if signup and authenticators.welcome(request, user):
            redirect_url = redirect_url or reverse("mfa_view_recovery_codes")
        answer = super().post_login(
            request, user, signup=signup, redirect_url=redirect_url, **facts
        )
        if not signup:
            authenticators.remind(request, user)
        return answer

    def get_reauthentication_methods(self, user):
        """A recovery code comes last: each of them is good for once."""
        methods = super().get_reauthentication_methods(user)
        return sorted(methods, key=lambda method: method["id"] == "mfa_reauthenticate")


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def populate_user(self, request, sociallogin, data):
        """A person has one name here; allauth would set a first and a last one."""
        user = sociallogin.user
        user.email = data.get("email") or ""
        parts = (data.get("first_name"), data.get("last_name"))
        user.name = (data.get("name") or " ".join(filter(None, parts)))[:120]
        return user


class MFAAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "That is not the code. Each one is good for once.",
    }

    def get_public_key_credential_rp_entity(self):
        """A passkey belongs to the shop's address, whatever name it was reached by."""
        return {"id": settings.SITE_HOST.split(":")[0], "name": settings.SHOP_NAME}

    def generate_authenticator_name(self, user, type):
        count = authenticators.of(user).filter(type=type).count()
        return f"Passkey {count + 1}" if count else "Passkey"
