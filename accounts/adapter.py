"""The few hooks of allauth that the shop overrides."""

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):
    # A limit that does not say how long it lasts only invites more tries.
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": (
            "That was too many wrong tries. Wait 5 minutes, or set a new password."
        ),
    }
