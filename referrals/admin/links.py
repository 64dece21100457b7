"""Links, their codes, and what was counted of them."""

from django import forms
from django.contrib import admin, messages
from django.db.models import OuterRef, Subquery, Sum
from django.shortcuts import get_object_or_404, redirect
from django.urls import path

from referrals import codes, destinations, links, rollup
from referrals.admin.risk import ActsWithReason, ReasonForm
from referrals.models import (
    CampaignDay,
    Code,
    LinkDay,
    ReferralLink,
    SharedCart,
    SharedCartLine,
)
from shop.kit.staff import (
    Figure,
    ReadOnlyAdmin,
    ReadOnlyInline,
    change_url,
    list_url,
    moment,
)


class CampaignLinkForm(forms.ModelForm):
    """A link without an owner: it is counted, and nobody earns by it."""

    class Meta:
        model = ReferralLink
        fields = ["campaign", "label", "path", "active_from", "expires_at"]

    def clean_path(self):
        path = self.cleaned_data["path"]
        if path and destinations.own_path(path) is None:
            raise forms.ValidationError("A page of this shop, such as /c/lighting/.")
        return path


class EndForm(forms.Form):
    reason = forms.CharField(max_length=120, help_text="Kept with the link.")


class DatesForm(forms.ModelForm):
    """When a campaign's link counts. Empty: without a limit."""

    class Meta:
        model = ReferralLink
        fields = ["active_from", "expires_at"]

    def clean(self):
        said = super().clean()
        since, until = said.get("active_from"), said.get("expires_at")
        if since and until and until <= since:
            raise forms.ValidationError("The end comes before the start.")
        return said


@admin.register(ReferralLink)
class ReferralLinkAdmin(ActsWithReason, ReadOnlyAdmin):
    """Staff make the links of campaigns and say when they count, and end any link."""

    change_form_template = "admin/referrals/referrallink/change_form.html"
    readonly_fields = ["did_not_count"]
    list_display = ["code", "label", "owner", "kind", "campaign", "made", "ended"]
    list_filter = ["kind", "campaign", "is_default"]
    list_select_related = ["owner", "campaign"]
    search_fields = ["owner__email", "codes__text"]

    made = moment("created_at", "Made")
    ended = moment("disabled_at", "Ended")

    def get_queryset(self, request):
        """With the code that people see, or the only one, as a printed card has it."""
        first = Code.objects.filter(link=OuterRef("pk")).order_by("-is_primary", "pk")
        shown = Subquery(first.values("display")[:1])
        return super().get_queryset(request).annotate(shown=shown)

    def named(self, term):
        """The links that the search of the start page finds by this code."""
        return links.resolve_all([term])

    @admin.display(description="Code")
    def code(self, link):
        return link.shown

    @admin.display(description="Did not count")
    def did_not_count(self, link):
        names = ["previews", "own_clicks", "late_clicks"]
        sums = LinkDay.objects.filter(link=link).aggregate(
            **{f"all_{name}": Sum(name, default=0) for name in names}
        )
        machines, own, late = sums.values()
        return f"{machines} by machines, {own} by its owner, {late} after its end"

    def get_urls(self):
        wrap, name = self.admin_site.admin_view, "referrals_referrallink"
        return [
            path("<int:pk>/end/", wrap(self.end), name=f"{name}_end"),
            path("<int:pk>/open/", wrap(self.open), name=f"{name}_open"),
            path("<int:pk>/dates/", wrap(self.dates), name=f"{name}_dates"),
            *super().get_urls(),
        ]

    def end(self, request, pk):
        self.refuse_others(request)
        link = get_object_or_404(ReferralLink, pk=pk)
        form = EndForm(request.POST if request.method == "POST" else None)
        title = f"End: {link}"
        if not form.is_valid():
            return self._ask(request, form, link, title=title, button="End the link")
        reason = form.cleaned_data["reason"]
        if links.disable(link, reason=reason):
            self.log_change(request, link, f"Ended. {reason}")
            messages.success(request, f"Ended: {link}. Who came by it still counts.")
        else:
            messages.warning(request, "It has ended already.")
        return redirect(change_url(ReferralLink, pk))

    def open(self, request, pk):
        self.refuse_others(request)
        link = get_object_or_404(ReferralLink.objects.select_related("owner"), pk=pk)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        title = f"Open again: {link}"
        if not form.is_valid():
            return self._ask(request, form, link, title=title, button="Open the link")
        try:
            opened = links.enable(link)
        except links.CannotOpen as error:
            messages.error(request, str(error))
        else:
            if opened:
                reason = form.cleaned_data["reason"]
                self.log_change(request, link, f"Opened again. {reason}")
                messages.success(request, f"Open again: {link}.")
            else:
                messages.warning(request, "It is open already.")
        return redirect(change_url(ReferralLink, pk))

    def dates(self, request, pk):
        self.refuse_others(request)
        link = get_object_or_404(ReferralLink, pk=pk, kind=ReferralLink.Kind.CAMPAIGN)
        form = DatesForm(
            request.POST if request.method == "POST" else None, instance=link
        )
        if not form.is_valid():
            title = f"When it counts: {link}"
            return self._ask(request, form, link, title=title, button="Save the dates")
        links.set_dates(link, **form.cleaned_data)
        since, until = (form.cleaned_data[name] for name in form.Meta.fields)
        said = f"Counts from {since or 'the start'} until {until or 'further notice'}."
        self.log_change(request, link, said)
        messages.success(request, said)
        return redirect(change_url(ReferralLink, pk))

    def _ask(self, request, form, link, *, title, button):
        back = change_url(ReferralLink, link.pk)
        return self.ask(request, form, title=title, button=button, url=back)

    def has_add_permission(self, request):
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_form(self, request, obj=None, **kwargs):
        if obj is None:
            kwargs["form"] = CampaignLinkForm
        return super().get_form(request, obj, **kwargs)

    def get_fields(self, request, obj=None):
        if obj is None:
            return CampaignLinkForm.Meta.fields
        return super().get_fields(request, obj)

    def save_model(self, request, obj, form, change):
        links.for_campaign(obj)


