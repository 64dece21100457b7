"""The few hooks of allauth that the shop overrides."""

import hashlib
import logging

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter

from accounts import proofs
from shop.kit import limits

logger = logging.getLogger("tandem.accounts")

MOST_MAILS = 6


class AccountAdapter(DefaultAccountAdapter):
    # A limit that does not say how long it lasts only invites more tries.
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": (
            "That was too many wrong tries. Wait 5 minutes, or set a new password."
        ),
    }

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


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def populate_user(self, request, sociallogin, data):
        """A person has one name here; allauth would set a first and a last one."""
        user = sociallogin.user
        user.email = data.get("email") or ""
        parts = (data.get("first_name"), data.get("last_name"))
        user.name = (data.get("name") or " ".join(filter(None, parts)))[:120]
        return user
