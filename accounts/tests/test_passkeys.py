"""Passkeys: to join, to sign in, as a second step; and when one of them is lost."""

import json
import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from fido2.utils import websafe_encode

from accounts import authenticators, passkeys, privacy
from accounts.authenticators import Type
from accounts.models import User
from accounts.tests import software_key
from accounts.tests.software_key import (
    SoftwareKey,
    add_passkey,
    join,
    make_passkey,
    prove,
    second_step,
    sign_in,
    sign_up_form,
    type_code,
)

pytestmark = pytest.mark.django_db

PASSWORD = "a bicycle for two people"
CODES = "/accounts/2fa/recovery-codes/"
LIST = "/accounts/2fa/webauthn/"


def make_person(email="ada@example.com", **fields):
    person = User.objects.create_user(email, PASSWORD, **fields)
    EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
    return person


def type_password(client, email="ada@example.com", way="/accounts/login/"):
    return client.post(way, {"login": email, "password": PASSWORD})


def type_password_again(client):
    return client.post("/accounts/reauthenticate/", {"password": PASSWORD})


def set_new_password(client, email, mailoutbox):
    client.post("/accounts/password/reset/", {"email": email})
    code = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", mailoutbox[-1].body)[0]
    client.post("/accounts/password/reset/confirm/", {"code": code})
    new = {"password1": "a newer umbrella stand", "password2": "a newer umbrella stand"}
    return client.post("/accounts/password/reset/complete/", new)


def who(client):
    """Whose account a browser is signed in to."""
    user = get_user(client)
    return user.email if user.is_authenticated else ""


def of_kind(user, kind=Type.WEBAUTHN):
    return authenticators.of(user).filter(type=kind)


def names(user):
    return [str(each) for each in of_kind(user)]


def codes_shown(client):
    text = client.get(CODES).content.decode()
    return re.findall(r"\b\d{8}\b", text)


def words(answer):
    return " ".join(str(message) for message in answer.context["messages"])


@pytest.fixture
def ada(client):
    """Ada, signed in, who has just typed her password once more."""
    ada = make_person()
    type_password(client)
    type_password_again(client)
    return ada


@pytest.fixture
def key(client, ada):
    """Ada's first passkey."""
    key = SoftwareKey()
    add_passkey(client, key, passwordless="on")
    return key


# Joining


def test_somebody_joins_by_passkey_and_has_no_password(client, mailoutbox):
    join(client, mailoutbox, "bo@example.com")

    bo = User.objects.get(email="bo@example.com")
    assert who(client) == "bo@example.com"
    assert not bo.has_usable_password()
    assert bo.name == "Bo Ek"
    assert names(bo) == ["Phone"]


def test_the_address_is_proved_before_there_is_a_passkey(client, mailoutbox):
    sign_up_form(client, "bo@example.com")

    answer = client.get("/accounts/2fa/webauthn/signup/")

    assert answer.status_code == 302
    assert not Authenticator.objects.exists()
    assert who(client) == ""


def test_whoever_joins_by_passkey_is_shown_recovery_codes_at_once(client, mailoutbox):
    sign_up_form(client, "bo@example.com")
    type_code(client, mailoutbox)

    answer = make_passkey(client, SoftwareKey())

    assert answer.url == CODES
    assert len(codes_shown(client)) == 10


def test_who_stops_before_the_passkey_comes_in_by_a_new_password(client, mailoutbox):
    sign_up_form(client, "bo@example.com")
    type_code(client, mailoutbox)
    elsewhere = Client()

    set_new_password(elsewhere, "bo@example.com", mailoutbox)

    assert who(elsewhere) == "bo@example.com"


def test_who_was_on_the_way_somewhere_goes_on_and_is_told_of_the_codes_later(
    client, mailoutbox
):
    key = SoftwareKey()
    sign_up_form(client, "bo@example.com", next="/checkout/")
    type_code(client, mailoutbox)
    answer = make_passkey(client, key)
    assert answer.url == "/checkout/"

    client.post("/accounts/logout/")
    sign_in(client, key)
    reminded = words(client.get("/account/"))
    prove(client, key)
    assert len(codes_shown(client)) == 10
    client.post("/accounts/logout/")
    sign_in(client, key)

    assert "recovery codes" in reminded
    assert "recovery codes" not in words(client.get("/account/"))


def test_a_taken_address_gets_the_answer_of_a_new_one(mailoutbox):
    make_person("ada@example.com")

    taken, new = (
        sign_up_form(Client(), email) for email in ("ada@example.com", "b@example.com")
    )

    assert taken.status_code == new.status_code == 302
    assert taken.headers["Location"] == new.headers["Location"]
    assert mailoutbox[0].subject == "You already have an account"
    assert User.objects.filter(email="ada@example.com").count() == 1


