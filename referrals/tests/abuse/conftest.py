"""Under whose terms the scripts are played: `manage.py referrals_attack --terms`."""

import json
import os

import pytest

from referrals.models import Campaign
from referrals.tests.factories import set_terms


@pytest.fixture(autouse=True)
def _terms_of_the_shop(request):
    """Publish what the command hands over; a script may set other terms above it."""
    rules = os.environ.get("ATTACK_TERMS")
    marker = request.node.get_closest_marker("django_db")
    if not rules or not marker:
        return
    is_committed = marker.kwargs.get("transaction")
    request.getfixturevalue("transactional_db" if is_committed else "db")
    # A flush between two scripts takes the offer away: those make their own.
    if Campaign.objects.filter(is_default=True).exists():
        set_terms(**json.loads(rules))
