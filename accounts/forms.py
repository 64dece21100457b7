"""What we ask of somebody who joins, whichever way, or leaves."""

from allauth.account import app_settings
from allauth.account import forms as allauth_forms
from allauth.socialaccount import forms as social_forms
from django import forms
from django.contrib.auth.hashers import make_password

from accounts.signup import SharedSignupForm, TellsRemarks


class CloseForm(forms.Form):
    """Closing an account: `left`, what is given up, as the page has shown it."""

    left = forms.CharField(required=False, max_length=200)
    understood = forms.BooleanField(
        label="I understand that this cannot be undone",
        error_messages={"required": "Tick the box if you are sure."},
    )

    def __init__(self, *args, left: dict[str, int], **kwargs):
        super().__init__(*args, **kwargs)
        self.gives_up = left
        self.shown = ",".join(f"{code}:{left[code]}" for code in sorted(left))

    def clean_left(self):
        if self.cleaned_data["left"] != self.shown:
            raise forms.ValidationError(
                "Your balance has just changed. Please look again."
            )


class SocialSignupForm(TellsRemarks, social_forms.SignupForm):
    field_order = SharedSignupForm.field_order


class SignupForm(TellsRemarks, allauth_forms.SignupForm):
    """With a password, or `by_passkey`, which is made once the address is proven."""

    field_order = SharedSignupForm.field_order

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # Our CSP refuses the trap's inline style, which would leave the field in sight.
        trap = self.fields[app_settings.SIGNUP_FORM_HONEYPOT_FIELD].widget.attrs
        trap.pop("style", None)
        trap["class"] = "trap"
        if not self.by_passkey:
            hint = "10 characters or more. A sentence works well."
            self.fields["password1"].help_text = hint

    def try_save(self, request):
        if self.account_already_exists and not self.by_passkey:
            # A new account costs a hash; without one here, the time would tell.
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)