def test_a_robot_that_fills_every_field_gets_no_account(client):
    answer = sign_up_form(client, "bot@example.com", website="https://bot.example")

    assert answer.status_code == 302
    assert not User.objects.filter(email="bot@example.com").exists()


def test_both_ways_to_sign_up_ask_the_same_but_for_the_password(client):
    by_password = client.get("/accounts/signup/").context["form"].fields
    by_passkey = client.get("/accounts/signup/passkey/").context["form"].fields

    assert list(by_passkey) == [name for name in by_password if name != "password1"]
    assert set(settings.SIGNUP_FIELDS) < set(by_passkey)
    assert "style" not in by_passkey["website"].widget.attrs


def test_the_device_is_told_the_name_of_the_shop_and_its_address(client, mailoutbox):
    sign_up_form(client, "bo@example.com")
    type_code(client, mailoutbox)

    page = client.get("/accounts/2fa/webauthn/signup/")

    asked = software_key._asked(page)["creation_options"]["publicKey"]
    assert asked["rp"] == {"id": "localhost", "name": settings.SHOP_NAME}
    assert asked["user"]["name"] == "bo@example.com"
    assert asked["authenticatorSelection"]["userVerification"] == "required"


# Signing in


def test_a_passkey_signs_in_by_itself(client, ada, key):
    client.post("/accounts/logout/")

    answer = sign_in(client, key)

    assert answer.url == "/account/"
    assert who(client) == ada.email


def test_a_page_of_somebody_else_gets_no_use_of_a_passkey(client, ada, key):
    client.post("/accounts/logout/")
    key.origin = "https://localhost.evil.example"

    answer = sign_in(client, key)

    assert who(client) == ""
    assert passkeys.NOT_KNOWN in words(client.get(answer.url))


def test_a_device_that_nobody_unlocked_does_not_sign_in(client, ada, key):
    client.post("/accounts/logout/")
    key.seen = False

    sign_in(client, key)

    assert who(client) == ""


def test_what_was_signed_once_signs_in_once(client, ada, key):
    way = "/accounts/2fa/webauthn/login/"
    thief = Client()
    asked = thief.get(way, headers={"Accept": "application/json"})
    form = {"credential": json.dumps(key.sign(asked))}
    thief.post(way, form)
    assert who(thief) == ada.email
    thief.post("/accounts/logout/")

    thief.get(way, headers={"Accept": "application/json"})
    thief.post(way, form)

    assert who(thief) == ""


def test_a_passkey_opens_its_own_account_only(client, ada, key):
    ben = make_person("ben@example.com")
    client.post("/accounts/logout/")
    key.user_handle = websafe_encode(str(ben.pk).encode())

    sign_in(client, key)

    assert who(client) == ""


def test_a_closed_account_is_opened_by_no_passkey(client, ada, key):
    privacy.close(ada, gives_up={})

    sign_in(Client(), key)

    assert not Authenticator.objects.exists()
    assert who(client) == ""


def test_a_deactivated_account_is_opened_by_no_passkey(client, ada, key):
    User.objects.filter(pk=ada.pk).update(is_active=False)
    browser = Client()

    answer = sign_in(browser, key)

    assert answer.url == "/accounts/inactive/"
    assert who(browser) == ""


def test_without_a_script_the_button_says_what_it_needs(client):
    page = client.get("/accounts/login/").content.decode()
    answer = client.post("/accounts/2fa/webauthn/login/", {"credential": ""})

    assert "A passkey needs JavaScript" in page
    assert words(client.get(answer.url)) == passkeys.NEEDS_SCRIPT


def test_passkeys_are_tried_ten_times_a_minute(client):
    way = "/accounts/2fa/webauthn/login/"

    answers = [client.post(way, {"credential": "{}"}) for _ in range(11)]

    assert {answer.status_code for answer in answers[:10]} == {302}
    assert answers[10].status_code == 429


# As a second step


def test_a_password_alone_is_not_enough_any_more(client, ada, key):
    browser = Client()

    answer = type_password(browser)

    assert answer.url == "/accounts/2fa/authenticate/"
    assert who(browser) == ""
    second_step(browser, key)
    assert who(browser) == ada.email


def test_another_passkey_is_no_second_step(client, ada, key):
    ben, browser = Client(), Client()
    make_person("ben@example.com")
    type_password(ben, "ben@example.com")
    type_password_again(ben)
    his = SoftwareKey()
    add_passkey(ben, his)

    type_password(browser)
    second_step(browser, his)

    assert who(browser) == ""


