"""The staff's site: their start page, the search over everything, and the way in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib.admin import AdminSite
from django.db.models import Count, Q, Sum
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_GET

from accounts.models import Adjustment, LedgerAccount, User
from catalog.models import Product, Variant
from orders.models import Dispute, Order, Payment, Refund, StripeEvent
from shop.kit.models import BookProof, Message
from shop.kit.money import format_money
from shop.kit.staff import Figure, change_url, list_url

# The rooms of the shop in the order of a working day; small apps share a section.
SECTIONS = [
    ("Orders", ["orders"]),
    ("Catalogue", ["catalog"]),
    ("People and balances", ["accounts"]),
    ("Referrals", ["referrals"]),
    ("Sign-in and permissions", ["account", "socialaccount", "mfa", "auth"]),
    ("Books, mail, background work, log", ["kit", "django_tasks_database", "admin"]),
]
# What a section begins with; the rest follows by name.
LEADING = [
    "Order",
    "Payment",
    "Product",
    "Variant",
    "User",
    "Reward",
    "Attribution",
    "Campaign",
    "EmailAddress",
    "BookProof",
    "Message",
]
MOST_HITS = 20


@dataclass(frozen=True)
class Hit:
    """Something a search found."""

    kind: str
    label: str
    note: str
    url: str


class StaffSite(AdminSite):
    site_title = site_header = settings.SHOP_NAME
    index_title = "Today"
    index_template = "admin/start.html"
    empty_value_display = "–"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # The shop's own sign-in, with its limits; set before `urls` reads it.
        self.login = secure_admin_login(self.login)

    def get_urls(self):
        find = self.admin_view(require_GET(self.find))
        return [path("find/", find, name="find"), *super().get_urls()]

    def password_change(self, request, extra_context=None):
        """One place to change a password, which also tells its owner by mail."""
        return redirect("account_change_password")

    def get_app_list(self, request, app_label=None):
        apps = self._build_app_dict(request, app_label)
        if app_label:
            return list(apps.values())
        sections = []
        for name, labels in SECTIONS:
            present = [apps.pop(label) for label in labels if label in apps]
            if present:
                models = [model for app in present for model in app["models"]]
                models.sort(key=_place)
                sections.append({**present[0], "name": name, "models": models})
        return sections + sorted(apps.values(), key=lambda app: app["name"].lower())

    def index(self, request, extra_context=None):
        # An app that this room does not know offers by `start_links` of its own admin.
        links = [
            link
            for page in self._registry.values()
            if hasattr(page, "start_links")
            for link in page.start_links(request)
        ]
        shown = {"figures": list(self._figures(request)), "links": links}
        return super().index(request, shown)

    def find(self, request):
        """Everything that a code, an email, a SKU or an id from Stripe names."""
        term = " ".join(request.GET.get("q", "").split())[:200]
        hits = list(self._hits(request, term)) if term else []
        if len(hits) == 1:
            return redirect(hits[0].url)
        context = {
            **self.each_context(request),
            "title": f"Search for “{term}”" if term else "Search",
            "term": term,
            "hits": hits,
        }
        return TemplateResponse(request, "admin/find.html", context)

    def _may_see(self, request, model):
        admin = self._registry.get(model)
        return bool(admin and admin.has_view_permission(request))

    def _figures(self, request) -> Iterator[Figure]:
        """One query for each room, however much there is to count."""
        if self._may_see(request, Order):
            yield from _of_orders()
        if self._may_see(request, Refund):
            yield from _money_at_risk()
        if self._may_see(request, Message):
            failed = Message.objects.filter(state=Message.State.FAILED).count()
            yield Figure(
                "Failed mails",
                str(failed),
                list_url(Message, "state__exact=failed"),
                needs_care=bool(failed),
            )
        if self._may_see(request, StripeEvent):
            counted = StripeEvent.objects.unprocessed().aggregate(
                waiting=Count("pk"), failed=Count("pk", ~Q(error=""))
            )
            yield Figure(
                "Stripe events not processed",
                str(counted["waiting"]),
                list_url(StripeEvent, "processed_at__isempty=1"),
                f"{counted['failed']} with an error" if counted["failed"] else "",
                needs_care=bool(counted["failed"]),
            )
        if self._may_see(request, Variant):
            low = {"is_active": True, "stock__lte": settings.LOW_STOCK_FROM}
            count = Variant.objects.filter(**low).count()
            yield Figure(
                "Low or out of stock",
                str(count),
                list_url(
                    Variant, f"is_active__exact=1&stock__lte={settings.LOW_STOCK_FROM}"
                ),
                f"{settings.LOW_STOCK_FROM} pieces or fewer",
                needs_care=bool(count),
            )
        if self._may_see(request, Adjustment):
            waiting = Adjustment.objects.filter(decided_at=None).count()
            yield Figure(
                "Adjustments to confirm",
                str(waiting),
                list_url(Adjustment, "decided_at__isempty=1"),
                needs_care=bool(waiting),
            )
        # An app that this room does not know has `start_figures` of its own admin.
        for page in self._registry.values():
            if hasattr(page, "start_figures"):
                yield from page.start_figures(request)
        if self._may_see(request, LedgerAccount):
            yield _owed_to_members()
        if self._may_see(request, BookProof):
            yield _of_books()

    def _hits(self, request, term) -> Iterator[Hit]:
        if self._may_see(request, Order):
            by_stripe = Payment.objects.filter(Q(session_id=term) | Q(intent_id=term))
            orders = Order.objects.filter(
                Q(code=term.replace(" ", "").upper())
                | Q(email__iexact=term)
                | Q(pk__in=by_stripe.values("order"))
            ).order_by("-pk")
            for order in orders[:MOST_HITS]:
                note = f"{order.email}, {order.get_status_display().lower()}"
                yield _hit("Order", order, order.spoken_code, note)
        if self._may_see(request, User):
            people = User.objects.filter(Q(email__iexact=term) | Q(name__iexact=term))
            for user in people[:MOST_HITS]:
                yield _hit("Person", user, user.email, user.name)
        if self._may_see(request, Variant):
            variants = Variant.objects.filter(sku__iexact=term)
            for variant in variants.select_related("product"):
                yield _hit("Variant", variant, variant.sku, str(variant))
        if self._may_see(request, Product):
            for product in Product.objects.filter(name__iexact=term)[:MOST_HITS]:
                yield _hit("Product", product, product.name, product.summary)
        if self._may_see(request, StripeEvent):
            for event in StripeEvent.objects.filter(event_id=term).defer("payload"):
                yield _hit("Stripe event", event, event.event_id, event.type)
        # An app that this room does not know answers by `named` of its own admin.
        for model, page in self._registry.items():
            if hasattr(page, "named") and self._may_see(request, model):
                kind = model._meta.verbose_name.capitalize()
                for row in page.named(term):
                    yield _hit(kind, row, term, str(row))


def _place(model):
    name = model["object_name"]
    lead = LEADING.index(name) if name in LEADING else len(LEADING)
    return lead, str(model["name"]).lower()


def _of_orders():
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    # The parameters of the list's own "Today" filter, so that it shows as chosen.
    today = {
        "confirmed_at__gte": midnight,
        "confirmed_at__lt": midnight + timedelta(days=1),
    }
    bought = Order.objects.filter(**today).aggregate(
        count=Count("pk"),
        revenue=Sum("amount_total", filter=Q(currency=settings.SHOP_CURRENCY)),
    )
    listed = list_url(Order, urlencode(today))
    yield Figure("Orders today", str(bought["count"]), listed)
    revenue = format_money(bought["revenue"] or 0, settings.SHOP_CURRENCY)
    yield Figure("Revenue today", revenue, listed, "Confirmed orders, with delivery")
    yield Figure(
        "Waiting for payment",
        str(Order.objects.pending().count()),
        list_url(Order, "status__exact=pending"),
    )
    held = Order.objects.filter(held_at__isnull=False).count()
    yield Figure(
        "Held for a look",
        str(held),
        list_url(Order, "held_at__isempty=0"),
        needs_care=bool(held),
    )


def _money_at_risk():
    failed = Refund.objects.unresolved().count()
    yield Figure(
        "Failed refunds",
        str(failed),
        list_url(Refund, "state__exact=failed&resolved_at__isempty=1"),
        needs_care=bool(failed),
    )
    disputed = Dispute.objects.open().count()
    yield Figure(
        "Open disputes",
        str(disputed),
        list_url(Dispute, "closed_at__isempty=1"),
        "Answered in Stripe's dashboard",
        needs_care=bool(disputed),
    )


def _owed_to_members():
    kinds = [
        LedgerAccount.Kind.WALLET,
        LedgerAccount.Kind.HELD,
        LedgerAccount.Kind.FROZEN,
    ]
    pots = LedgerAccount.objects.filter(
        kind__in=kinds, currency=settings.SHOP_CURRENCY, balance__gt=0
    )
    total = pots.aggregate(total=Sum("balance"))["total"] or 0
    query = {
        "kind__in": ",".join(kinds),
        "currency__exact": settings.SHOP_CURRENCY,
        "balance__gt": 0,
    }
    return Figure(
        "Owed to members",
        format_money(total, settings.SHOP_CURRENCY),
        list_url(LedgerAccount, urlencode(query)),
        "Balance to spend, held for open orders, and on hold",
    )


def _of_books():
    latest = BookProof.objects.defer("counts", "mismatches").first()
    if latest is None:
        return Figure("Rows that do not add up", "–", list_url(BookProof), "Not proved")
    return Figure(
        "Rows that do not add up",
        str(latest.mismatch_count),
        list_url(BookProof),
        f"Proved {date_format(timezone.localtime(latest.finished_at), 'j M, H:i')}",
        needs_care=bool(latest.mismatch_count),
    )


def _hit(kind, row, label, note):
    return Hit(kind, label, note, change_url(type(row), row.pk))
