"""What people do on the pages, for the tests that watch them."""

import re

from shop.demo import people

ADDRESS = {
    "Full name": "Ben Karlsen",
    "Street and number": "8 Wharf Road",
    "City": "Portland",
    "ZIP code": "04102",
}


def sign_in(page, person):
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(people.PASSWORD)
    submit(page)
    page.wait_for_url(re.compile("/account/"))


def submit(page):
    """Press the first button of the page's own form."""
    page.locator("main form button[type=submit]").first.click()


def give_device(page):
    """A device that keeps passkeys and knows its owner's finger; how to forget it.

    Chromium's own, for this page alone. `forget_finger()` makes it refuse, as somebody
    who turns a question of their phone away.
    """
    wire = page.context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    added = wire.send("WebAuthn.addVirtualAuthenticator", {"options": options})

    def forget_finger():
        wire.send("WebAuthn.setUserVerified", {**added, "isUserVerified": False})

    return forget_finger


def sign_out(page):
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sign out").last.click()
    page.wait_for_url("**/")


def sign_in_by_passkey(page):
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(re.compile("/account/"))


def add_to_cart(page, path):
    page.goto(path)
    page.get_by_role("button", name="Add to cart").click()


def fill_address(page):
    for label, value in ADDRESS.items():
        page.get_by_label(label).fill(value)
    page.get_by_label("State").select_option("ME")


def pay_by_card(page, number="4242424242424242"):
    """On the sandbox's page, which stands for Stripe's."""
    page.get_by_label("Card number").fill(number)
    page.locator("[name=expiry]").fill("12 / 34")
    page.locator("[name=cvc]").fill("123")
    page.locator("[name=name]").fill("Ben Karlsen")
    page.get_by_role("button", name=re.compile("^Pay")).click()
