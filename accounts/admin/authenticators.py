"""Passkeys, apps and recovery codes: that they are there, never what is in them."""

from allauth.mfa import admin as _  # noqa: F401  registers what we replace
from allauth.mfa.models import Authenticator
from django.contrib import admin, messages

from accounts import authenticators
from shop.kit.staff import ReadOnlyAdmin, confirm, linked, moment

MOST_AT_ONCE = 20

admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Whoever may change them lets a member in again who lost phone and codes."""

    list_display = ["__str__", "kind", "person", "added", "used"]
    list_filter = ["type", "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["=user__email"]
    search_help_text = "A member's whole email"
    ordering = ["-pk"]
    fields = ["person", "kind", "name", "created_at", "last_used_at"]
    secret_fields = ["data"]
    actions = ["take_off"]

    person = linked("user", "Member")
    added = moment("created_at", "Added")
    used = moment("last_used_at", "Last used")

    @admin.display(description="Kind", ordering="type")
    def kind(self, row):
        return row.get_type_display()

    @admin.display(description="Name")
    def name(self, row):
        return str(row)

    @admin.action(description="Let these members in without…", permissions=["act"])
    def take_off(self, request, queryset):
        """The page that says what a member loses; with `confirmed`, the deed."""
        rows = list(queryset.select_related("user").order_by("pk")[:MOST_AT_ONCE])
        people = {row.user for row in rows}
        if any(person.is_staff for person in people) and not request.user.is_superuser:
            sentence = "Only a superuser looks after staff. Nothing was done."
            self.message_user(request, sentence, messages.WARNING)
            return None
        if "confirmed" in request.POST:
            for row in rows:
                self._take_off(request, row)
            return None
        return confirm(
            self,
            request,
            action="take_off",
            rows=rows,
            title="Let members in without their passkey or app",
            facts=[
                ("Members", ", ".join(sorted(person.email for person in people))),
                ("What goes", "Every passkey, app and recovery code of theirs"),
                ("What stays", "Their password. Each of them is told by mail"),
            ],
            button="I know who asked: take it off",
        )

    def _take_off(self, request, row):
        if authenticators.take_off(row.user):
            self.log_change(request, row.user, "Passkeys and codes taken off.")
            sentence = f"{row.user}: a password is enough now."
            self.message_user(request, sentence, messages.SUCCESS)