def test_a_recovery_code_lets_in_once(client, ada, key):
    code = codes_shown(client)[0]
    first, second = Client(), Client()

    for browser in (first, second):
        type_password(browser)
        browser.post("/accounts/2fa/authenticate/", {"code": code})

    assert (who(first), who(second)) == (ada.email, "")


def test_a_new_password_by_mail_does_not_open_what_a_passkey_guards(
    client, ada, key, mailoutbox
):
    thief = Client()

    answer = set_new_password(thief, ada.email, mailoutbox)

    assert answer.url == "/accounts/2fa/authenticate/"
    assert who(thief) == ""


def test_staff_with_a_second_step_are_asked_for_it_on_the_way_to_their_pages(key, ada):
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    browser = Client()
    way = browser.get("/admin/orders/order/", follow=True).redirect_chain[-1][0]
    assert way.startswith("/accounts/login/")

    answer = type_password(browser, way=way)

    assert answer.url == "/accounts/2fa/authenticate/"
    assert browser.get("/admin/").status_code == 302
    assert second_step(browser, key).url == "/admin/orders/order/"
    assert browser.get("/admin/orders/order/").status_code == 200


def test_an_app_shows_the_codes_that_are_asked_for(client, ada, time_machine):
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    page = client.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    assert settings.SHOP_NAME in page.context["totp_url"]

    answer = client.post("/accounts/2fa/totp/activate/", {"code": shown_now(secret)})

    assert answer.url == CODES
    time_machine.move_to(now + timedelta(seconds=30), tick=False)
    browser = Client()
    type_password(browser)
    browser.post("/accounts/2fa/authenticate/", {"code": shown_now(secret)})
    assert who(browser) == ada.email


