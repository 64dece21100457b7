"""The member's pages for everybody: read aloud, from right to left, by keyboard."""

import re

import pytest

from shop.demo import people
from shop.tests.browser.people_at_work import sign_in

pytestmark = pytest.mark.browser

PAGES = [
    "/account/",
    "/account/invite/",
    "/account/invite/links/",
    "/account/invite/cards/",
    "/account/invite/news/",
    "/account/invite/board/",
    "/account/balance/",
    "/account/privacy/",
    "/p/tidal-bowl/",
    "/c/kitchen-table/",
    "/search/?q=lamp",
]
TURN = "document.documentElement.dir = 'rtl'"
OFF_THE_PAGE = """() => {
  const root = document.documentElement;
  return root.scrollWidth > root.clientWidth || root.scrollLeft !== 0;
}"""


@pytest.mark.parametrize("width", [390, 1280])
def test_read_from_right_to_left_no_page_runs_off_the_side(visitor, width):
    page = visitor(width=width)
    sign_in(page, people.CUSTOMER)

    wide = []
    for path in PAGES:
        page.goto(path)
        page.evaluate(TURN)
        if page.evaluate(OFF_THE_PAGE):
            wide.append(path)

    assert wide == []


def test_read_from_right_to_left_links_and_codes_keep_their_order(visitor):
    page = visitor()
    sign_in(page, people.CUSTOMER)
    for path in ("/account/invite/", "/account/invite/links/"):
        page.goto(path)
        page.evaluate(TURN)

        kept = page.locator("main [translate=no]")
        assert kept.count() >= 2
        for number in range(kept.count()):
            assert (
                kept.nth(number).evaluate("each => getComputedStyle(each).direction")
                == "ltr"
            )


def test_read_from_right_to_left_the_text_begins_on_the_right(visitor):
    page = visitor()
    page.goto("/search/?q=lamp")
    left = page.locator("h1").bounding_box()["x"]
    page.evaluate(TURN)
    heading = page.locator("h1").bounding_box()

    assert heading["x"] + heading["width"] == pytest.approx(1280 - left, abs=20)


def test_read_from_right_to_left_the_arrow_of_a_choice_is_on_its_other_side(visitor):
    page = visitor()
    page.goto("/c/kitchen-table/cups-mugs/")
    arrow = "each => getComputedStyle(each).backgroundPosition"
    select = page.locator("select").first
    before = select.evaluate(arrow)

    page.evaluate(TURN)

    assert select.evaluate(arrow) != before


def test_a_code_is_spelled_for_those_who_listen(visitor):
    page = visitor()
    sign_in(page, people.CUSTOMER)
    page.goto("/account/invite/")

    code = page.locator("main strong[translate=no]").first
    shown = code.locator("[aria-hidden=true]").inner_text()
    told = code.locator(".visually-hidden").text_content()
    assert told == ", ".join(shown)
    assert len(shown) >= 4


def test_copied_is_said_when_it_was_copied(visitor):
    page = visitor()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, people.CUSTOMER)
    page.goto("/account/invite/")

    page.get_by_role("button", name="Copy link").click()

    page.get_by_role("button", name="Copied").wait_for()
    assert page.locator("#share-link-said").text_content() == "Link copied."
    link = page.locator("#share-link").input_value()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{link}?c=copy"  # so that reports can tell it apart


def test_a_copy_that_fails_is_not_called_one_and_the_link_is_selected(visitor):
    page = visitor()
    page.add_init_script(
        "navigator.clipboard.writeText = () => Promise.reject(new Error('no'))"
    )
    sign_in(page, people.CUSTOMER)
    page.goto("/account/invite/")

    page.get_by_role("button", name="Copy link").click()

    page.get_by_role("button", name="Press Ctrl or ⌘ + C").wait_for()
    assert "Copied" not in page.locator("main").inner_text()
    chosen = page.evaluate("document.getSelection().toString()")
    link = page.locator("#share-link").input_value()
    assert chosen == link


def test_the_link_can_be_had_by_keyboard_alone(visitor):
    page = visitor()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, people.CUSTOMER)
    page.goto("/account/invite/")

    for _ in range(60):
        page.keyboard.press("Tab")
        words = page.evaluate("document.activeElement.textContent").strip()
        if words == "Copy link":
            break
    ring = page.evaluate(
        "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
    )
    page.keyboard.press("Enter")

    page.get_by_role("button", name="Copied").wait_for()
    assert ring


@pytest.mark.parametrize("path", ["/account/invite/board/", "/account/privacy/"])
def test_on_a_phone_the_part_of_the_account_one_is_in_can_be_seen(visitor, path):
    page = visitor(width=390)
    sign_in(page, people.CUSTOMER)
    page.goto(path)

    for current in page.locator("nav [aria-current=page]").all():
        if current.is_visible() and current.evaluate(
            "each => !!each.closest('.account-nav, .tabs')"
        ):
            box = current.bounding_box()
            assert box["x"] >= 0, path
            assert box["x"] + box["width"] <= 390, path


def test_without_script_the_link_is_there_to_be_selected(visitor):
    page = visitor(javascript=False)
    sign_in(page, people.CUSTOMER)
    page.goto("/account/invite/")

    link = page.locator("#share-link")
    assert re.match(r"http://localhost:\d+/r/\w+", link.input_value())
    assert page.get_by_role("button", name="Copy link").count() == 0
    assert page.get_by_role("link", name="WhatsApp").is_visible()
