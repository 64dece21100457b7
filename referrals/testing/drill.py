"""What `manage.py referrals_attack` adds to pytest: `-p referrals.testing.drill`.

Only scripts are played, under the terms that the command hands over; races that this
database cannot run are told as such.
"""

import json
import os

import pytest

from referrals.testing import scoreboard


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    from django.db import connection

    others = [item for item in items if scoreboard.number_of(item.name) is None]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]
    if connection.vendor == "postgresql":
        return
    for item in items:
        if item.get_closest_marker("postgres"):
            item.add_marker(pytest.mark.skip(reason=scoreboard.NEEDS_POSTGRES))


@pytest.fixture(autouse=True)
def _terms_of_the_shop(request):
    """Publish what the command hands over; a script may set other terms above it."""
    from referrals.models import Campaign
    from referrals.tests.factories import set_terms

    rules = os.environ.get("ATTACK_TERMS")
    marker = request.node.get_closest_marker("django_db")
    if not rules or not marker:
        return
    is_committed = marker.kwargs.get("transaction")
    request.getfixturevalue("transactional_db" if is_committed else "db")
    # A flush between two scripts takes the offer away: those make their own.
    if Campaign.objects.filter(is_default=True).exists():
        set_terms(**json.loads(rules))
