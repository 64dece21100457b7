"""What staff see of two people beside each other."""

import pytest

from orders.models import Payment
from referrals import comparisons
from referrals.tests.factories import make_member, make_order


@pytest.mark.django_db
@pytest.mark.parametrize("are_people", [True, False])
def test_one_card_is_the_same_only_where_a_card_is_one_person(settings, are_people):
    settings.REFERRAL_CARDS_ARE_PEOPLE = are_people
    staff = make_member(is_superuser=True)
    pair = make_member(), make_member()
    for person in pair:
        make_order(person)
    Payment.objects.update(card="Visa ending 4242", card_hash="one card")

    found = comparisons.read(person.pk for person in pair)

    *_, line = comparisons.beside(*pair, found, staff)
    assert (line.inviter, line.friend) == ("Visa ending 4242", "Visa ending 4242")
    assert line.is_same is are_people
