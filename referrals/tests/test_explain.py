"""The trail of one friend, in words for the inviter."""

import pytest

from referrals import explain, settlement
from referrals.models import Attribution
from referrals.tests.factories import make_attribution, make_order, set_terms

pytestmark = pytest.mark.django_db

Status = Attribution.Status


def sentences(attribution):
    return [step.sentence for step in explain.trail(attribution)]


def test_the_trail_goes_from_the_link_to_the_credit():
    attribution = make_attribution()
    settlement.settle(make_order(attribution.invitee))

    assert sentences(attribution) == [
        "Opened your link",
        "Joined",
        "Bought something",
        "$5.00 on hold: returns are open",
    ]


def test_what_is_paid_says_so():
    attribution = make_attribution(terms=set_terms(hold_days=0))
    settlement.settle(make_order(attribution.invitee))

    assert sentences(attribution)[-1] == "$5.00 in your balance"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.PROVISIONAL, "Has not confirmed the email address yet"),
        (Status.LAPSED, "Joined, and it was never confirmed"),
        (Status.VOID, "Did not count as a new friend"),
    ],
)
def test_the_trail_never_says_which_rule_it_was(status, words):
    reason = "same_card" if status == Status.VOID else ""
    attribution = make_attribution(status=status, void_reason=reason)

    told = sentences(attribution)

    assert told[-1] == words
    assert not any("card" in sentence or "customer" in sentence for sentence in told)
