"""What makes somebody look twice, what was decided, and who is kept out."""

from functools import partial

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import BigIntegerField, Case, OuterRef, Subquery, When
from django.db.models.functions import Cast
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from accounts.models import User
from referrals import blocks, breaker, review
from referrals.admin import queue
from referrals.admin.columns import InWords, in_words
from referrals.models import (
    Block,
    Device,
    ReleasePause,
    ReviewCase,
    ReviewDecision,
    RiskSignal,
)
from shop.kit.staff import (
    Figure,
    ReadOnlyAdmin,
    ReadOnlyInline,
    change_url,
    list_url,
    moment,
    whether,
)

_PEOPLE = ["attribution__invitee", "attribution__inviter", "attribution__link__owner"]


class BlockForm(forms.Form):
    kind = forms.ChoiceField(choices=Block.Kind, label="What")
    value = forms.CharField(
        max_length=254,
        label="Which",
        help_text="A person’s email, spam.example, 203.0.113.0/24, or a code.",
    )
    reason = forms.CharField(max_length=300, help_text="Kept with the block.")


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=300, help_text="Kept for good.")


@admin.register(RiskSignal)
class RiskSignalAdmin(ReadOnlyAdmin):
    list_display = ["attribution", "sign", "weight", "evidence", "seen"]
    list_filter = [("code", InWords)]
    list_select_related = _PEOPLE
    search_fields = ["attribution__invitee__email", "attribution__inviter__email"]

    sign = in_words("code", "Sign")
    seen = moment("created_at", "Seen")


class DecisionInline(ReadOnlyInline):
    model = ReviewDecision
    fields = ["created_at", "verdict", "reason", "decided_by"]


@admin.register(ReviewCase)
class ReviewCaseAdmin(ReadOnlyAdmin):
    """The queue is a page of its own; here is what became of each."""

    change_list_template = "admin/referrals/reviewcase/change_list.html"
    list_display = ["attribution", "state", "score", "opened", "decided"]
    list_filter = ["state", ("decided_at", whether("decided"))]
    list_select_related = _PEOPLE
    search_fields = ["attribution__invitee__email", "attribution__inviter__email"]
    inlines = [DecisionInline]

    opened = moment("opened_at", "Opened")
    decided = moment("decided_at", "Decided")

    def start_figures(self, request):
        """What the staff's start page says of the queue."""
        if not self.has_act_permission(request):
            return
        count = ReviewCase.objects.filter(state__in=review.WAITS).count()
        yield Figure(
            "Friends to look at",
            str(count),
            reverse("admin:referrals_reviewcase_queue"),
            needs_care=bool(count),
        )

    def change_view(self, request, object_id, form_url="", extra_context=None):
        shown = {"may_act": self.has_act_permission(request)}
        return super().change_view(request, object_id, form_url, shown)

    def get_urls(self):
        page = self.admin_site.admin_view(partial(queue.queue, self))
        name = "referrals_reviewcase_queue"
        return [path("queue/", page, name=name), *super().get_urls()]


@admin.register(ReviewDecision)
class ReviewDecisionAdmin(ReadOnlyAdmin):
    list_display = ["case", "verdict", "reason", "decided_by", "decided"]
    list_filter = ["verdict"]
    list_select_related = [*(f"case__{each}" for each in _PEOPLE), "decided_by"]
    search_fields = ["case__attribution__invitee__email", "reason"]

    decided = moment("created_at", "Decided")


class ActsWithReason:
    """A mixin: one page of its own where staff say why."""

    def ask(self, request, form, *, title, button, url):
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": title,
            "form": form,
            "button": button,
            "back_url": url,
        }
        return TemplateResponse(request, "admin/referrals/reason.html", context)

    def refuse_others(self, request):
        if not self.has_act_permission(request):
            raise PermissionDenied


