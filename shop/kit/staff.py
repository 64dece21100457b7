"""What the admin pages of all apps share."""

import json
from dataclasses import dataclass
from operator import attrgetter

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.paginator import Paginator
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html

from shop.kit.mail import without_keys
from shop.kit.money import format_money

NOTHING = "–"


@dataclass(frozen=True)
class Figure:
    """A number of the start page and the list it counts; `needs_care`: look here."""

    label: str
    value: str
    url: str
    note: str = ""
    needs_care: bool = False


class BoundedPaginator(Paginator):
    """Counts as far as a person pages, not to the end of a table of millions."""

    MOST = 10_000

    @cached_property
    def count(self):
        return min(self._found, self.MOST)

    @property
    def has_more(self) -> bool:
        """Whether there are more than it counts."""
        return self._found > self.MOST

    @cached_property
    def _found(self):
        return self.object_list.order_by()[: self.MOST + 1].count()


class ReadOnlyAdmin(admin.ModelAdmin):
    """History: staff look at it, search it and filter it, and nobody edits it.

    An action that asks a verb to do something takes `permissions=["act"]`: it is for
    those who have the permission to change such rows.
    """

    long_fields = []  # fetched for a row's own page, not for lists
    secret_fields = []  # never shown, and not found out by a filter in the address
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the whole table

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def lookup_allowed(self, lookup, value, request):
        # Django lets an address filter by any column of the row: letter by letter that
        # reads what no page shows.
        name, *_ = lookup.split("__")
        is_secret = name in self.secret_fields
        return not is_secret and super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        opened = getattr(request.resolver_match, "url_name", "").endswith("_change")
        return rows if opened else rows.defer(*self.long_fields)

    def has_act_permission(self, request):
        return super().has_change_permission(request)


class ReadOnlyInline(admin.TabularInline):
    """Rows of history below the row they belong to."""

    template = "admin/read_only_inline.html"
    extra = 0
    can_delete = False

    def has_add_permission(self, request, obj):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


def whether(label: str):
    """A filter that asks whether a moment or a text is there: yes or no."""

    class Whether(admin.EmptyFieldListFilter):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.title = label

        def choices(self, changelist):
            answers = zip(
                super().choices(changelist), ["All", "No", "Yes"], strict=True
            )
            return [{**choice, "display": answer} for choice, answer in answers]

    return Whether


class JumpsToOneHit:
    """A mixin: a search that finds one row opens it."""

    def changelist_view(self, request, extra_context=None):
        term = request.GET.get("q", "").strip()
        if request.method == "GET" and term and list(request.GET) == ["q"]:
            rows, _ = self.get_search_results(request, self.get_queryset(request), term)
            hits = rows.order_by().values_list("pk", flat=True).distinct()[:2]
            if len(hits) == 1 and self.has_view_permission(request):
                return redirect(change_url(self.model, hits[0]))
        return super().changelist_view(request, extra_context)


def change_url(model, pk) -> str:
    """The address of a row's own admin page."""
    opts = model._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[pk])


def list_url(model, query: str = "") -> str:
    """The address of a model's list, filtered by `query`."""
    opts = model._meta
    path = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    return f"{path}?{query}" if query else path


def money_column(field: str, label: str, *, currency: str = "currency"):
    """A column that prints minor units as people write them.

    total = money_column("amount_total", "Total")
    """

    @admin.display(description=label, ordering=field.replace(".", "__"))
    def column(self, row):
        amount = attrgetter(field)(row)
        if amount is None:
            return NOTHING
        return format_money(amount, attrgetter(currency)(row))

    return column


def moment(field: str, label: str):
    """A short moment for lists of many columns: `3 May, 14:05`, or with its year."""

    @admin.display(description=label, ordering=field)
    def column(self, row):
        at = getattr(row, field)
        if at is None:
            return NOTHING
        at = timezone.localtime(at)
        this_year = at.year == timezone.localtime().year
        return date_format(at, "j\xa0M, H:i" if this_year else "j\xa0M\xa0Y")

    return column


def linked(field: str, label: str, *, nobody: str = NOTHING):
    """A column that links to the related row's own page; select it with the list."""

    @admin.display(description=label, ordering=field.replace(".", "__"))
    def column(self, row):
        target = attrgetter(field)(row)
        if target is None:
            return nobody
        return format_html(
            '<a href="{}">{}</a>', change_url(type(target), target.pk), target
        )

    return column


def json_column(field: str, label: str, *, empty: str):
    """A stored JSON value, indented for reading; keys in its links are left out.

    `empty` stands where nothing is stored.
    """

    @admin.display(description=label)
    def column(self, row):
        value = attrgetter(field)(row)
        if value is None:
            return empty
        text = json.dumps(value, indent=2, ensure_ascii=False)
        return format_html('<pre class="payload">{}</pre>', without_keys(text))

    return column


def confirm(
    model_admin,
    request,
    *,
    action: str,
    rows,
    title: str,
    facts: list,
    button: str,
    form=None,
) -> TemplateResponse:
    """The page before an action that cannot be taken back: to what, and how much.

    `facts` are (label, value) pairs, such as a count and a sum. Pressing the button
    posts the same action and rows once more, with `confirmed`, and what `form` asks.
    """
    return TemplateResponse(
        request,
        "admin/confirm_action.html",
        {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.model._meta,
            "title": title,
            "rows": rows,
            "facts": facts,
            "button": button,
            "form": form,
            "action": action,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        },
    )
