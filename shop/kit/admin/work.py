"""What staff see of background work and of each other's actions."""

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django_tasks_db.admin import DBTaskResultAdmin
from django_tasks_db.models import DBTaskResult

from shop.kit import jobs
from shop.kit.models import Schedule
from shop.kit.staff import BoundedPaginator, ReadOnlyAdmin, linked


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


class Due(admin.SimpleListFilter):
    """What a worker would take now."""

    title = "due"
    parameter_name = "due"

    def lookups(self, request, model_admin):
        return [("1", "Yes")]

    def queryset(self, request, queryset):
        return queryset.filter(jobs.due()) if self.value() == "1" else queryset


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
    list_filter = ["status", Due, "queue_name", "enqueued_at"]
    search_fields = ["task_path"]
    paginator = BoundedPaginator
    show_full_result_count = False

    @admin.display(description="Tries")
    def tries(self, job):
        return len(job.worker_ids)
