import pytest
from django.db import IntegrityError, transaction

from accounts import addresses
from accounts.models import Address, User

pytestmark = pytest.mark.django_db


def test_an_email_is_one_account_in_any_mix_of_capitals():
    User.objects.create_user("Ada@Example.com")

    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("aDA@example.COM")

    assert User.objects.get_by_natural_key("ADA@EXAMPLE.COM").email


@pytest.mark.parametrize(
    ("name", "agreed", "shown"),
    [
        ("Ben Kingsley", True, "Ben K."),
        ("Ben van der Berg", True, "Ben B."),
        ("Ben", True, "Ben"),
        ("", True, ""),
        ("Ben Kingsley", False, ""),
    ],
)
def test_friends_read_a_name_only_when_the_person_agreed(name, agreed, shown):
    assert User(name=name, shows_name=agreed).public_name == shown


def test_an_address_is_written_as_its_country_writes_it():
    address = Address(
        name="Ada Lovelace",
        street="Unter den Linden 1",
        city="Berlin",
        postal_code="10117",
        country="DE",
    )

    assert addresses.written(address) == [
        "Ada Lovelace",
        "Unter den Linden 1",
        "10117 Berlin",
        "Germany",
    ]


def form_for(country, **typed):
    typed = {"country": country, "name": "Ada Lovelace", "street": "1 Row", **typed}
    return addresses.AddressForm(typed, countries=[(country, country)])


def test_only_the_fields_that_a_country_has_are_asked_for():
    assert "region" in form_for("US").fields
    assert "region" not in form_for("DE").fields


def test_a_postal_code_of_another_state_is_explained():
    form = form_for("US", city="Springfield", region="IL", postal_code="90210")

    assert not form.is_valid()
    assert "Illinois" in form.errors["postal_code"][0]


def test_a_whole_address_passes():
    form = form_for("US", city="Springfield", region="IL", postal_code="62701")

    assert form.is_valid(), form.errors
    assert form.cleaned_data["postal_code"] == "62701"
