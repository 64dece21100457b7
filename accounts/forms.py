"""What we ask of somebody who joins, beside what allauth asks."""

from allauth.account import app_settings
from allauth.account import forms as allauth_forms
from django import forms


class SharedSignupForm(forms.Form):
    """The fields that password and social sign-up have in common."""

    name = forms.CharField(
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        label="Name",
    )
    shows_name = forms.BooleanField(
        required=False, label="Friends may see my first name and initial"
    )
    field_order = ["name", "email", "password1", "shows_name"]

    def signup(self, request, user):
        """Called by allauth once the user is saved."""
        user.name = self.cleaned_data["name"]
        user.shows_name = self.cleaned_data["shows_name"]
        user.save(update_fields=["name", "shows_name"])


class SignupForm(allauth_forms.SignupForm):
    field_order = SharedSignupForm.field_order

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # The trap's inline style is refused by our CSP and would leave the field in sight.
        trap = self.fields[app_settings.SIGNUP_FORM_HONEYPOT_FIELD].widget.attrs
        trap.pop("style", None)
        trap["class"] = "trap"
        self.fields[
            "password1"
        ].help_text = "10 characters or more. A sentence works well."
