"""One mailbox in Python and in SQL: what one of them takes for another, both do."""

import pytest

from accounts import mailboxes
from accounts.models import User

pytestmark = pytest.mark.django_db

SPELLINGS = [
    "ben@example.com",
    "BEN@Example.com",
    "ben+shop@example.com",
    "ben+a+b@example.com",
    "b.en@example.com",
    "b.e.n@gmail.com",
    "Ben+x.y@googlemail.com",
    "ben@gmail.com.example",
    "ben@sub.gmail.com",
    "ben_@example.com",
]


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_the_database_spells_a_mailbox_as_python_does(spelled):
    user = User.objects.create(email=spelled)

    stored = User.objects.values_list("email__mailbox", flat=True).get(pk=user.pk)

    assert stored == mailboxes.canonical(spelled)


def test_a_mailbox_is_found_by_any_spelling():
    user = User.objects.create(email="B.e.n+shop@googlemail.com")
    User.objects.create(email="bend@gmail.com")
    known = {mailboxes.canonical("be.n@gmail.com"), "anna@example.com"}

    assert User.objects.get(email__mailbox__in=known) == user