def shown_now(secret):
    """What the app displays."""
    return format_hotp_value(hotp_value(secret, int(timezone.now().timestamp()) // 30))


# Once more, before something grave


def test_who_has_only_a_passkey_is_asked_for_it_and_for_no_code(client, mailoutbox):
    key = join(client, mailoutbox)
    client.post("/accounts/logout/")
    sign_in(client, key)

    asked = client.get("/account/privacy/export/", follow=True)
    assert asked.request["PATH_INFO"] == "/accounts/2fa/webauthn/reauthenticate/"
    way = f"{asked.request['PATH_INFO']}?{asked.request['QUERY_STRING']}"
    answer = prove(client, key, way)

    assert answer.url == "/account/privacy/export/"
    assert client.get(answer.url).status_code == 200


def test_a_passkey_that_is_refused_loses_nothing(client, mailoutbox):
    key = join(client, mailoutbox)
    client.post("/accounts/logout/")
    sign_in(client, key)
    way = "/accounts/2fa/webauthn/reauthenticate/?next=/account/privacy/export/"

    refused = prove(client, SoftwareKey(), way)
    answer = prove(client, key, way)

    assert refused.status_code == 422
    assert passkeys.NOT_KNOWN in refused.content.decode()
    assert answer.url == "/account/privacy/export/"


def test_who_has_a_password_too_is_offered_every_way(client, ada, key):
    offered = client.get("/accounts/reauthenticate/").context

    assert [each["id"] for each in offered["reauthentication_alternatives"]] == [
        "mfa_reauthenticate",
        "mfa_reauthenticate:webauthn",
    ]


def test_another_passkey_proves_nothing(client, ada, key, time_machine):
    time_machine.move_to(timezone.now() + timedelta(minutes=10))

    prove(client, SoftwareKey())

    assert client.get("/account/privacy/export/").status_code == 302


# Those one has


def test_a_member_adds_a_passkey_and_gets_codes_and_a_mail(client, ada, mailoutbox):
    answer = add_passkey(client, SoftwareKey(), "Laptop", passwordless="on")

    assert answer.url == CODES
    assert names(ada) == ["Laptop"]
    assert "Laptop" in client.get(LIST).content.decode()
    assert mailoutbox[-1].subject == "A passkey was added"
    assert mailoutbox[-1].to == [ada.email]


def test_a_passkey_gets_another_name(client, ada, key):
    (row,) = of_kind(ada)

    client.post(f"{LIST}keys/{row.pk}/edit/", {"name": "Grandmother’s tablet"})

    assert names(ada) == ["Grandmother’s tablet"]


def test_a_removed_passkey_opens_nothing_and_the_password_is_enough_again(
    client, ada, key, mailoutbox
):
    (row,) = of_kind(ada)

    client.post(f"{LIST}keys/{row.pk}/remove/")

    assert mailoutbox[-1].subject == "A passkey was removed"
    assert not authenticators.of(ada).exists()
    by_key, by_password = Client(), Client()
    sign_in(by_key, key)
    type_password(by_password)
    assert (who(by_key), who(by_password)) == ("", ada.email)


@pytest.mark.parametrize("verb", ["edit", "remove"])
def test_nobody_touches_the_passkey_of_another(client, ada, key, verb):
    ben = Client()
    make_person("ben@example.com")
    type_password(ben, "ben@example.com")
    type_password_again(ben)
    (row,) = of_kind(ada)

    answer = ben.post(f"{LIST}keys/{row.pk}/{verb}/", {"name": "Mine"})

    assert answer.status_code == 404
    assert names(ada) == ["Laptop"]


def test_who_only_found_the_screen_unlocked_changes_nothing(client, ada, key):
    found = Client()
    found.force_login(ada)
    (row,) = of_kind(ada)

    for page in ("add/", f"keys/{row.pk}/edit/", f"keys/{row.pk}/remove/"):
        answer = found.get(f"{LIST}{page}")
        assert answer.url.startswith("/accounts/reauthenticate/")


def test_ten_passkeys_are_the_most(client, ada, key):
    (row,) = of_kind(ada)
    Authenticator.objects.bulk_create(
        Authenticator(user=ada, type=Type.WEBAUTHN, data=row.data)
        for _ in range(passkeys.MOST - 1)
    )

    answer = add_passkey(client, SoftwareKey())

    assert "You have 10 passkeys" in answer.content.decode()
    assert of_kind(ada).count() == passkeys.MOST


def test_a_name_that_is_too_long_is_cut_and_an_empty_one_given(client, ada):
    add_passkey(client, SoftwareKey(), "x" * 500)
    add_passkey(client, SoftwareKey(), "")

    assert names(ada) == ["x" * passkeys.LONGEST_NAME, "Passkey 2"]


def test_of_a_new_passkey_only_what_was_understood_is_kept(client, ada):
    page = client.get(f"{LIST}add/")
    made = SoftwareKey().make(page)
    made |= {"note": "\0" * 9, "authenticatorAttachment": "platform"}
    made["response"]["transports"] = ["\ud800"]
    made["clientExtensionResults"]["more"] = {"x": "y"}
    form = {"name": "Phone", "credential": json.dumps(made)}

    client.post(f"{LIST}add/", form)

    kept = of_kind(ada).get().data["credential"]
    assert set(kept) == {"type", "id", "rawId", "response", "clientExtensionResults"}
    assert set(kept["response"]) == {"clientDataJSON", "attestationObject"}
    assert kept["clientExtensionResults"] == {"credProps": {"rk": False}}


NONSENSE = {
    "nothing": "",
    "null": "null",
    "no JSON": "{",
    "a list": "[]",
    "a number beyond any": "9" * 5000,
    "nests beyond any": "[" * 50_000,
    "not a number": '{"id": NaN}',
    "empty": "{}",
    "no response": '{"id": "YQ", "rawId": "YQ"}',
    "a list for a response": '{"id": "YQ", "rawId": "YQ", "response": []}',
    "numbers": '{"id": 1, "rawId": 1, "response": {"userHandle": 1}}',
    "somebody who is nobody": '{"response": {"userHandle": "OTk5OTk5OTk5OTk5"}}',
    "somebody with letters": '{"response": {"userHandle": "YWJj"}}',
    "odd letters": '{"response": {"userHandle": "\\ud800"}}',
    "too much": json.dumps({"id": "a" * 30_000}),
}


@pytest.mark.parametrize("credential", NONSENSE.values(), ids=NONSENSE)
def test_a_hand_made_credential_is_refused_in_words(client, ada, key, credential):
    stranger = Client()
    stranger.get(
        "/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"}
    )
    stepping = Client()
    type_password(stepping)
    stepping.get("/accounts/2fa/authenticate/")
    client.get(f"{LIST}add/")
    form = {"credential": credential}

    at_login = stranger.post("/accounts/2fa/webauthn/login/", form)
    at_step = stepping.post("/accounts/2fa/authenticate/", form)
    at_adding = client.post(f"{LIST}add/", form)

    said = {passkeys.NOT_KNOWN, passkeys.NEEDS_SCRIPT}
    assert words(stranger.get(at_login.url)) in said
    assert {str(each) for each in at_step.context["webauthn_form"].errors.values()}
    assert at_adding.context["form"].errors
    assert who(stranger) == who(stepping) == ""
    assert of_kind(ada).count() == 1


@pytest.mark.parametrize("part", ["attestationObject", "clientDataJSON"])
def test_a_passkey_made_of_nonsense_is_not_kept(client, ada, part):
    page = client.get(f"{LIST}add/")
    for broken in (b"", b"\xa0", b"\x81" * 4000, b"{}", b'{"type": 1}', b"\xff" * 40):
        made = SoftwareKey().make(page)
        made["response"][part] = websafe_encode(broken)
        answer = client.post(f"{LIST}add/", {"credential": json.dumps(made)})
        assert answer.context["form"].errors, broken

    assert not Authenticator.objects.exists()


def test_a_passkey_from_another_page_is_not_kept(client, ada):
    answer = add_passkey(client, SoftwareKey("https://evil.example"))

    assert answer.context["form"].errors
    assert not Authenticator.objects.exists()


@pytest.mark.django_db(transaction=True)  # allauth tells of it after the commit
@pytest.mark.parametrize(
    ("event", "subject"),
    [
        ("totp_activated", "An authenticator app was set up"),
        ("totp_deactivated", "The authenticator app was turned off"),
        ("recovery_codes_generated", "You have new recovery codes"),
    ],
)
def test_every_change_is_told_by_mail(
    client, ada, mailoutbox, time_machine, event, subject
):
    time_machine.move_to(timezone.now(), tick=False)
    secret = client.get("/accounts/2fa/totp/activate/").context["form"].secret
    client.post("/accounts/2fa/totp/activate/", {"code": shown_now(secret)})
    if event == "totp_deactivated":
        client.post("/accounts/2fa/totp/deactivate/")
    if event == "recovery_codes_generated":
        client.post("/accounts/2fa/recovery-codes/generate/")

    letter = next(mail for mail in mailoutbox if mail.subject == subject)

    assert letter.to == [ada.email]
    assert f"{settings.SITE_URL}/accounts/2fa/" in letter.body
    assert "set a new password at once" in letter.body


# What is known, and what is forgotten


def test_a_members_file_names_the_passkeys_and_holds_no_secret(client, ada, key):
    file = privacy.export(ada)

    told = file["sign_in"]["authenticators"]
    assert [(each["kind"], each["name"]) for each in told] == [
        ("Passkey", "Laptop"),
        ("Recovery codes", "Recovery codes"),
    ]
    secrets_ = of_kind(ada, Type.RECOVERY_CODES).get().data["seed"]
    assert secrets_ not in json.dumps(file)


def test_closing_the_account_forgets_what_guarded_it(client, ada, key):
    privacy.close(ada, gives_up={})

    assert not Authenticator.objects.exists()


# Lost


def clerk(client, *permissions, **fields):
    user = User.objects.create_user("clerk@example.com", PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user


def take_off(client, person, **fields):
    chosen = [row.pk for row in authenticators.of(person)]
    return client.post(
        "/admin/mfa/authenticator/",
        {"action": "take_off", "_selected_action": chosen, **fields},
    )


def test_staff_let_in_a_member_who_lost_everything(ada, key, run_jobs, mailoutbox):
    desk, browser = Client(), Client()
    clerk(desk, "view_authenticator", "change_authenticator")

    asked = take_off(desk, ada)
    assert ada.email in asked.content.decode()
    assert authenticators.of(ada).exists()
    take_off(desk, ada, confirmed="yes")
    run_jobs()

    type_password(browser)
    assert who(browser) == ada.email
    assert not authenticators.of(ada).exists()
    letters = [mail for mail in mailoutbox if "password alone" in mail.subject]
    assert [letter.to for letter in letters] == [[ada.email]]


def test_only_a_superuser_opens_the_account_of_staff(ada, key):
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    desk = Client()
    clerk(desk, "view_authenticator", "change_authenticator")

    take_off(desk, ada, confirmed="yes")

    assert authenticators.of(ada).exists()


def test_staff_who_may_only_look_take_nothing_off(ada, key):
    desk = Client()
    clerk(desk, "view_authenticator")

    take_off(desk, ada, confirmed="yes")

    assert authenticators.of(ada).exists()


def test_staff_see_that_there_are_codes_and_never_which(ada, key):
    desk = Client()
    clerk(desk, "view_authenticator")
    codes = of_kind(ada, Type.RECOVERY_CODES).get()
    seed = codes.data["seed"]

    page = desk.get(f"/admin/mfa/authenticator/{codes.pk}/change/").content.decode()
    guess = desk.get(f"/admin/mfa/authenticator/?data__seed__startswith={seed[:4]}")

    assert "Recovery codes" in page
    assert seed not in page
    assert guess.status_code in (302, 400)
