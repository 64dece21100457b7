"""A page of allauth that needs mending."""

from allauth.account.views import ConfirmEmailVerificationCodeView


class ConfirmEmail(ConfirmEmailVerificationCodeView):
    """The code of a sign-up, or another address to send it to.

    allauth 65.21 calls `_change_form_invalid` when that address is wrong, and has none.
    """

    def _change_form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form))
