"""The few hooks of allauth that the shop overrides."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter


class AccountAdapter(DefaultAccountAdapter):
    # A limit that does not say how long it lasts only invites more tries.
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": (
            "That was too many wrong tries. Wait 5 minutes, or set a new password."
        ),
    }


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def populate_user(self, request, sociallogin, data):
        """A person has one name here; allauth would set a first and a last one."""
        user = sociallogin.user
        user.email = data.get("email") or ""
        parts = (data.get("first_name"), data.get("last_name"))
        user.name = (data.get("name") or " ".join(filter(None, parts)))[:120]
        return user
