"""What staff see of outgoing mail, background work and each other's actions."""

import re

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django_tasks_db.admin import DBTaskResultAdmin
from django_tasks_db.models import DBTaskResult

from shop.kit import mail
from shop.kit.models import Message, Schedule
from shop.kit.staff import BoundedPaginator, ReadOnlyAdmin, linked


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