@admin.register(Block)
class BlockAdmin(ActsWithReason, ReadOnlyAdmin):
    change_list_template = "admin/referrals/block/change_list.html"
    change_form_template = "admin/referrals/block/change_form.html"
    list_display = ["kind", "what", "reason", "blocked_by", "made", "lifted"]
    list_filter = ["kind", ("lifted_at", whether("lifted"))]
    list_select_related = ["blocked_by"]
    search_fields = ["value", "person_email", "reason"]
    fields = [
        "kind",
        "what",
        "reason",
        "blocked_by",
        "created_at",
        "lifted_by",
        "lifted_at",
    ]

    made = moment("created_at", "Blocked")
    lifted = moment("lifted_at", "Lifted")

    def get_queryset(self, request):
        """With the email of who is blocked, for the value of a person is their key."""
        key = Case(When(kind=Block.Kind.PERSON, then=Cast("value", BigIntegerField())))
        person = User.objects.filter(pk=OuterRef("person")).values("email")
        rows = super().get_queryset(request).annotate(person=key)
        return rows.annotate(person_email=Subquery(person))

    @admin.display(description="What")
    def what(self, block):
        return block.person_email or block.value

    def get_urls(self):
        wrap = self.admin_site.admin_view
        return [
            path("new/", wrap(self.new), name="referrals_block_new"),
            path("<int:pk>/lift/", wrap(self.lift), name="referrals_block_lift"),
            *super().get_urls(),
        ]

    def new(self, request):
        self.refuse_others(request)
        form = BlockForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                made = blocks.block(**form.cleaned_data, actor=request.user)
            except blocks.NotUnderstood as error:
                form.add_error("value", str(error))
            except blocks.Standing as error:
                messages.warning(request, "This is blocked already.")
                return redirect(change_url(Block, error.args[0].pk))
            else:
                self.log_addition(request, made, f"Blocked. {made.reason}")
                messages.success(request, f"Blocked: {made}.")
                return redirect(change_url(Block, made.pk))
        back = list_url(Block)
        return self.ask(request, form, title="Block", button="Block", url=back)

    def lift(self, request, pk):
        self.refuse_others(request)
        block = get_object_or_404(Block, pk=pk)
        back = change_url(Block, pk)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                blocks.lift(block, actor=request.user)
            except blocks.NotStanding:
                messages.warning(request, "Somebody has lifted it already.")
            except blocks.OwnAffair as error:
                messages.error(request, str(error))
            else:
                self.log_change(
                    request, block, f"Lifted. {form.cleaned_data['reason']}"
                )
                messages.success(request, f"Not blocked any more: {block}.")
            return redirect(back)
        return self.ask(request, form, title=f"Lift: {block}", button="Lift", url=back)


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    list_display = ["user", "agent", "network", "first", "seen", "trusted"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    exclude = ["token_hash", "network_hash"]

    first = moment("created_at", "First seen")
    seen = moment("seen_at", "Last seen")
    trusted = moment("trusted_at", "Trusted")


@admin.register(ReleasePause)
class ReleasePauseAdmin(ActsWithReason, ReadOnlyAdmin):
    change_form_template = "admin/referrals/releasepause/change_form.html"
    list_display = ["tripped", "released_count", "usual_count", "ended"]
    list_select_related = ["ended_by"]

    tripped = moment("tripped_at", "Since")
    ended = moment("ended_at", "Ended")

    def get_urls(self):
        page = self.admin_site.admin_view(self.end)
        name = "referrals_releasepause_end"
        return [path("<int:pk>/end/", page, name=name), *super().get_urls()]

    def end(self, request, pk):
        self.refuse_others(request)
        pause = get_object_or_404(ReleasePause, pk=pk)
        back = change_url(ReleasePause, pk)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            try:
                breaker.end(pause, actor=request.user, reason=reason)
            except breaker.NotStanding:
                messages.warning(request, "Somebody has ended it already.")
            else:
                self.log_change(request, pause, f"Ended. {reason}")
                messages.success(request, "Rewards are released again.")
            return redirect(back)
        title, button = "Let rewards be released again", "Release"
        return self.ask(request, form, title=title, button=button, url=back)
