"""What friends may tell us about who told them."""

from django import forms


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Your friend’s code",
        max_length=200,
        help_text="Capitals, spaces and dashes do not matter.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters"}
        ),
        error_messages={"required": "Enter the code."},
    )
