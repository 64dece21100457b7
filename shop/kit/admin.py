"""What staff see of outgoing mail, background work and each other's actions."""

import re

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.views.decorators.http import require_POST
from django_tasks_db.admin import DBTaskResultAdmin
from django_tasks_db.models import DBTaskResult

from shop.kit import books, mail
from shop.kit.models import BookProof, Message, Schedule
from shop.kit.staff import (
    BoundedPaginator,
    ReadOnlyAdmin,
    change_url,
    linked,
    list_url,
)


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    long_fields = ["text", "html"]
    list_display = ["about", "recipient", "kind", "state", "attempts", "created_at"]
    list_filter = ["state", "kind", "created_at"]
    # Not by subject: it may begin with a code, which a search would find out.
    search_fields = ["recipient", "=kind", "=subject_row", "=message_id"]
    search_help_text = "Recipient, kind, or what it is about, such as order:17"
    ordering = ["-created_at"]
    actions = ["send_again"]
    fieldsets = [
        (None, {"fields": ["about", "recipient", "kind", "subject_row", "words"]}),
        (
            "Delivery",
            {
                "fields": [
                    "state",
                    "attempts",
                    "error",
                    "created_at",
                    "sent_at",
                    "message_id",
                ]
            },
        ),
    ]

    # Whoever reads a sign-in code can sign in as its owner.

    @admin.display(description="Subject", ordering="subject")
    def about(self, message):
        if message.kind == "account":
            return re.sub(r"\d", "•", message.subject)
        return message.subject

    @admin.display(description="Text")
    def words(self, message):
        if message.kind == "account":
            return "Not shown: it may hold a sign-in code."
        return message.text

    @admin.action(description="Send again, if it failed", permissions=["act"])
    def send_again(self, request, queryset):
        failed = queryset.filter(state=Message.State.FAILED)
        with transaction.atomic():
            for message in failed:
                mail.deliver.enqueue(message.pk)
                self.log_change(request, message, "Sent again.")
        self.message_user(
            request,
            f"{len(failed)} failed of {queryset.count()} chosen: on the way again.",
            messages.SUCCESS if failed else messages.WARNING,
        )


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ["name", "next_run_at"]
    ordering = ["name"]


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """Who did what in here."""

    list_display = ["action_time", "person", "content_type", "object_repr", "did"]
    list_display_links = ["action_time"]
    list_filter = ["action_flag", "action_time"]
    list_select_related = ["user", "content_type"]
    search_fields = ["=user__email", "object_repr", "change_message"]
    fields = ["action_time", "person", "content_type", "object_repr", "did"]

    person = linked("user", "Person")

    @admin.display(description="What was done")
    def did(self, entry):
        return entry.get_change_message() or entry.get_action_flag_display()


admin.site.unregister(DBTaskResult)


@admin.register(DBTaskResult)
class JobAdmin(DBTaskResultAdmin):
    """One job; the package's page, with a list that says what ran and how often."""

    list_display = [
        "task_path",
        "status",
        "enqueued_at",
        "started_at",
        "finished_at",
        "tries",
        "queue_name",
    ]
    list_filter = ["status", "queue_name", "enqueued_at"]
    search_fields = ["task_path"]
    paginator = BoundedPaginator
    show_full_result_count = False

    @admin.display(description="Tries")
    def tries(self, job):
        return len(job.worker_ids)


@admin.register(BookProof)
class BookProofAdmin(ReadOnlyAdmin):
    """What each proof found; every row that does not add up, with its safe repair."""

    list_display = ["proved_on", "mismatch_count", "asked_outside", "finished_at"]
    list_filter = ["asked_outside", "started_at"]
    ordering = ["-pk"]
    fields = ["started_at", "finished_at", "asked_outside", "mismatch_count"]

    @admin.display(description="Proof", ordering="started_at")
    def proved_on(self, proof):
        return str(proof)

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        opened = getattr(request.resolver_match, "url_name", "").endswith("_change")
        return rows if opened else rows.defer("counts", "mismatches")

    def get_urls(self):
        mend = self.admin_site.admin_view(require_POST(self.mend))
        again = self.admin_site.admin_view(require_POST(self.again))
        return [
            path("again/", again, name="kit_bookproof_again"),
            path("<int:pk>/mend/", mend, name="kit_bookproof_mend"),
            *super().get_urls(),
        ]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        proof = self.get_object(request, object_id)
        may_act = self.has_act_permission(request)
        shown = {"checked": _checked(proof), "may_act": may_act} if proof else {}
        return super().change_view(request, object_id, form_url, shown)

    def mend(self, request, pk):
        """Press the repair of one row; what it said is told and logged."""
        proof = self._of_act(request, pk)
        try:
            mismatch = proof.mismatches[int(request.POST.get("mismatch", ""))]
            said = books.mend(mismatch)
        except (ValueError, LookupError):
            raise Http404("No such row, or no repair for it.") from None
        except (ObjectDoesNotExist, IntegrityError) as error:
            self.message_user(request, f"Not repaired: {error}", messages.ERROR)
        else:
            self.log_change(request, proof, f"Repaired {mismatch['rule']}: {said}")
            self.message_user(request, said, messages.SUCCESS)
        return redirect(change_url(BookProof, pk))

    def again(self, request):
        """Let the worker prove the books now."""
        self._of_act(request)
        books.prove_nightly.enqueue()
        self.message_user(request, "The books are being proved; reload in a minute.")
        return redirect(list_url(BookProof))

    def _of_act(self, request, pk=None):
        if not self.has_act_permission(request):
            raise PermissionDenied
        return get_object_or_404(BookProof, pk=pk) if pk else None


def _checked(proof):
    """Each rule of a proof with its count, and the rows it names."""
    known = books.rules()
    found = {}
    for place, mismatch in enumerate(proof.mismatches):
        found.setdefault(mismatch["rule"], []).append((place, mismatch))
    return [
        {
            "says": known[name].says if name in known else name,
            "count": count,
            "rows": [
                {**mismatch, "place": place, "url": _page_of(known.get(name), mismatch)}
                for place, mismatch in found.get(name, [])
            ],
            "repair": known[name].repair if name in known else None,
        }
        for name, count in proof.counts.items()
    ]


def _page_of(rule, mismatch):
    """A row of ours has a page; an id of somebody else's has none."""
    is_ours = rule and isinstance(mismatch["id"], int)
    if not is_ours or rule.model not in admin.site._registry:
        return ""
    return change_url(rule.model, mismatch["id"])
