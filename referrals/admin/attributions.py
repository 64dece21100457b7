"""Who brought whom, every claim that was made, and staff's own word about it."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html

from accounts.models import User
from orders.models import Order
from referrals import by_hand, explain, links
from referrals.admin.columns import InWords, in_words, spoken
from referrals.models import Attribution, Claim, FormerCustomer
from shop.kit.staff import ReadOnlyAdmin, change_url, moment


class ByHandForm(forms.Form):
    """Who came by whose code, and what shows it."""

    friend = forms.EmailField(label="Email of the friend", max_length=254)
    code = forms.CharField(label="Code of the inviter", max_length=40)
    order = forms.CharField(
        label="Order that shows it", max_length=12, help_text="Such as Q3XN 8VTA."
    )
    reason = forms.CharField(
        min_length=by_hand.LEAST_REASON,
        max_length=240,
        help_text="What the friend or the inviter told us; kept for good.",
    )
    force = forms.BooleanField(
        label="Even if a rule speaks against it",
        help_text="Never a second inviter, and never one who joined later.",
        required=False,
    )

    def clean_friend(self):
        found = User.objects.filter(email__iexact=self.cleaned_data["friend"]).first()
        if found is None:
            raise forms.ValidationError("Nobody has this address.")
        return found

    def clean_code(self):
        found = links.resolve(self.cleaned_data["code"])
        if found is None:
            raise forms.ValidationError("There is no such code.")
        return found

    def clean_order(self):
        code = "".join(filter(str.isalnum, self.cleaned_data["order"].upper()))
        found = Order.objects.filter(code=code[:8]).first()
        if found is None:
            raise forms.ValidationError("There is no such order.")
        return found


class ReopenForm(forms.Form):
    reason = forms.CharField(min_length=by_hand.LEAST_REASON, max_length=240)


@admin.register(Attribution)
class AttributionAdmin(ReadOnlyAdmin):
    list_display = [
        "invitee",
        "inviter",
        "method",
        "status",
        "because",
        "why",
        "made",
    ]
    list_filter = ["status", "method", ("void_reason", InWords)]
    list_select_related = ["invitee", "inviter", "link__owner", "terms__campaign"]
    search_fields = ["invitee__email", "inviter__email"]
    change_list_template = "admin/referrals/attribution/change_list.html"

    because = in_words("void_reason", "Void because")
    made = moment("created_at", "Made")

    @admin.display(description="Why (not)")
    def why(self, row):
        address = reverse("admin:referrals_attribution_why", args=[row.invitee_id])
        return format_html('<a href="{}">Why</a>', address)

    def get_urls(self):
        protect = self.admin_site.admin_view
        return [
            path(
                "by-hand/", protect(self.by_hand), name="referrals_attribution_by_hand"
            ),
            path(
                "<int:pk>/why/", protect(self.explain), name="referrals_attribution_why"
            ),
            path(
                "<int:pk>/reopen/",
                protect(self.reopen),
                name="referrals_attribution_reopen",
            ),
            *super().get_urls(),
        ]

    def by_hand(self, request):
        """Enter who brought somebody, for whom no link and no code can tell."""
        self._must_act(request)
        form = ByHandForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            said = form.cleaned_data
            word = by_hand.Word(
                request.user, said["reason"], said["order"], said["force"]
            )
            try:
                made = by_hand.attribute(said["friend"], said["code"], word)
            except by_hand.Refused as refused:
                form.add_error(None, str(refused))
            else:
                messages.success(request, f"Entered: {made}.")
                return redirect(change_url(Attribution, made.pk))
        return self._page(request, "by_hand", "Enter who brought somebody", form=form)

    def explain(self, request, pk):
        """Everything about how one person came: touches, claims, rules, rewards."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        case = explain.case_of(get_object_or_404(User, pk=pk))
        is_void = case.attribution and case.attribution.void_reason
        return self._page(
            request,
            "why",
            f"Why (not): {case.person}",
            case=case,
            because=spoken(case.attribution.void_reason) if is_void else "",
            form=ReopenForm(),
            may_act=self.has_act_permission(request),
        )

    def reopen(self, request, pk):
        """Let one that lapsed or was voided count after all."""
        self._must_act(request)
        attribution = get_object_or_404(Attribution, pk=pk)
        form = ReopenForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                by_hand.reopen(
                    attribution, actor=request.user, reason=form.cleaned_data["reason"]
                )
            except by_hand.Refused as refused:
                messages.warning(request, str(refused))
            else:
                messages.success(request, "It counts now.")
        elif request.method == "POST":
            messages.warning(request, "Give a reason of 10 characters or more.")
        return redirect("admin:referrals_attribution_why", attribution.invitee_id)

    def _must_act(self, request):
        if not self.has_act_permission(request):
            raise PermissionDenied

    def _page(self, request, name, title, **context):
        shared = {
            **self.admin_site.each_context(request),
            "opts": Attribution._meta,
            "title": title,
        }
        template = f"admin/referrals/attribution/{name}.html"
        return TemplateResponse(request, template, shared | context)


@admin.register(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    list_display = ["invitee", "link", "won", "method", "because", "actor", "touched"]
    list_filter = ["won", "method", ("reason", InWords)]
    list_select_related = ["invitee", "link__owner", "actor"]
    search_fields = ["invitee__email", "link__owner__email"]

    because = in_words("reason", "Because")
    touched = moment("touched_at", "Touched")


@admin.register(FormerCustomer)
class FormerCustomerAdmin(ReadOnlyAdmin):
    list_display = ["kind", "left"]
    list_filter = ["kind"]
    exclude = ["value_hash"]

    left = moment("created_at", "Noted")