class WaitsForUs(admin.SimpleListFilter):
    """A code that somebody of the staff has to allow or refuse."""

    title = "waits for us"
    parameter_name = "waits"

    def lookups(self, request, model_admin):
        return [("1", "Yes")]

    def queryset(self, request, queryset):
        return queryset.waiting() if self.value() == "1" else queryset


@admin.register(Code)
class CodeAdmin(ReadOnlyAdmin):
    """Codes that read like advertisements wait here until somebody has looked."""

    list_display = ["__str__", "link", "kind", "waits", "retired", "made"]
    list_filter = [WaitsForUs, "kind"]
    list_select_related = ["link__owner"]
    search_fields = ["text", "link__owner__email"]
    actions = ["allow", "refuse"]

    waits = moment("waits_since", "Waits since")
    retired = moment("retired_at", "Retired")
    made = moment("created_at", "Made")

    def start_figures(self, request):
        """What the staff's start page says of codes that wait for somebody."""
        if not self.has_act_permission(request):
            return
        count = Code.objects.waiting().count()
        if count:
            url = list_url(Code, "waits=1")
            yield Figure("Codes to allow", str(count), url, needs_care=True)

    @admin.action(description="Allow", permissions=["act"])
    def allow(self, request, queryset):
        self._decide(request, queryset, codes.allow, "Allowed")

    @admin.action(description="Refuse, for good", permissions=["act"])
    def refuse(self, request, queryset):
        self._decide(request, queryset, codes.refuse, "Refused")

    def _decide(self, request, queryset, verb, word):
        for code in queryset:
            if verb(code):
                self.log_change(request, code, word)
                self.message_user(request, f"{word}: {code}.")
            else:
                said = f"{code} does not wait for anybody."
                self.message_user(request, said, messages.WARNING)


@admin.register(LinkDay)
class LinkDayAdmin(ReadOnlyAdmin):
    list_display = ["link", "day", "previews", "own_clicks", "late_clicks"]
    list_select_related = ["link__owner"]
    search_fields = ["link__owner__email", "link__codes__text"]


@admin.register(CampaignDay)
class CampaignDayAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "kind", "channel", "day", "previews", *rollup.COUNTS]
    list_select_related = ["campaign"]
    list_filter = ["kind", "channel"]
    search_fields = ["campaign__name"]
    ordering = ["-day", "campaign", "kind", "channel"]


class SharedCartLineInline(ReadOnlyInline):
    model = SharedCartLine
    fields = ["variant", "quantity"]


@admin.register(SharedCart)
class SharedCartAdmin(ReadOnlyAdmin):
    list_display = ["link", "note", "made"]
    list_select_related = ["link__owner"]
    search_fields = ["link__owner__email", "link__codes__text"]
    exclude = ["token", "content_hash"]
    inlines = [SharedCartLineInline]

    made = moment("created_at", "Made")


@admin.register(SharedCartLine)
class SharedCartLineAdmin(ReadOnlyAdmin):
    list_display = ["cart", "variant", "quantity"]
    list_select_related = ["cart", "variant__product"]
    search_fields = ["cart__link__owner__email", "variant__sku"]
