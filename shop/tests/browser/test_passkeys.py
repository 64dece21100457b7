"""Passkeys on their pages, with a device that Chromium plays (never over the wire)."""

import re

import pytest
from playwright.sync_api import expect

from shop.tests.browser.people_at_work import (
    give_device,
    sign_in_by_passkey,
    sign_out,
    submit,
)
from shop.tests.browser.test_access import faults_of, judge, sideways
from shop.tests.browser.test_attribution import PASSWORD, prove, sign_up

pytestmark = pytest.mark.browser

LIST = "/accounts/2fa/webauthn/"


@pytest.fixture
def member(running_shop, visitor):
    """Make somebody who has just joined with a password and holds a device."""

    def join(email, **kind):
        page = visitor(**kind)
        forget_finger = give_device(page)
        sign_up(page, email)
        prove(page, running_shop, visitor, email)
        return page, forget_finger

    return join


def add_passkey(page, name):
    page.goto(LIST)
    page.get_by_role("link", name="Add", exact=True).click()
    page.get_by_label("Password").fill(PASSWORD)
    submit(page)
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def test_a_member_adds_a_passkey_gives_it_a_name_and_removes_it(member):
    page, _ = member("keeps-a-passkey@friends.example")

    add_passkey(page, "Phoen")
    page.goto(LIST)
    page.get_by_role("link", name="Rename").click()
    page.get_by_label("Name").fill("Phone")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="Phone")).to_be_visible()
    sign_out(page)
    sign_in_by_passkey(page)
    page.goto(LIST)
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("link", name="Use a passkey").click()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("button", name="Remove").click()

    expect(page.get_by_text("The passkey is removed.")).to_be_visible()
    expect(page.get_by_text("None yet.")).to_be_visible()


def test_after_the_password_the_passkey_is_asked_for(member):
    page, _ = member("two-steps@friends.example")
    add_passkey(page, "Phone")
    sign_out(page)

    page.goto("/accounts/login/")
    page.get_by_label("Email").fill("two-steps@friends.example")
    page.get_by_label("Password").fill(PASSWORD)
    submit(page)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()

    page.wait_for_url(re.compile("/account/"))


def test_who_turns_the_question_away_is_told_that_nothing_happened(member):
    page, forget_finger = member("not-now@friends.example", width=390)
    add_passkey(page, "Phone")
    sign_out(page)
    forget_finger()

    page.goto("/accounts/login/")
    for _ in range(2):
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("alert")).to_contain_text("Nothing has changed")

    assert page.get_by_role("alert").count() == 1
    assert judge(page) == []
    assert not sideways(page, ["/accounts/login/"])


def test_a_device_holds_one_passkey_of_an_account(member):
    page, _ = member("twice@friends.example")
    add_passkey(page, "Phone")

    page.goto(f"{LIST}add/")
    page.get_by_role("button", name="Add", exact=True).click()

    expect(page.get_by_role("alert")).to_contain_text("has a passkey for your account")


def test_without_a_script_the_pages_say_what_a_passkey_needs(visitor):
    page = visitor(javascript=False)
    needs = page.locator("main noscript p")

    page.goto("/accounts/login/")
    expect(needs).to_be_visible()
    assert "A passkey needs JavaScript" in needs.inner_text()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("Another way works.")).to_be_visible()

    page.goto("/accounts/signup/passkey/")
    expect(needs).to_be_visible()
    assert "A passkey needs JavaScript" in needs.inner_text()
    page.get_by_role("link", name="Use a password instead").click()
    expect(page).to_have_url(re.compile("/accounts/signup/$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_passkeys_are_accessible(member, scheme):
    page, _ = member(f"{scheme}@friends.example", scheme=scheme)
    add_passkey(page, "Phone")
    page.goto(LIST)
    rename = page.get_by_role("link", name="Rename").get_attribute("href")
    remove = page.get_by_role("link", name="Remove").get_attribute("href")
    pages = [
        *[LIST, f"{LIST}add/", f"{LIST}reauthenticate/", rename, remove],
        *["/accounts/2fa/", "/accounts/2fa/reauthenticate/"],
        *["/accounts/2fa/recovery-codes/", "/accounts/2fa/recovery-codes/generate/"],
        "/accounts/2fa/totp/activate/",
    ]

    faults = faults_of(page, pages)
    page.set_viewport_size({"width": 320, "height": 640})
    wide = sideways(page, pages)
    sign_out(page)
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(f"{scheme}@friends.example")
    page.get_by_label("Password").fill(PASSWORD)
    submit(page)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()

    assert faults + judge(page) == []
    assert wide == []
