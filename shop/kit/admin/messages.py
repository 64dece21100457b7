"""The log of outgoing mail: what was sent, what failed, and sending it once more."""

import re

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.clickjacking import xframe_options_sameorigin

from shop.kit import mail
from shop.kit.models import Message
from shop.kit.staff import NOTHING, ReadOnlyAdmin, change_url, confirm, moment

State = Message.State

# A mail is a guest in the staff's page: its styles count; nothing of it runs, loads,
# submits or leads away.
_ALONE = {
    "default-src": NONE,
    "style-src": UNSAFE_INLINE,
    "frame-ancestors": SELF,
    "sandbox": True,
}


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """Who reads a sign-in code can sign in as its owner, so such mails stay shut."""

    long_fields = ["text", "html"]
    secret_fields = ["subject", "text", "html"]
    list_display = [
        "about",
        "recipient",
        "kind",
        "state",
        "attempts",
        "short_error",
        "again",
        "created",
    ]
    list_filter = ["state", "kind", "created_at"]
    list_select_related = ["asked_by"]
    # Not by subject: it may begin with a code, which a search would find out.
    search_fields = ["recipient", "=kind", "=subject_row", "=reference", "=message_id"]
    search_help_text = "Recipient, kind, an order's code, or what it is about"
    ordering = ["-created_at"]
    actions = ["send_failed"]
    fieldsets = [
        (None, {"fields": ["sender", "recipient", "about", "message_id", "sent_at"]}),
        (
            "Delivery",
            {
                "fields": [
                    "state",
                    "attempts",
                    "error",
                    "created_at",
                    "kind",
                    "subject_row",
                    "again",
                ]
            },
        ),
        ("Text", {"fields": ["words"]}),
    ]

    created = moment("created_at", "Written")

    @admin.display(description="From")
    def sender(self, message):
        return settings.DEFAULT_FROM_EMAIL

    # Not sorted by subject: among mails whose codes one knows it would tell the others.
    @admin.display(description="Subject")
    def about(self, message):
        if message.is_secret:
            return re.sub(r"\d", "•", message.subject)
        return message.subject

    @admin.display(description="Words")
    def words(self, message):
        if message.is_secret:
            return "Not shown: it may hold a sign-in code."
        return mail.without_keys(message.text)

    @admin.display(description="Last error", ordering="error")
    def short_error(self, message):
        return message.error[:80] or NOTHING

    @admin.display(description="Sent again", ordering="copy")
    def again(self, message):
        if not message.copy:
            return NOTHING
        return f"No. {message.copy}, asked by {message.asked_by}"

    @admin.action(description="Send again what failed…", permissions=["act"])
    def send_failed(self, request, queryset):
        failed = list(queryset.filter(state=State.FAILED).exclude(kind=Message.ACCOUNT))
        if not failed:
            self.message_user(
                request, "None of these failed and may be sent.", messages.WARNING
            )
            return None
        if "confirmed" in request.POST:
            for message in failed:
                self._send(request, message, mail.next_copy(message))
            return None
        return confirm(
            self,
            request,
            action="send_failed",
            rows=failed,
            title="Send failed mails again",
            facts=[
                ("Mails", len(failed)),
                ("To people", len({message.recipient for message in failed})),
            ],
            button="Send again",
        )

    def get_urls(self):
        shown = self.admin_site.admin_view(self.show_html)
        again = self.admin_site.admin_view(self.send_again)
        return [
            path("<int:pk>/html/", shown, name="kit_message_html"),
            path("<int:pk>/again/", again, name="kit_message_again"),
            *super().get_urls(),
        ]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        message = self.get_object(request, object_id)
        shown = {}
        if message:
            shown = {
                "has_html": bool(message.html) and not message.is_secret,
                "may_send": self.has_act_permission(request) and not message.is_secret,
            }
        return super().change_view(request, object_id, form_url, shown)

    def show_html(self, request, pk):
        """The HTML as its reader sees it, for a frame in the mail's own page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        message = get_object_or_404(Message, pk=pk)
        if message.is_secret or not message.html:
            raise Http404("Nothing to show.")
        return _alone(request, mail.without_keys(message.html))

    def send_again(self, request, pk):
        """A page that asks; what it posts says which copy it asked for."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        message = get_object_or_404(Message, pk=pk)
        if message.is_secret:
            raise Http404("Such mails are asked for by their readers.")
        if request.method == "POST":
            number = request.POST.get("copy", "")
            is_number = number.isascii() and number.isdigit() and len(number) < 6
            self._send(request, message, int(number) if is_number else 0)
            return redirect(change_url(Message, pk))
        return TemplateResponse(
            request,
            "admin/kit/message/again.html",
            {
                **self.admin_site.each_context(request),
                "opts": Message._meta,
                "title": "Send this mail again?",
                "message": message,
                "copy": mail.next_copy(message),
            },
        )

    def _send(self, request, message, number):
        try:
            sent = mail.send_again(message, number, request.user)
        except mail.NotSentAgain as error:
            self.message_user(request, f"{message}: {error}", messages.WARNING)
            return
        self.log_change(request, sent, f"Sent again to {sent.recipient}.")
        self.message_user(
            request, f"On the way to {sent.recipient} again.", messages.SUCCESS
        )


@csp(_ALONE)
@xframe_options_sameorigin
def _alone(request, html):
    return HttpResponse(html)
