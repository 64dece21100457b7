"""The ledger as staff see it; debts may be let go of."""

from django import forms
from django.contrib import admin, messages
from django.urls import reverse
from django.utils.html import format_html

from accounts import ledger
from accounts.models import CreditLot, LedgerAccount, LotUse, Transfer
from shop.kit.money import format_money
from shop.kit.staff import NOTHING, ReadOnlyAdmin, confirm, linked, money_column

MOST_AT_ONCE = 20


class WriteOffForm(forms.Form):
    """Why, and the amounts that were on the page: what changed since is left alone."""

    reason = forms.CharField(
        max_length=200, help_text="The member reads it beside the movement."
    )
    shown = forms.CharField(max_length=2000, widget=forms.HiddenInput)


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
    list_display = ["pot", "kind", "currency", "kept"]
    list_filter = ["kind", "currency"]
    list_select_related = ["owner"]
    search_fields = ["owner__email"]
    search_help_text = "The owner's email"
    ordering = ["-pk"]
    fields = ["person", "kind", "total", "movements"]
    actions = ["write_off"]

    kept = money_column("balance", "Balance")
    person = linked("owner", "Owner", nobody="The shop")

    @admin.display(description="Owner", ordering="owner__email")
    def pot(self, account):
        return account.owner or "The shop"

    @admin.display(description="Balance")
    def total(self, account):
        amount = account.balance
        if amount is None:  # the shop's own are summed when somebody asks
            amount = ledger.shop_balance(account.kind, account.currency)
        return format_money(amount, account.currency)

    @admin.action(description="Let go of what is owed", permissions=["act"])
    def write_off(self, request, queryset):
        """The page that says how much; with `confirmed`, the deed, once."""
        owed = queryset.filter(kind=LedgerAccount.Kind.OWED, balance__gt=0)
        accounts = list(owed.select_related("owner").order_by("pk")[:MOST_AT_ONCE])
        if not accounts:
            sentence = "None of these owes anything."
            self.message_user(request, sentence, messages.WARNING)
            return None
        is_confirmed = "confirmed" in request.POST
        shown = " ".join(f"{each.pk}:{each.balance}" for each in accounts)
        form = WriteOffForm(
            request.POST if is_confirmed else None, initial={"shown": shown}
        )
        if is_confirmed and form.is_valid():
            for account in accounts:
                self._write_off(request, account, form.cleaned_data)
            return None
        sums = [format_money(each.balance, each.currency) for each in accounts]
        return confirm(
            self,
            request,
            action="write_off",
            rows=accounts,
            title="Let go of what is owed",
            facts=[("People", len(accounts)), ("Owed", ", ".join(sums))],
            form=form,
            button="Let go of it",
        )

    def _write_off(self, request, account, said):
        shown = dict(each.split(":") for each in said["shown"].split() if ":" in each)
        amount = shown.get(str(account.pk), "")
        try:
            ledger.write_off(
                account.owner,
                account.currency,
                amount=int(amount) if amount.isdecimal() else 0,
                reason=said["reason"],
                actor=request.user,
            )
        except ledger.AmountChanged:
            sentence = f"{account.owner} owes another amount by now. Nothing was done."
            self.message_user(request, sentence, messages.WARNING)
            return
        words = f"{format_money(account.balance, account.currency)} let go."
        self.log_change(request, account, f"{words} {said['reason']}")
        self.message_user(request, f"{account.owner}: {words}", messages.SUCCESS)

    @admin.display(description="Movements")
    def movements(self, account):
        listed = reverse("admin:accounts_transfer_changelist")
        return format_html(
            '<a href="{0}?credit__id__exact={1}">In</a> · '
            '<a href="{0}?debit__id__exact={1}">Out</a>',
            listed,
            account.pk,
        )


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "moved", "kind", "source", "target", "reference"]
    list_filter = ["kind", "created_at"]
    list_select_related = ["debit__owner", "credit__owner"]
    search_fields = [
        "^key",
        "=reference",
        "=debit__owner__email",
        "=credit__owner__email",
    ]
    search_help_text = "Key, order code, or a member's whole email"
    fields = [
        "created_at",
        "moved",
        "source",
        "target",
        "kind",
        "reason",
        "cause",
        "person",
        "key",
    ]

    moved = money_column("amount", "Amount")
    source = linked("debit", "From")
    target = linked("credit", "To")
    person = linked("actor", "Posted by", nobody="The shop itself")

    @admin.display(description="Reference")
    def cause(self, transfer):
        if not transfer.reference:
            return NOTHING
        return format_html(
            '<a href="{}?q={}">{}</a>',
            reverse("admin:find"),
            transfer.reference,
            transfer.reference,
        )


@admin.register(CreditLot)
class CreditLotAdmin(ReadOnlyAdmin):
    list_display = ["owner", "left", "expires_at", "transfer"]
    list_select_related = ["owner", "transfer"]
    search_fields = ["owner__email", "transfer__key"]

    @admin.display(description="Left", ordering="remaining")
    def left(self, lot):
        return format_money(lot.remaining, lot.currency)


@admin.register(LotUse)
class LotUseAdmin(ReadOnlyAdmin):
    list_display = ["transfer", "lot", "taken", "restored"]
    list_select_related = ["transfer", "lot__owner"]
    search_fields = ["transfer__key", "lot__owner__email"]

    taken = money_column("amount", "Taken", currency="lot.currency")
    restored = money_column("amount_restored", "Came back", currency="lot.currency")
