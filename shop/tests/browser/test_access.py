"""Every page, in both colour schemes, judged by axe-core; and on a small phone."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from shop.demo import people
from shop.tests.browser.people_at_work import add_to_cart, sign_in

pytestmark = pytest.mark.browser

PUBLIC = [
    "/",
    "/new/",
    "/c/kitchen-table/",
    "/c/kitchen-table/cups-mugs/?sort=price&page=1",
    "/p/tidal-bowl/",
    "/p/tidal-bowl/?v=TG-TID-HARB-LA",
    "/p/attic-radio/",
    "/search/?q=lamp",
    "/search/?q=teppot",
    "/cart/",
    "/checkout/",
    "/orders/find/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/signup/passkey/",
    "/accounts/password/reset/",
    "/about/delivery/",
    "/about/terms/",
    "/about/contact/",
]
MEMBERS = [
    "/account/",
    "/account/orders/",
    "/account/balance/",
    "/account/invite/",
    "/account/invite/links/",
    "/account/invite/cards/",
    "/account/invite/news/",
    "/account/invite/board/",
    "/account/invite/name/",
    "/account/code/",
    "/account/privacy/",
    "/invitation/rules/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/reauthenticate/",
    "/accounts/2fa/",
    "/accounts/2fa/webauthn/",
    "/accounts/logout/",
    "/checkout/",
]
_PROGRAMME = "/admin/referrals/funnelday/programme"
STAFF = [
    "/admin/",
    "/admin/orders/order/",
    "/admin/catalog/product/",
    "/admin/referrals/reviewcase/queue/",
    "/admin/referrals/namecase/queue/",
    f"{_PROGRAMME}/",
    f"{_PROGRAMME}/?by=week",
    f"{_PROGRAMME}/orders/",
    f"{_PROGRAMME}/liability/",
    f"{_PROGRAMME}/inviters/",
    f"{_PROGRAMME}/what-if/",
    f"{_PROGRAMME}/yearly/",
    f"{_PROGRAMME}/health/",
    f"{_PROGRAMME}/unsettled/",
    "/admin/accounts/adjustment/",
]


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


def test_public_pages_are_accessible(visitor, scheme):
    page = visitor(scheme=scheme)
    add_to_cart(page, "/p/dune-mug/")

    assert faults_of(page, PUBLIC) == []


def test_members_pages_are_accessible(visitor, scheme):
    page = visitor(scheme=scheme)
    sign_in(page, people.CUSTOMER)
    add_to_cart(page, "/p/dune-mug/")
    page.goto("/account/orders/")
    order = page.locator("main a[href^='/orders/']").first.get_attribute("href")

    assert faults_of(page, [*MEMBERS, order]) == []


def test_empty_pages_are_accessible(visitor, scheme):
    page = visitor(scheme=scheme)
    faults = faults_of(page, ["/cart/"])
    sign_in(page, people.MEMBER)

    assert faults + faults_of(page, MEMBERS[:4]) == []


def test_forms_with_errors_are_accessible_and_take_the_focus(visitor, scheme):
    page = visitor(scheme=scheme)
    add_to_cart(page, "/p/dune-mug/")
    faults = []
    for path in (
        "/checkout/",
        "/accounts/login/",
        "/accounts/signup/",
        "/orders/find/",
    ):
        page.goto(path)
        page.locator("main form").last.evaluate("form => form.noValidate = true")
        page.locator("main form button:not([name=update])").last.click()
        page.wait_for_selector("[data-error-summary]")
        assert page.evaluate(
            "document.activeElement.matches('[data-error-summary]')"
        ), path
        first = page.locator("[data-error-summary] a").first
        if first.count():
            target = first.get_attribute("href").removeprefix("#")
            described = page.locator(f"[id='{target}']").get_attribute(
                "aria-describedby"
            )
            assert described, f"{path}: {target} does not tell its error"
        faults += judge(page)

    assert faults == []


@pytest.fixture(scope="module")
def cases(running_shop):
    running_shop.stage("friends_to_look_at")


@pytest.mark.usefixtures("cases")
def test_staff_pages_are_accessible(visitor, scheme):
    page = visitor(scheme=scheme)
    sign_in(page, people.STAFF)
    member = page.request.get("/admin/accounts/user/").text()
    pk = re.search(r"/admin/accounts/user/(\d+)/change/", member)[1]

    assert faults_of(page, [*STAFF, f"/admin/accounts/adjustment/ask/{pk}/"]) == []


@pytest.mark.usefixtures("cases")
def test_no_page_of_the_programme_scrolls_sideways_on_a_phone(visitor):
    page = visitor(width=390)
    sign_in(page, people.STAFF)

    assert sideways(page, STAFF[3:]) == []


def test_no_page_scrolls_sideways_on_a_small_phone(visitor):
    page = visitor(width=320, height=640)
    add_to_cart(page, "/p/dune-mug/")
    wide = sideways(page, PUBLIC)
    sign_in(page, people.CUSTOMER)
    page.goto("/account/invite/links/")
    page.get_by_label("What is it for?").fill("W" * 60)
    page.get_by_role("button", name="Make a link").click()
    page.get_by_text("Your new link is ready").wait_for()
    wide += sideways(page, MEMBERS)

    assert wide == []


def faults_of(page, paths):
    faults = []
    for path in paths:
        page.goto(path)
        faults += judge(page)
    return faults


def judge(page):
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url} [{fault['impact']}] {fault['id']}: {node['html'][:160]}"
        for fault in found
        for node in fault["nodes"][:3]
    ]


def sideways(page, paths):
    wide = []
    for path in paths:
        page.goto(path)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            wide.append(path)
    return wide
