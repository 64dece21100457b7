"""What customers may tell us. Amounts are never among it."""

from django import forms
from django.conf import settings

from accounts.addresses import AddressForm
from accounts.models import Address
from shop.kit.money import MoneyField


class QuantityField(forms.IntegerField):
    """A whole number of pieces, with one sentence for everything else."""

    def __init__(self, *, least: int):
        sentence = f"Enter a whole number from {least} to {settings.MAX_PER_LINE}."
        codes = ("invalid", "min_value", "max_value")
        super().__init__(
            required=False,
            min_value=least,
            max_value=settings.MAX_PER_LINE,
            error_messages=dict.fromkeys(codes, sentence),
        )


class AddForm(forms.Form):
    variant = forms.CharField(max_length=40)
    quantity = QuantityField(least=1)

    def clean_quantity(self):
        return self.cleaned_data["quantity"] or 1


class LineForm(forms.Form):
    variant = forms.CharField(max_length=40)
    quantity = QuantityField(least=0)
    do = forms.ChoiceField(
        choices=[("update", "Update"), ("remove", "Remove")], required=False
    )

    def clean(self):
        data = super().clean()
        if data.get("do") == "remove":
            # Whatever stood in the field, the customer wants the line gone.
            self.errors.pop("quantity", None)
            data["quantity"] = 0
        elif data.get("quantity") is None and "quantity" not in self.errors:
            self.add_error("quantity", "Enter how many you want.")
        return data


class CheckoutForm(AddressForm):
    """Contact, address and balance on one page; a customer's own email is known."""

    field_order = ["email", "country", "name", "street", "district", "city"]

    email = forms.EmailField(
        label="Email",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text="For the confirmation and questions about the parcel.",
    )
    keep_address = forms.BooleanField(
        label="Keep this address for next time", required=False, initial=True
    )
    use_balance = forms.BooleanField(label="Use my balance", required=False)
    expected_total = forms.IntegerField(required=False, widget=forms.HiddenInput)
    expected_due = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, user=None, balance: int = 0, **kwargs):
        super().__init__(*args, **kwargs)
        self.balance = balance
        if user:
            del self.fields["email"]
        else:
            del self.fields["keep_address"]
        if balance:
            self.fields["balance_amount"] = MoneyField(
                label=f"Amount, {settings.SHOP_CURRENCY}",
                currency=settings.SHOP_CURRENCY,
                required=False,
                help_text="Left empty, as much as helps.",
                widget=forms.TextInput(attrs={"class": "input input--short"}),
            )
        else:
            del self.fields["use_balance"]
        for field in self.fields.values():
            field.error_messages["required"] = _ask_for(field)

    def clean(self):
        data = super().clean()
        promised = ("expected_total", "expected_due")
        if any([self.errors.pop(name, None) for name in promised]):
            self.add_error(None, "Check the amount to pay once more.")
        return data

    def wanted_balance(self) -> int | None:
        """The most of the balance to use: 0 for none, None for as much as helps."""
        data = getattr(self, "cleaned_data", {})
        if not self.balance or not data.get("use_balance"):
            return 0
        if "balance_amount" in self.errors:
            return 0  # nothing is spent by guessing
        return data.get("balance_amount")

    def as_typed(self) -> dict:
        """Everything as the customer typed it, to start the same page anew."""
        return {
            name: name in self.data
            if isinstance(field, forms.BooleanField)
            else self[name].value()
            for name, field in self.fields.items()
        }

    def address(self) -> dict[str, str]:
        return {name: self.cleaned_data.get(name, "") for name in Address.FIELDS}


def _ask_for(field):
    """`ZIP code` → `Enter the ZIP code.`"""
    label = field.label or ""
    return f"Enter the {label if label[:2].isupper() else label.lower()}."


class FindOrderForm(forms.Form):
    code = forms.CharField(
        label="Order code",
        max_length=20,
        help_text="Such as Q3XN 8VTA.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters"}
        ),
        error_messages={"required": "Enter the order’s code."},
    )
    email = forms.EmailField(
        label="Email of the order",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"required": "Enter the email you ordered with."},
    )

    def clean_code(self):
        return "".join(self.cleaned_data["code"].upper().split()).replace("-", "")
