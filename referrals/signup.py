"""What sign-up asks about invitations: a code, and the touch that its way brought."""

from django import forms

from accounts import signup
from referrals import candidates, codebox, guesses, handoff, visits

# Told while the slot is filled already: what is typed outranks what a browser knows.
_KNOWN = "You come by an invitation already. Leave this empty to keep it."
_LATER = " You can enter one in your account, before your first order."


class CodeField(forms.CharField):
    """A typed code. A bad one is remarked upon, and stops nobody."""

    def __init__(self, request, **options):
        super().__init__(
            label="Invitation code",
            required=False,
            max_length=200,
            widget=forms.TextInput(
                attrs={"autocomplete": "off", "autocapitalize": "characters"}
            ),
            **options,
        )
        self.request, self.remark = request, ""

    def clean(self, value):
        try:
            text = super().clean(value)
        except forms.ValidationError:
            text = "?"  # too long, or no text at all: as wrong as any other
        if not text:
            return ""
        client = guesses.client_of(self.request)
        if not codebox.may_try(client):
            self.remark = codebox.TOO_MANY + _LATER
            return ""
        refused = codebox.refusal(text)
        if refused:
            guesses.look_at(client, [text])
        self.remark = refused and refused + _LATER
        return text


def code_field(request) -> forms.Field:
    """The box for a code, which says so when an invitation stands already."""
    return CodeField(request, help_text=_KNOWN if _is_invited(request) else "")


def hand_off_field(request) -> forms.Field:
    """The signed touch that the way here brought along, passed on unseen."""
    token = handoff.of(request)
    return forms.CharField(
        required=False,
        initial=token if handoff.read(token) else "",
        widget=forms.HiddenInput,
    )


def answers(request) -> dict[str, str]:
    """The code and the token of somebody who has just joined by a form."""
    given = signup.answers(request)
    return {
        "code": given.get("invitation_code", ""),
        # A provider that knows the address asks for no form.
        "token": given.get(handoff.PARAMETER, "") or handoff.of(request),
    }


def _is_invited(request):
    if handoff.read(handoff.of(request)):
        return True
    visitor = visits.visitor_of(request)
    return bool(visitor and candidates.standing(visitor))
