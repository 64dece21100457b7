"""The people of the demo who can be signed in as, and how anybody joins."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts.models import User

PASSWORD = "tandem-demo"


@dataclass(frozen=True)
class Person:
    """`what` names the part, and `shows` what there is to see with it."""

    what: str
    email: str
    name: str
    shows_name: bool = True
    is_staff: bool = False
    shows: str = ""


MEMBER = Person(
    "Fresh member",
    "jonas@tandem.example",
    "Jonas Weber",
    shows_name=False,
    shows="nothing yet: live the story",
)
CUSTOMER = Person(
    "Customer with history",
    "anna@tandem.example",
    "Anna Lindqvist",
    shows="an order; one friend bought, one joined",
)
STAFF = Person(
    "Staff",
    "staff@tandem.example",
    "Robin Staff",
    is_staff=True,
    shows="the admin",
)
CAST = (MEMBER, CUSTOMER, STAFF)


@cache
def _hashed() -> str:
    """One for all of them: it is as public as the password."""
    return make_password(PASSWORD)


def create(person: Person, joined_at: datetime | None = None) -> User:
    """An account whose address nobody has proven yet."""
    with transaction.atomic():
        user = User.objects.create(
            email=person.email,
            password=_hashed(),
            name=person.name,
            shows_name=person.shows_name,
            is_staff=person.is_staff,
            is_superuser=person.is_staff,
            date_joined=joined_at or timezone.now(),
        )
        EmailAddress.objects.create(
            user=user, email=user.email, verified=False, primary=True
        )
    return user


def join(person: Person, joined_at: datetime | None = None) -> User:
    """A member whom nobody brought; the one we know, when called again."""
    user = User.objects.filter(email=person.email).first()
    if user is None:
        user = create(person, joined_at)
        EmailAddress.objects.filter(user=user).update(verified=True)
    return user
