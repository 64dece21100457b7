import pytest

pytestmark = pytest.mark.django_db

ADDRESS = "/accounts/confirm-email/"


def test_a_wrong_new_address_is_named_and_the_code_still_waits(client, mailoutbox):
    form = {
        "name": "Bo",
        "email": "bo@example.com",
        "password1": "a bicycle for two people",
    }
    client.post("/accounts/signup/", form)

    answer = client.post(ADDRESS, {"action": "change", "email": "bo at example"})

    assert "Enter a valid email address." in answer.content.decode()
    assert "bo@example.com" in client.get(ADDRESS).content.decode()
    assert [mail.to for mail in mailoutbox] == [["bo@example.com"]]
