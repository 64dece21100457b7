"""Where staff decide about money: with the mouse, with keys, and by mistake."""

import re

import pytest

from shop.demo import people
from shop.tests.browser.people_at_work import sign_in

pytestmark = pytest.mark.browser

QUEUE = "/admin/referrals/reviewcase/queue/"


@pytest.fixture(scope="module", autouse=True)
def _stage(running_shop):
    running_shop.stage("friends_to_look_at")
    running_shop.stage("adjustment_to_confirm")


@pytest.fixture
def desk(visitor):
    page = visitor()
    sign_in(page, people.STAFF)
    return page


def states(shop):
    """Of the cases of the scene; the demo has some of its own."""
    rows = shop.ask(
        "SELECT looked.state FROM referrals_reviewcase looked"
        " JOIN referrals_attribution friend ON friend.id = looked.attribution_id"
        " JOIN accounts_user guest ON guest.id = friend.invitee_id"
        " WHERE guest.email LIKE 'guest-_@tandem.example'"
    )
    return [state for (state,) in rows]


def test_enter_in_a_reason_decides_nothing(desk, running_shop):
    desk.goto(QUEUE)
    for field in desk.locator("main [name=reason]").all():
        field.fill("A household")
        field.press("Enter")
        desk.wait_for_timeout(100)

    assert set(states(running_shop)) == {"open"}
    assert desk.url.endswith(QUEUE)


def focused(page):
    return page.evaluate("document.activeElement.closest('[data-review]')?.id")


def test_a_case_is_decided_with_two_keys_and_the_next_has_the_focus(desk, running_shop):
    desk.goto(QUEUE)
    ids = [each.get_attribute("id") for each in desk.locator("[data-review]").all()]
    desk.keyboard.press("j")
    desk.keyboard.press("j")
    assert focused(desk) == ids[1]
    desk.keyboard.press("k")
    assert focused(desk) == ids[0]

    desk.keyboard.press("r")
    desk.get_by_text("Say why").wait_for()
    assert focused(desk) == ids[0]
    desk.keyboard.press("1")
    desk.keyboard.press("a")
    desk.get_by_text("2 friends approved.").wait_for()

    assert focused(desk) == ids[1]
    assert sorted(states(running_shop)) == ["approved", "approved", "open", "open"]
    desk.keyboard.press("2")
    desk.keyboard.press("r")
    desk.get_by_text("1 friend rejected.").wait_for()
    assert sorted(states(running_shop)) == ["approved", "approved", "open", "rejected"]


def test_a_friend_is_asked_what_stands_on_the_page(desk, running_shop):
    desk.goto(QUEUE)
    desk.keyboard.press("j")
    desk.keyboard.press("q")
    desk.keyboard.press("Space")
    asked = desk.locator("[name=asked]:checked").get_attribute("value")
    desk.get_by_role("button", name="Send the question").first.click()
    desk.get_by_text("1 friend asked.").wait_for()

    ((text,),) = running_shop.ask(
        "SELECT text FROM kit_message WHERE kind = 'review_question'"
        " ORDER BY id DESC LIMIT 1"
    )
    assert asked in text
    assert "asked" in states(running_shop)


def test_enter_in_why_not_refuses_and_pays_nothing(desk, running_shop):
    desk.goto("/admin/accounts/adjustment/?decided_at__isempty=1")
    desk.get_by_role("link", name=re.compile("60.00 for jonas")).click()

    desk.get_by_label("Or why not").fill("Too much for a lamp")
    desk.get_by_label("Or why not").press("Enter")
    desk.get_by_text("Refused. Too much for a lamp").wait_for()

    (row,) = running_shop.ask(
        "SELECT refused_because, transfer_id FROM accounts_adjustment"
        " WHERE token = 'scene'"
    )
    assert row == ("Too much for a lamp", None)
