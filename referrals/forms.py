"""What friends may tell us about who told them."""

from django import forms

from referrals import bare, baskets
from referrals.models import MemberChoices


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


class LabelForm(forms.Form):
    label = forms.CharField(
        label="What is it for?",
        max_length=60,
        help_text="Only you see this, to tell your links apart.",
        error_messages={"required": "Say what it is for."},
    )


class ItemForm(forms.Form):
    product = forms.SlugField(max_length=200)


class BasketForm(forms.Form):
    """What of a cart goes to a friend, and a word with it."""

    picked = forms.TypedMultipleChoiceField(
        label="What goes along",
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one thing."},
    )
    note = forms.CharField(
        label="A few words",
        required=False,
        max_length=bare.MOST,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=f"Up to {bare.MOST} characters. Links are taken out.",
    )

    def __init__(self, lines, data=None):
        choices = [(line.variant.pk, _named(line)) for line in lines]
        super().__init__(data, initial={"picked": [pk for pk, _ in choices]})
        self.fields["picked"].choices = choices

    def clean_picked(self):
        picked = set(self.cleaned_data["picked"])
        if len(picked) > baskets.MOST_LINES:
            raise forms.ValidationError(
                f"{baskets.MOST_LINES} things go into one link. Choose fewer."
            )
        return picked


class WishForm(forms.Form):
    code = forms.CharField(
        label="A code of your own",
        max_length=60,
        help_text="4 to 20 letters and digits.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters"}
        ),
        error_messages={"required": "Enter the code that you would like."},
    )


class InvitationForm(forms.Form):
    address = forms.EmailField(
        label="Your friend’s email",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter an email address."},
    )
    note = forms.CharField(
        label="A few words",
        required=False,
        max_length=bare.MOST,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=f"Up to {bare.MOST} characters. Links are taken out.",
    )
    is_agreed = forms.BooleanField(
        label="My friend knows me and agreed to get this mail",
        error_messages={"required": "Ask your friend first."},
    )


class ChoicesForm(forms.ModelForm):
    class Meta:
        model = MemberChoices
        fields = [
            *["tells_joined", "tells_pending", "tells_available", "tells_reversed"],
            "tells_milestones",
        ]


class BoardForm(forms.Form):
    name = forms.CharField(
        label="A name for the board",
        max_length=60,
        help_text="Everybody who is a member can read it. Better not your own.",
        error_messages={"required": "Choose a name."},
    )


class NameForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": "Enter a name."},
    )
    shows_name = forms.BooleanField(
        required=False, label="Friends may see my first name and initial"
    )


def _named(line):
    name = ", ".join(filter(None, [line.variant.product.name, line.variant.name]))
    return f"{line.quantity} × {name}" if line.quantity > 1 else name
