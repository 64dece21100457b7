"""One person of the staff presses twice at one moment, on PostgreSQL with threads."""

import pytest

from referrals import four_eyes, grants, review, settlement
from referrals.models import ReviewCase, Reward
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_offer,
    make_order,
    set_terms,
)
from referrals.tests.racing import at_once

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def make_staff():
    return make_member(is_staff=True, is_superuser=True)


def waiting(terms):
    attribution = make_attribution(terms=terms)
    case = ReviewCase.objects.create(attribution=attribution, score=60)
    settlement.settle(make_order(attribution.invitee))
    return case


def approve_at_once():
    """Three cases of $49, each approved by a press of its own; the states then."""
    make_offer()
    stan, terms = make_staff(), set_terms(inviter_amount=4900)
    cases = [waiting(terms) for _ in range(3)]
    errors = at_once(
        *[lambda c=c: review.approve([c], actor=stan, reason="Seen") for c in cases]
    )
    assert not errors
    states = ReviewCase.objects.filter(pk__in=[case.pk for case in cases])
    return sorted(states.values_list("state", flat=True))


def test_approvals_at_one_moment_see_each_other():
    assert approve_at_once() == ["approved", "open", "open"]


def test_without_the_lock_each_would_pass_for_itself(monkeypatch):
    monkeypatch.setattr(four_eyes, "lock", lambda actor, members: None)

    passed = max(approve_at_once().count("approved") for _ in range(10))

    assert passed > 1


def test_grants_to_one_member_at_one_moment_see_each_other():
    make_offer()
    anna, terms = make_member(), set_terms(inviter_amount=4900, cap_per_month=0)
    for _ in range(2):
        friend = make_attribution(anna, terms=terms).invitee
        settlement.settle(make_order(friend))
    staff, rewards = [make_staff(), make_staff()], Reward.objects.order_by("pk")

    errors = at_once(
        *[
            lambda r=reward, p=person: grants.grant_anyway(r.pk, p, "A promise")
            for reward, person in zip(rewards, staff, strict=True)
        ]
    )

    assert not errors
    assert Reward.objects.filter(waived_at=None).count() == 1
