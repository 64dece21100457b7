"""Two at once: the last link that is allowed, one code, one card. On PostgreSQL."""

import pytest

from orders.tests.racing import at_once
from referrals import cards, codes, links
from referrals.models import Code, ReferralLink
from referrals.tests.factories import make_member, make_offer

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def anna():
    make_offer()
    return make_member("anna@example.com")


def test_ten_tabs_make_one_default_link(anna):
    found = at_once(*[lambda: links.default_link(anna)] * 10)

    assert len({link.pk for link in found}) == 1
    assert ReferralLink.objects.count() == Code.objects.count() == 1


def test_the_last_place_is_given_once(anna):
    for number in range(links.MOST - 2):
        links.add(anna, f"Place {number}")

    got = at_once(*[lambda: links.add(anna, "Last")] * 6)

    assert sum(isinstance(each, links.TooMany) for each in got) == 5
    assert ReferralLink.objects.filter(owner=anna).count() == links.MOST


def test_a_code_goes_to_one_of_two_who_wish_for_it(anna):
    mine, theirs = links.default_link(anna), links.default_link(make_member())

    got = at_once(
        lambda: codes.choose(mine, "LUNA"), lambda: codes.choose(theirs, "luna")
    )

    assert sum(isinstance(each, codes.NotAvailable) for each in got) == 1
    assert Code.objects.filter(text="1VNA").count() == 1


def test_a_card_is_used_up_once(anna):
    cards.make_sheet(anna)
    link = ReferralLink.objects.filter(kind="paper").first()

    assert sorted(at_once(*[lambda: cards.redeem(link)] * 6)) == [False] * 5 + [True]
