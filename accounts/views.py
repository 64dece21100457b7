"""Where allauth's own page would lose something."""

from allauth.mfa.webauthn.views import ReauthenticateWebAuthnView


class _ProveByPasskey(ReauthenticateWebAuthnView):
    """A passkey that was refused is asked for again, on the same page.

    allauth's leads to the account then, and forgets what somebody was about to do: a
    checkout that asked for one more proof, say.
    """

    def form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_context_data(self, **shown):
        return super().get_context_data(**shown) | shown


prove_by_passkey = _ProveByPasskey.as_view()
