import pytest
from django.core.cache import cache
from django.test import Client

from accounts.adapter import MOST_MAILS
from accounts.models import User

pytestmark = pytest.mark.django_db


def ask_for_a_new_password(email):
    return Client().post("/accounts/password/reset/", {"email": email})


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
def test_nobodys_mailbox_is_flooded_from_here(settings, mailoutbox, email):
    settings.ACCOUNT_RATE_LIMITS = False  # as from many machines at their leisure
    User.objects.create_user("ada@example.com")

    answers = [ask_for_a_new_password(email.upper()) for _ in range(MOST_MAILS + 3)]

    assert {answer.status_code for answer in answers} == {302}
    assert len(mailoutbox) == MOST_MAILS


def test_one_kind_of_mail_leaves_room_for_another(settings, mailoutbox):
    settings.ACCOUNT_RATE_LIMITS = False
    User.objects.create_user("ada@example.com")
    for _ in range(MOST_MAILS + 1):
        ask_for_a_new_password("ada@example.com")

    form = {"name": "Ada", "email": "ada@example.com", "password1": "two bicycles, ok"}
    Client().post("/accounts/signup/", form)

    assert mailoutbox[-1].subject == "You already have an account"
    cache.clear()
