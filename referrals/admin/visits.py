"""Browsers, their visits and their steps: looked at, never edited."""

from django.contrib import admin

from referrals.models import Activity, OrderTouch, Visit, Visitor
from shop.kit.staff import ReadOnlyAdmin, moment, whether


@admin.register(Visitor)
class VisitorAdmin(ReadOnlyAdmin):
    """Browsers, without their tokens: those stay in the cookies."""

    list_display = ["__str__", "user", "came", "landed", "confirmed"]
    list_select_related = ["user"]
    list_filter = [("confirmed_at", whether("by a person"))]
    search_fields = ["user__email"]
    exclude = ["token_hash"]

    came = moment("created_at", "Came")
    landed = moment("landed_at", "Landed")
    confirmed = moment("confirmed_at", "By a person")


@admin.register(Visit)
class VisitAdmin(ReadOnlyAdmin):
    list_display = ["link", "visitor", "first", "clicks", "referrer_host"]
    list_filter = [("visitor__confirmed_at", whether("by a person"))]
    list_select_related = ["link__owner", "visitor"]
    search_fields = ["link__owner__email", "link__codes__text", "referrer_host"]

    first = moment("first_at", "First click")


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    list_display = ["visitor", "step", "subject", "bucket"]
    list_filter = ["step"]
    list_select_related = ["visitor"]
    search_fields = ["visitor__user__email", "subject"]


@admin.register(OrderTouch)
class OrderTouchAdmin(ReadOnlyAdmin):
    list_display = ["order", "link", "visitor", "touched"]
    list_select_related = ["order", "link__owner", "visitor"]
    search_fields = ["order__code", "link__owner__email"]

    touched = moment("touched_at", "Touched")
