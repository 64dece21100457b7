"""The Django side of the sandbox: translate, and nothing more."""

import os
import socket
import time
from functools import wraps
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from . import conf, html, mail_pages, mailbox
from .stripe import core, faults


def loopback_only(view):
    """Refuse callers from another machine, unless SANDBOX_ALLOW_REMOTE is true."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        allowed = getattr(settings, "SANDBOX_ALLOW_REMOTE", False)
        if not allowed and not _is_loopback(request.META.get("REMOTE_ADDR", "")):
            return HttpResponse(
                "The sandbox answers this machine only.\n",
                status=403,
                content_type="text/plain",
            )
        response = view(request, *args, **kwargs)
        response[core.MARKER] = "1"
        return response

    return guarded


def _is_loopback(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


@csrf_exempt
@sensitive_post_parameters("number", "cvc")
@loopback_only
def stripe(request, path):
    query = request.META.get("QUERY_STRING", "")
    target = f"/{path}?{query}" if query else f"/{path}"
    try:
        reply = core.handle(
            conf.from_settings(), request.method, target, request.headers, request.body
        )
    except faults.ConnectionLost as loss:
        return _hang_up(request, loss.seconds)
    return HttpResponse(reply.body, status=reply.status, headers=reply.headers)


def _hang_up(request, seconds: float) -> HttpResponse:
    """Close the connection without a word, where the server lets us reach it.

    Elsewhere a gateway's 502 stands for it: the outcome is just as unknown.
    """
    time.sleep(seconds)
    try:
        # Django's own server wraps the stream and hides its file number.
        stream = request.META["wsgi.input"]
        stream = getattr(getattr(stream, "_read", None), "__self__", stream)
        line = socket.socket(fileno=os.dup(stream.fileno()))
    except (KeyError, AttributeError, OSError):
        return HttpResponse(status=502)
    with line:
        line.shutdown(socket.SHUT_RDWR)
    return HttpResponse(status=502)


@require_safe
@loopback_only
def mail_list(request):
    config = conf.from_settings()
    to = request.GET.get("to", "").strip()
    messages = mailbox.messages(config.path, to=to)
    body = mail_pages.index(config, messages, to)
    return HttpResponse(body, headers=html.headers())


@require_safe
@loopback_only
def mail_message(request, mail_id):
    config = conf.from_settings()
    message = mailbox.message(config.path, mail_id)
    if not message:
        return HttpResponse(
            mail_pages.missing(config), status=404, headers=html.headers()
        )
    return HttpResponse(mail_pages.message(config, message), headers=html.headers())


@require_safe
@loopback_only
@xframe_options_sameorigin
def mail_html(request, mail_id):
    message = mailbox.message(conf.from_settings().path, mail_id)
    if not message:
        return HttpResponse("No such mail.", status=404, content_type="text/plain")
    response = HttpResponse(mail_pages.framed(message["html"]))
    # The mail is data, not our page: no script, no form, nothing fetched from afar.
    response["Content-Security-Policy"] = (
        "sandbox allow-popups allow-top-navigation-by-user-activation; "
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
        "frame-ancestors 'self'"
    )
    return response
