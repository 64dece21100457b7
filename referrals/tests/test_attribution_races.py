"""Several claims on one person at once, on PostgreSQL; twins without the constraint."""

import pytest
from django.utils import timezone

from orders.tests.factories import make_order
from referrals import attributions, by_hand, claims
from referrals.models import Attribution, Claim
from referrals.tests.factories import (
    make_link,
    make_member,
    make_offer,
    make_visit,
)
from referrals.tests.racing import at_once, without_uniqueness

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

TIMES = 10


@pytest.fixture(autouse=True)
def offer():
    return make_offer()


@pytest.fixture
def code():
    make_link(text="A01B2C3D")
    return "A01B2C3D"


def type_and_click(code):
    """One tab sends a typed code, another only the cookie."""
    friend = make_member(days_ago=0)
    visit = make_visit()
    errors = at_once(
        lambda: attributions.attribute(friend, code=code),
        lambda: attributions.attribute(friend, visit.visitor),
    )
    return friend, errors


def test_abuse_11_a_typed_code_and_a_cookie_at_once_make_one_inviter(code):
    for _ in range(TIMES):
        friend, errors = type_and_click(code)

        assert not errors
        assert Attribution.objects.filter(invitee=friend).count() == 1
        won = Claim.objects.filter(invitee=friend).values_list("won", flat=True)
        assert sorted(won) == [False, True]


def test_a_typed_code_and_a_cookie_without_the_constraint_make_two(code):
    with without_uniqueness(Attribution):
        found = []
        for _ in range(TIMES):
            friend, _ = type_and_click(code)
            found.append(Attribution.objects.filter(invitee=friend).count())

        assert max(found) == 2


def test_a_friend_and_the_staff_at_once_make_one_inviter(code):
    staff = make_member()
    other = make_link()
    for _ in range(TIMES):
        friend = make_member(days_ago=0)
        word = by_hand.Word(staff, "Told us by telephone", make_order(friend))
        errors = at_once(
            lambda friend=friend: claims.claim(friend, code, asker=str(friend.pk)),
            lambda friend=friend, word=word: by_hand.attribute(friend, other, word),
        )

        assert len(errors) == 1
        assert isinstance(errors[0], claims.Refused | by_hand.Refused)
        assert Attribution.objects.filter(invitee=friend).count() == 1


def test_ten_proofs_of_one_address_count_once():
    for _ in range(3):
        friend = make_member(days_ago=0)
        attributions.attribute(friend, make_visit().visitor)

        errors = at_once(*[lambda friend=friend: attributions.activate(friend)] * 10)

        assert not errors
        assert friend.claims.filter(reason="verified").count() == 1


def test_lapsing_and_proving_at_once_end_in_one_of_the_two():
    for _ in range(TIMES):
        friend = make_member(days_ago=0)
        attributions.attribute(friend, make_visit().visitor)
        long_ago = timezone.now() - 2 * attributions.LAPSES_AFTER
        Attribution.objects.filter(invitee=friend).update(created_at=long_ago)

        errors = at_once(
            lambda friend=friend: attributions.activate(friend),
            attributions.lapse_forgotten,
        )

        assert not errors
        moves = friend.claims.filter(reason__in=["verified", "never_verified"])
        assert moves.count() == 1
