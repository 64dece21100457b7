"""What staff see of people: who they are, where they live, what they hold."""

from allauth.socialaccount import admin as _  # noqa: F401  registers what we take out
from allauth.socialaccount.models import SocialApp, SocialToken
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils.html import format_html

from accounts.addresses import written
from accounts.models import Address, LedgerAccount, User
from shop.kit.money import format_money
from shop.kit.staff import (
    NOTHING,
    BoundedPaginator,
    JumpsToOneHit,
    ReadOnlyAdmin,
    ReadOnlyInline,
    linked,
    money_column,
)

# Google's keys come from the environment, and tokens are nobody's business.
admin.site.unregister([SocialApp, SocialToken])


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ["email", "name"]


class AddressInline(ReadOnlyInline):
    model = Address
    fields = ["lines", "used_at"]
    readonly_fields = ["lines"]

    @admin.display(description="Address")
    def lines(self, address):
        return ", ".join(written(address))


class LedgerAccountInline(ReadOnlyInline):
    model = LedgerAccount
    verbose_name_plural = "balances"
    fields = ["kind", "kept"]
    readonly_fields = ["kept"]
    show_change_link = True

    kept = money_column("balance", "Balance")


@admin.register(User)
class PersonAdmin(JumpsToOneHit, UserAdmin):
    list_display = [
        "email",
        "name",
        "date_joined",
        "is_staff",
        "is_active",
        "wallet_balance",
    ]
    list_filter = ["is_staff", "is_active", "date_joined"]
    search_fields = ["email", "name"]
    search_help_text = "Email or name"
    ordering = ["-pk"]
    paginator = BoundedPaginator
    show_full_result_count = False
    filter_horizontal = ["groups", "user_permissions"]
    inlines = [LedgerAccountInline, AddressInline]
    add_form = NewUserForm
    fieldsets = [
        (
            None,
            {"fields": ["email", "name", "shows_name", "name_hidden_at", "sign_in"]},
        ),
        ("Here", {"fields": ["is_active", "date_joined", "last_login", "history"]}),
        (
            "Staff",
            {"fields": ["is_staff", "is_superuser", "groups", "user_permissions"]},
        ),
    ]
    add_fieldsets = [
        (
            None,
            {"fields": ["email", "name", "usable_password", "password1", "password2"]},
        )
    ]

    def get_queryset(self, request):
        wallet = LedgerAccount.objects.filter(
            owner=OuterRef("pk"),
            kind=LedgerAccount.Kind.WALLET,
            currency=settings.SHOP_CURRENCY,
        )
        return (
            super()
            .get_queryset(request)
            .annotate(wallet=Subquery(wallet.values("balance")[:1]))
        )

    def get_inlines(self, request, obj):
        return self.inlines if obj else []

    def get_readonly_fields(self, request, obj=None):
        if obj is None:
            return []
        # An address counts once it is verified, which only its owner can do.
        fixed = ["email", "date_joined", "last_login", "sign_in", "history"]
        fixed += ["name_hidden_at"]
        if not request.user.is_superuser:
            fixed += ["is_staff", "is_superuser", "groups", "user_permissions"]
        return fixed

    def has_change_permission(self, request, obj=None):
        """Staff look after members; only a superuser looks after staff."""
        if obj and (obj.is_staff or obj.is_superuser) and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        """People are deactivated: what they bought and earned stays on the books."""
        return False

    def save_model(self, request, obj, form, change):
        if "name" in form.changed_data:
            # Whatever was said against the old one: staff have looked at this one.
            obj.name_hidden_at = None
        super().save_model(request, obj, form, change)

    @admin.display(description="Balance", ordering="wallet")
    def wallet_balance(self, user):
        if not user.wallet:
            return NOTHING
        return format_money(user.wallet, settings.SHOP_CURRENCY)

    @admin.display(description="Password")
    def sign_in(self, user):
        known = "Set" if user.has_usable_password() else "None"
        return format_html(
            '{} · <a href="{}">Set a new one</a>',
            known,
            reverse("admin:auth_user_password_change", args=[user.pk]),
        )

    @admin.display(description="History")
    def history(self, user):
        return format_html(
            '<a href="{}?user__id__exact={}">Orders</a> · '
            '<a href="{}?q={}">Movements of the balance</a> · '
            '<a href="{}">Adjust the balance</a> · '
            '<a href="{}?user__id__exact={}">Passkeys and codes</a> · '
            '<a href="{}?q={}">Mail</a>',
            reverse("admin:orders_order_changelist"),
            user.pk,
            reverse("admin:accounts_transfer_changelist"),
            user.email,
            reverse("admin:accounts_adjustment_ask", args=[user.pk]),
            reverse("admin:mfa_authenticator_changelist"),
            user.pk,
            reverse("admin:kit_message_changelist"),
            user.email,
        )


@admin.register(Address)
class AddressAdmin(ReadOnlyAdmin):
    """A member's own address book; what we deliver to, the order has copied."""

    list_display = ["name", "street", "city", "country", "person", "used_at"]
    list_filter = ["used_at"]
    list_select_related = ["user"]
    search_fields = ["name", "street", "=postal_code", "=user__email"]
    ordering = ["-pk"]
    fields = ["person", "lines", "used_at"]

    person = linked("user", "Person")

    @admin.display(description="Address")
    def lines(self, address):
        return "\n".join(written(address))
