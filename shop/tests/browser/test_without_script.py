"""A whole purchase without JavaScript, and one by keyboard alone."""

import re

import pytest
from playwright.sync_api import expect

from shop.tests.browser.people_at_work import add_to_cart, fill_address, pay_by_card

pytestmark = pytest.mark.browser


def test_a_guest_buys_without_javascript(visitor):
    page = visitor(width=390, javascript=False)

    page.goto("/p/tidal-bowl/")
    page.get_by_label("Sage").check()
    page.get_by_label("Large").check()
    page.get_by_role("button", name=re.compile("Show|Update")).click()
    expect(page).to_have_url(re.compile("v=TG-TID-SAG"))
    page.get_by_role("button", name="Add to cart").click()
    page.get_by_role("spinbutton").fill("2")
    page.get_by_role("button", name="Update").click()
    expect(page.locator("main")).to_contain_text("$92.00")
    page.get_by_role("button", name=re.compile("Remove")).click()
    page.get_by_role("button", name=re.compile("Undo")).click()
    page.get_by_role("link", name="Check out").click()
    page.get_by_label("Email").fill("guest@example.com")
    fill_address(page)
    page.get_by_role("button", name=re.compile("^Pay")).click()
    pay_by_card(page)

    # The page refreshes itself until the webhook has confirmed the order.
    expect(page.get_by_role("heading", name=re.compile("Thank you"))).to_be_visible(
        timeout=15_000
    )


def test_a_refused_card_keeps_the_order_and_the_cart(visitor):
    page = visitor()
    add_to_cart(page, "/p/margin-notebook/")
    page.get_by_role("link", name="Check out").click()
    page.get_by_label("Email").fill("declined@example.com")
    fill_address(page)
    page.get_by_role("button", name=re.compile("^Pay")).click()

    pay_by_card(page, "4000000000000002")
    expect(page.locator("main")).to_contain_text("declined")
    pay_by_card(page, "4000002500003155")
    page.get_by_role("button", name="Fail").click()
    expect(page.get_by_role("button", name=re.compile("^Pay"))).to_be_visible()
    pay_by_card(page, "4000002500003155")
    page.get_by_role("button", name="Complete").click()

    expect(page.get_by_role("heading", name=re.compile("Thank you"))).to_be_visible(
        timeout=15_000
    )


def test_somebody_who_only_has_a_keyboard_reaches_the_card_page(visitor):
    page = visitor()
    page.goto("/p/dune-mug/")

    press_until(page, "Add to cart", "button")
    expect(page.get_by_role("heading", name="Your cart")).to_be_visible()
    press_until(page, "Check out", "link")
    for field, value in [
        ("Email", "keys@example.com"),
        ("Full name", "Ada Keys"),
        ("Street and number", "1 Tab Street"),
        ("City", "Portland"),
        ("ZIP code", "04101"),
    ]:
        focus(page, page.get_by_label(field))
        page.keyboard.type(value)
    focus(page, page.get_by_label("State"))
    page.keyboard.type("Maine")
    press_until(page, re.compile("^Pay"), "button")

    expect(page.get_by_label("Card number")).to_be_visible()


def press_until(page, name, role):
    focus(page, page.get_by_role(role, name=name).first)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def focus(page, wanted, most=120):
    """Tab on from the page's start until the element has the focus."""
    wanted.wait_for()
    page.evaluate("document.activeElement?.blur()")
    for _ in range(most):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{wanted} cannot be reached by Tab")
