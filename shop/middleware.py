"""Small doors before the pages."""

from django.conf import settings
from django.http import HttpResponseBadRequest, HttpResponseRedirect
from django.http.request import split_domain_port
from django.shortcuts import render
from django.template.loader import render_to_string

LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}


def canonical_host(get_response):
    """Send a page opened as 127.0.0.1 to the loopback name of SITE_URL, and back never.

    Cookies and the Content-Security-Policy know one name only; under another the cart
    would be empty and the card page refused. Health pages, webhooks and the sandbox's
    own API stay put.
    """
    name = settings.SITE_HOST.split(":")[0]
    stays = ("/healthz", "/readyz", "/webhooks/", "/sandbox/stripe/v1/")

    def middleware(request):
        asked, _ = split_domain_port(request.get_host())
        if (
            asked != name
            and {asked, name} <= LOOPBACK
            and request.method == "GET"
            and not request.path.startswith(stays)
        ):
            return HttpResponseRedirect(settings.SITE_URL + request.get_full_path())
        return get_response(request)

    return middleware


def no_nul_cookies(get_response):
    """Drop cookies with a NUL before sessions look for them in the database."""

    def middleware(request):
        request.COOKIES = {
            name: text for name, text in request.COOKIES.items() if "\0" not in text
        }
        return get_response(request)

    return middleware


def no_nul_bytes(get_response):
    """Refuse NUL in an address or a query: no page means it, no PostgreSQL keeps it.

    Form fields refuse it by themselves, with a sentence beside the field; referral
    links take it for one more mistyped code, and lead nowhere with it.
    """
    links = ("/r/", "/ref/", "/referral/")

    def middleware(request):
        asked = request.META.get("QUERY_STRING", "")
        has_nul = "\0" in request.path or "%00" in asked or "\0" in asked
        if has_nul and not request.path.startswith(links):
            return HttpResponseBadRequest(render(request, "400.html").content)
        return get_response(request)

    return middleware


def no_blank_refusal(get_response):
    """Say something where Django says nothing: a page for forms, opened as an address.

    Going back after a sign-in, or pressing enter in the address bar, leads there.
    """

    def middleware(request):
        response = get_response(request)
        if response.status_code == 405 and not response.content:
            response.content = render_to_string("405.html")
        return response

    return middleware
