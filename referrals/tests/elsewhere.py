"""A provider of logins on a site of its own, which posts its answer back to ours.

Apple does so. allauth answers such a POST, which brings no Lax cookie, with a redirect
to a GET of the same address, and so does this stand-in.
"""

from urllib.parse import urlencode

from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.providers.dummy.provider import DummyProvider
from django.http import HttpResponseRedirect
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from shop import urls as shop_urls

SITE = "https://id.example/authorize"


class Provider(DummyProvider):
    def redirect(self, request, process, next_url=None, data=None, **kwargs):
        state = self.stash_redirect_state(request, process, next_url, data, **kwargs)
        return HttpResponseRedirect(f"{SITE}?state={state}")


def begin(request):
    return Provider(request).redirect(request, "login")


@csrf_exempt
def callback(request):
    if request.method == "POST":
        return HttpResponseRedirect(f"{request.path}?{urlencode(request.POST.dict())}")
    provider = Provider(request)
    said = request.GET.dict()
    state = said.pop("state")
    said["email_verified"] = bool(said.get("email"))
    login = provider.sociallogin_from_response(request, said)
    login.state = provider.unstash_redirect_state(request, state)
    return complete_social_login(request, login)


urlpatterns = [
    path("accounts/elsewhere/login/", begin),
    path("accounts/elsewhere/callback/", callback),
    *shop_urls.urlpatterns,
]
