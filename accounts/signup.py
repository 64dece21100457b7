"""What password and social sign-up both ask, beside what allauth asks.

A room of its own, because allauth imports this form while it is still loading its own.
"""

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
