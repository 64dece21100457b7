"""Names that were reported: read each, keep it or hide it for good, and say why."""

from django import forms
from django.contrib import admin, messages
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from referrals import name_reports
from referrals.admin import programme
from referrals.admin.risk import ActsWithReason, ReasonForm
from referrals.models import NameCase, NameDecision, NameReport
from shop.kit.staff import (
    Figure,
    ReadOnlyAdmin,
    ReadOnlyInline,
    change_url,
    moment,
)

Verdict = NameDecision.Verdict

_VERDICTS = [(each, each.label) for each in (Verdict.KEEP, Verdict.HIDE)]

# The ones that are needed every day; anything else is written.
REASONS = [
    "A name like any other",
    "An insult",
    "Pretends to be somebody else",
    "An advertisement",
]
_DONE = {
    Verdict.KEEP: "The name is kept.",
    Verdict.HIDE: "The name is hidden for good.",
    Verdict.REOPEN: "The name waits for a decision again.",
}


class DecisionForm(forms.Form):
    case = forms.ModelChoiceField(NameCase.objects.all())
    verdict = forms.ChoiceField(choices=_VERDICTS)
    picked = forms.ChoiceField(choices=[(each, each) for each in REASONS])
    reason = forms.CharField(max_length=300)

    def __init__(self, posted):
        super().__init__(posted)
        self.fields["picked"].required = self.fields["reason"].required = False

    def clean(self):
        said = super().clean()
        said["reason"] = said.get("reason") or said.get("picked", "")
        if not self.errors and not said["reason"]:
            raise forms.ValidationError(
                "Say why: the reason is kept with the decision."
            )
        return said


class ReportInline(ReadOnlyInline):
    model = NameReport
    fields = ["created_at", "network"]


class DecisionInline(ReadOnlyInline):
    model = NameDecision
    fields = ["created_at", "verdict", "reason", "decided_by"]


@admin.register(NameCase)
class NameCaseAdmin(ActsWithReason, ReadOnlyAdmin):
    """The queue is a page of its own; here is what became of each."""

    change_list_template = "admin/referrals/namecase/change_list.html"
    change_form_template = "admin/referrals/namecase/change_form.html"
    list_display = ["name", "person", "kind", "state", "opened", "decided"]
    list_filter = ["state", "kind"]
    list_select_related = ["person"]
    search_fields = ["person__email"]
    exclude = ["name_hash"]
    secret_fields = ["name_hash"]
    inlines = [ReportInline, DecisionInline]

    opened = moment("opened_at", "Opened")
    decided = moment("decided_at", "Decided")

    def get_urls(self):
        wrap = self.admin_site.admin_view
        return [
            path("queue/", wrap(self.queue), name="referrals_namecase_queue"),
            path("<int:pk>/again/", wrap(self.again), name="referrals_namecase_again"),
            *super().get_urls(),
        ]

    def start_figures(self, request):
        """What the staff's start page says of the queue."""
        if not self.has_act_permission(request):
            return
        count = name_reports.waiting().count()
        yield Figure(
            "Names to look at",
            str(count),
            reverse("admin:referrals_namecase_queue"),
            needs_care=bool(count),
        )

    def queue(self, request):
        """What waits on GET; a POST decides about the name it tells."""
        self.refuse_others(request)
        if request.method == "POST":
            form = DecisionForm(request.POST)
            if form.is_valid():
                said = form.cleaned_data
                self._decide(request, said["case"], said["verdict"], said["reason"])
            else:
                wrong = [error for errors in form.errors.values() for error in errors]
                messages.error(request, wrong[0])
            return redirect("admin:referrals_namecase_queue")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "Names to look at",
            "tabs": programme.tabs(request, "namecase_queue"),
            "cases": name_reports.queue(),
            "reasons": REASONS,
        }
        return TemplateResponse(request, "admin/referrals/namecase/queue.html", context)

    def again(self, request, pk):
        self.refuse_others(request)
        case = get_object_or_404(NameCase, pk=pk)
        back = change_url(NameCase, pk)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            self._decide(request, case, Verdict.REOPEN, **form.cleaned_data)
            return redirect(back)
        title = "Look at this name again"
        return self.ask(request, form, title=title, button="Look again", url=back)

    def _decide(self, request, case, verdict, reason):
        try:
            name_reports.decide(case, verdict, actor=request.user, reason=reason)
        except name_reports.AlreadyDecided as error:
            messages.warning(request, f"{error} Nothing was done by you.")
        except name_reports.OwnAffair as error:
            self.log_change(request, case, f"Refused: {error}")
            messages.error(request, str(error))
        else:
            self.log_change(request, case, f"{Verdict(verdict).label}. {reason}")
            messages.success(request, _DONE[verdict])


@admin.register(NameReport)
class NameReportAdmin(ReadOnlyAdmin):
    list_display = ["case", "network", "reported"]
    list_select_related = ["case__person"]
    search_fields = ["case__person__email"]
    exclude = ["network_hash"]
    secret_fields = ["network_hash"]

    reported = moment("created_at", "Reported")


@admin.register(NameDecision)
class NameDecisionAdmin(ReadOnlyAdmin):
    list_display = ["case", "verdict", "reason", "decided_by", "decided"]
    list_filter = ["verdict"]
    list_select_related = ["case__person", "decided_by"]
    search_fields = ["case__person__email", "reason"]

    decided = moment("created_at", "Decided")
