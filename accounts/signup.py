"""What every way to sign up asks, beside what allauth asks.

A room of its own, because allauth imports this form while it is still loading its own.
Other apps ask more by `settings.SIGNUP_FIELDS`: a field's name, and the function that
makes it for a request. Such a field must never stop anybody from joining; what it has
to say about what was typed it leaves as its `remark`, which is told once they are in.
"""

from allauth.core import context
from django import forms
from django.conf import settings
from django.contrib import messages
from django.utils.module_loading import import_string


class SharedSignupForm(forms.Form):
    """The fields that sign-up by password, passkey and provider have in common."""

    name = forms.CharField(
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        label="Name",
    )
    shows_name = forms.BooleanField(
        required=False, label="Friends may see my first name and initial"
    )
    field_order = ["name", "email", "password1", *settings.SIGNUP_FIELDS, "shows_name"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, path in settings.SIGNUP_FIELDS.items():
            self.fields[name] = import_string(path)(context.request)
        self.order_fields(self.field_order)

    def signup(self, request, user):
        """Called by allauth once the user is saved."""
        user.name = self.cleaned_data["name"]
        user.shows_name = self.cleaned_data["shows_name"]
        user.save(update_fields=["name", "shows_name"])
        request._signup_answers = {
            name: self.cleaned_data[name] for name in settings.SIGNUP_FIELDS
        }


class TellsRemarks:
    """Mixin of both sign-up forms: say what a field remarked, new address or taken."""

    def try_save(self, request):
        for name in settings.SIGNUP_FIELDS:
            remark = getattr(self.fields[name], "remark", "")
            if remark:
                messages.warning(request, remark)
        return super().try_save(request)


def answers(request) -> dict[str, str]:
    """What somebody who has just joined by a form answered in `SIGNUP_FIELDS`."""
    return getattr(request, "_signup_answers", {})
