"""The forms of passkeys: what a browser has signed, or what somebody sends instead.

allauth judges signatures and challenges. It expects a browser, though: a hand-made
credential raises whatever its parsers raise, so here everything unreadable is refused.
"""

import struct

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as allauth_forms
from django import forms
from fido2.utils import websafe_encode
from fido2.webauthn import RegistrationResponse

MOST = 10
LONGEST_NAME = 60
LONGEST_CREDENTIAL = 20_000  # letters; a browser's has one or two thousand

NEEDS_SCRIPT = (
    "A passkey needs JavaScript, which is off in this browser. Another way works."
)
NOT_KNOWN = "That passkey is not known here. Nothing has changed: try another way."

# What the parsers of credentials, signatures and keys raise about nonsense.
_NONSENSE = (
    *[ArithmeticError, AssertionError, AttributeError, LookupError, TypeError],
    *[NotImplementedError, RecursionError, ValueError, struct.error],
)


class CredentialField(forms.JSONField):
    """A browser's answer as JSON. It is never shown again, for it counts only once."""

    widget = forms.HiddenInput
    default_error_messages = {"required": NEEDS_SCRIPT, "invalid": NOT_KNOWN}

    def to_python(self, value):
        try:
            found = super().to_python(str(value or "")[: LONGEST_CREDENTIAL + 1])
        except (ValueError, RecursionError):  # numbers and nests beyond any measure
            found = 0
        if found is not None and not isinstance(found, dict):
            raise forms.ValidationError(self.error_messages["invalid"], "invalid")
        return found

    def bound_data(self, data, initial):
        return initial

    def prepare_value(self, value):
        return ""


class _Judged:
    """Mixin of the forms that carry a credential: nonsense is an error, not a crash."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["credential"] = CredentialField()

    def _judge(self, verb):
        try:
            return verb()
        except forms.ValidationError as error:
            if error.code != "incorrect_code":
                raise
            raise forms.ValidationError(NOT_KNOWN, "unknown") from error
        except _NONSENSE as error:
            raise forms.ValidationError(NOT_KNOWN, "unknown") from error


class _Made(_Judged):
    """Mixin of the forms that make a passkey."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["maxlength"] = LONGEST_NAME

    def clean_name(self):
        # Cut, not refused: the device has made the passkey already.
        return super().clean_name()[:LONGEST_NAME].strip()

    def clean(self):
        return self._judge(self._clean)

    def _clean(self):
        cleaned = super().clean()
        if "credential" in cleaned:
            cleaned["credential"] = _read_again(cleaned["credential"])
        return cleaned


class _Used(_Judged):
    """Mixin of the forms that use a passkey."""

    def clean_credential(self):
        return self._judge(super().clean_credential)


def _read_again(credential: dict) -> dict:
    """What is kept of a new passkey: what was understood of it, and nothing else."""
    made = RegistrationResponse.from_dict(credential)
    raw_id = websafe_encode(made.raw_id)
    told = credential.get("clientExtensionResults", {})
    is_resident = told.get("credProps", {}).get("rk")
    return {
        "type": "public-key",
        "id": raw_id,
        "rawId": raw_id,
        "response": {
            "clientDataJSON": websafe_encode(made.response.client_data),
            "attestationObject": websafe_encode(made.response.attestation_object),
        },
        "clientExtensionResults": {"credProps": {"rk": is_resident}}
        if isinstance(is_resident, bool)
        else {},
    }


class SignupPasskeyForm(_Made, allauth_forms.SignupWebAuthnForm):
    pass


class AddPasskeyForm(_Made, allauth_forms.AddWebAuthnForm):
    passwordless = forms.BooleanField(
        label="Signs me in by itself",
        initial=True,
        required=False,
        help_text=(
            "Without the tick it is a second step after your password. Either way a "
            "password alone is not enough from then on: we ask for a passkey as well, "
            "or for one of the recovery codes that you get next."
        ),
    )

    def clean(self):
        passkeys = Authenticator.objects.filter(
            user=self.user, type=Authenticator.Type.WEBAUTHN
        )
        if passkeys.count() >= MOST:
            raise forms.ValidationError(
                f"You have {MOST} passkeys. Remove one that you do not use first."
            )
        return super().clean()


class RenamePasskeyForm(allauth_forms.EditWebAuthnForm):
    name = forms.CharField(max_length=LONGEST_NAME)


class LoginPasskeyForm(_Used, allauth_forms.LoginWebAuthnForm):
    pass


class SecondStepPasskeyForm(_Used, allauth_forms.AuthenticateWebAuthnForm):
    pass


class ReauthenticatePasskeyForm(_Used, allauth_forms.ReauthenticateWebAuthnForm):
    pass
