"""The programme's own pages for staff: figures, money, people, questions, health.

They hang below the daily figures, for a page has to hang somewhere. Each needs the
permission to see the rows that it sums up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST

from referrals import rollup
from referrals.admin import funnel, health, inviters, liability, simulator, yearly
from referrals.models import FunnelDay
from shop.kit.staff import ReadOnlyAdmin


@dataclass(frozen=True)
class Page:
    """One address: what answers it, to whom, by which method; its name as a tab."""

    name: str
    route: str
    view: Callable
    permissions: tuple[str, ...]
    label: str = ""
    guard: Callable = require_GET


PAGES = [
    Page(
        "programme",
        "programme/",
        funnel.page,
        ("referrals.view_funnelday",),
        "Funnel",
    ),
    Page(
        "programme_orders",
        "programme/orders/",
        funnel.orders,
        ("referrals.view_funnelday", "orders.view_order"),
    ),
    Page(
        "programme_export",
        "programme/export/",
        funnel.export,
        ("referrals.view_funnelday",),
        guard=require_POST,
    ),
    Page(
        "programme_steps_export",
        "programme/steps/export/",
        funnel.export_steps,
        ("referrals.view_funnelday",),
        guard=require_POST,
    ),
    Page(
        "programme_liability",
        "programme/liability/",
        liability.page,
        ("accounts.view_ledgeraccount", "referrals.view_reward"),
        "Money",
    ),
    Page(
        "programme_liability_export",
        "programme/liability/export/",
        liability.export,
        ("accounts.view_ledgeraccount", "referrals.view_reward"),
        guard=require_POST,
    ),
    Page(
        "programme_position_export",
        "programme/liability/today/export/",
        liability.export_positions,
        ("accounts.view_ledgeraccount", "referrals.view_reward"),
        guard=require_POST,
    ),
    Page(
        "programme_inviters",
        "programme/inviters/",
        inviters.page,
        ("referrals.view_reward", "accounts.view_user"),
        "Inviters",
    ),
    Page(
        "programme_inviters_export",
        "programme/inviters/export/",
        inviters.export,
        ("referrals.view_reward",),
        guard=require_POST,
    ),
    Page(
        "programme_what_if",
        "programme/what-if/",
        simulator.page,
        ("referrals.view_terms", "referrals.view_reward", "accounts.view_user"),
        "What if",
    ),
    Page(
        "programme_what_if_export",
        "programme/what-if/export/",
        simulator.export,
        ("referrals.view_terms", "referrals.view_reward"),
        guard=require_POST,
    ),
    Page(
        "programme_yearly",
        "programme/yearly/",
        yearly.page,
        ("referrals.view_reward", "accounts.view_user"),
        "Yearly totals",
    ),
    Page(
        "programme_yearly_export",
        "programme/yearly/export/",
        yearly.export,
        ("referrals.view_reward",),
        guard=require_POST,
    ),
    Page(
        "programme_health",
        "programme/health/",
        health.page,
        ("referrals.view_settlement", "kit.view_bookproof"),
        "Health",
    ),
    Page(
        "programme_unsettled",
        "programme/unsettled/",
        health.unsettled,
        ("referrals.view_settlement", "orders.view_order"),
    ),
]

# Pages that other rooms answer, between the tabs of this one.
QUEUES = [
    Page(
        "reviewcase_queue",
        "",
        None,
        ("referrals.change_reviewcase",),
        "Friends to look at",
    ),
    Page(
        "namecase_queue", "", None, ("referrals.change_namecase",), "Names to look at"
    ),
]


def tabs(request, here: str) -> list[tuple[str, str, bool]]:
    """What this person may open: a label, an address, and whether it is this page."""
    shown = [page for page in PAGES if page.label]
    return [
        (page.label, reverse(f"admin:referrals_{page.name}"), page.name == here)
        for page in [*shown[:1], *QUEUES, *shown[1:]]
        if request.user.has_perms(page.permissions)
    ]


@admin.register(FunnelDay)
class FunnelDayAdmin(ReadOnlyAdmin):
    list_display = ["link", "day", "channel", *rollup.COUNTS]
    list_select_related = ["link__owner"]
    list_filter = ["channel"]
    search_fields = ["link__owner__email", "link__codes__text"]
    change_list_template = "admin/referrals/funnelday/change_list.html"

    def get_urls(self):
        pages = [
            path(
                page.route,
                self.admin_site.admin_view(partial(self._answer, page)),
                name=f"referrals_{page.name}",
            )
            for page in PAGES
        ]
        return [*pages, *super().get_urls()]

    def _answer(self, page, request):
        if not request.user.has_perms(page.permissions):
            raise PermissionDenied
        return page.guard(partial(page.view, self))(request)

    def page(self, request, name, **context):
        """A page of the programme between its tabs; its title is its tab's."""
        labels = {page.name: page.label for page in PAGES}
        shared = {
            **self.admin_site.each_context(request),
            "opts": FunnelDay._meta,
            "title": labels[name],
            "tabs": tabs(request, name),
        }
        template = f"admin/referrals/programme/{name}.html"
        return TemplateResponse(request, template, shared | context)

    def start_links(self, request):
        """What the staff's start page offers of this room."""
        offered = {"programme": "The referral programme", "programme_health": "Health"}
        for page in PAGES:
            if page.name in offered and request.user.has_perms(page.permissions):
                yield offered[page.name], reverse(f"admin:referrals_{page.name}")
