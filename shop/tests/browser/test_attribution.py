"""How an invitation survives on its way to an account, in real browsers (5.5)."""

import re

import pytest
from playwright.sync_api import expect

from shop.demo import people
from shop.tests.browser.people_at_work import (
    add_to_cart,
    fill_address,
    give_device,
    pay_by_card,
    sign_in,
    sign_in_by_passkey,
    sign_out,
    submit,
)
from shop.tests.browser.test_the_story import code_for

pytestmark = pytest.mark.browser

PASSWORD = "a kettle on the landing"
BROUGHT = (
    "SELECT a.method, a.status, i.email FROM referrals_attribution a "
    "JOIN accounts_user u ON u.id = a.invitee_id "
    "JOIN accounts_user i ON i.id = a.inviter_id WHERE u.email = ?"
)


@pytest.fixture
def link(running_shop):
    """Anna's link, as she sent it."""
    code = running_shop.ask(
        "SELECT c.text FROM referrals_code c "
        "JOIN referrals_referrallink l ON l.id = c.link_id "
        "JOIN accounts_user u ON u.id = l.owner_id "
        "WHERE u.email = ? AND l.is_default AND c.is_primary",
        people.CUSTOMER.email,
    )[0][0]
    return f"/r/{code}/"


def sign_up(page, email, *, way="/accounts/signup/"):
    page.goto(way)
    page.get_by_label("Name", exact=True).fill("Mika Aalto")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    submit(page)
    expect(page).to_have_url(re.compile("confirm-email"))


def prove(page, shop, visitor, email):
    page.get_by_label("Code").fill(code_for(shop, visitor, email))
    submit(page)
    page.wait_for_url(re.compile("/account/"))


def refuse_cookies(page, shop):
    page.context.add_cookies(
        [{"name": "tandem_consent", "value": "no", "url": shop.url}]
    )


def names_of_cookies(page):
    return {cookie["name"] for cookie in page.context.cookies()}


def brought(shop, email, *, method="cookie", status="active"):
    assert shop.ask(BROUGHT, email) == [(method, status, people.CUSTOMER.email)]


def by_provider(page, *, way="/accounts/dummy/login/", **fields):
    """Through the stand-in for Google's page."""
    page.goto(way)
    submit(page)
    for name, value in fields.items():
        page.locator(f"[name={name}]").fill(value)
    if "email" in fields:
        page.locator("[name=email_verified]").check()
    submit(page)


def test_with_a_password(running_shop, visitor, link):
    page, email = visitor(), "password@friends.example"
    page.goto(link)

    sign_up(page, email)
    brought(running_shop, email, status="provisional")
    prove(page, running_shop, visitor, email)

    brought(running_shop, email)


def by_passkey(page, shop, visitor, email):
    """From the sign-up page to the recovery codes."""
    page.get_by_role("link", name="Use a passkey instead").click()
    page.get_by_label("Name", exact=True).fill("Mika Aalto")
    page.get_by_label("Email").fill(email)
    submit(page)
    expect(page).to_have_url(re.compile("confirm-email"))
    brought(shop, email, status="provisional")
    page.get_by_label("Code").fill(code_for(shop, visitor, email))
    submit(page)
    page.get_by_role("textbox", name="Name").fill("Phone")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def test_by_a_passkey(running_shop, visitor, link):
    page, email = visitor(width=390), "passkey@friends.example"
    give_device(page)
    page.goto(link)
    page.goto("/accounts/signup/")

    by_passkey(page, running_shop, visitor, email)
    brought(running_shop, email)
    sign_out(page)
    sign_in_by_passkey(page)

    expect(page.get_by_role("heading", name="Hello, Mika")).to_be_visible()


def test_by_a_passkey_where_nothing_was_remembered(running_shop, visitor, link):
    app, browser = visitor(width=390), visitor(width=390)
    email = "passkey-handed-over@friends.example"
    give_device(browser)
    app.goto(link)
    way = app.get_by_role("link", name="Claim it").get_attribute("href")
    browser.goto("/new/")
    with browser.expect_navigation():  # from page to page no cookie is offered anew
        browser.evaluate("way => location.assign(way)", way)
    assert not any("visit" in each["name"] for each in browser.context.cookies())

    by_passkey(browser, running_shop, visitor, email)

    brought(running_shop, email)


def test_with_a_typed_code_that_beats_a_link(running_shop, visitor, link):
    page, email = visitor(width=390), "typed@friends.example"
    page.goto("/accounts/signup/")
    page.get_by_label("Invitation code").fill(link.split("/")[2].lower())
    page.get_by_label("Name", exact=True).fill("Mika Aalto")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    submit(page)
    prove(page, running_shop, visitor, email)

    brought(running_shop, email, method="typed")


def test_with_a_bad_code_and_a_better_one_later(running_shop, visitor, link):
    page, email = visitor(width=390), "late@friends.example"
    page.goto("/accounts/signup/")
    page.get_by_label("Invitation code").fill("ZZZZ 9999")
    page.get_by_label("Name", exact=True).fill("Mika Aalto")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    submit(page)
    expect(page.get_by_text("This invitation code is not active.")).to_be_visible()
    prove(page, running_shop, visitor, email)

    page.get_by_role("link", name="Enter a code").click()
    page.get_by_label("Your friend’s code").fill(link.split("/")[2])
    page.get_by_role("button", name="Use this code").click()

    expect(page.get_by_text("invitation counts now")).to_be_visible()
    brought(running_shop, email, method="late_claim")


def test_by_a_provider_that_knows_the_address(running_shop, visitor, link):
    page, email = visitor(), "provider@friends.example"
    page.goto(link)

    by_provider(page, id="101", email=email)
    page.wait_for_url(re.compile("/account/"))

    brought(running_shop, email)


def test_by_a_provider_that_knows_no_address(running_shop, visitor, link):
    page, email = visitor(), "asked@friends.example"
    page.goto(link)

    by_provider(page, id="102")
    page.get_by_label("Name", exact=True).fill("Mika Aalto")
    page.get_by_label("Email").fill(email)
    submit(page)
    brought(running_shop, email, status="provisional")
    prove(page, running_shop, visitor, email)

    brought(running_shop, email)


def test_begun_on_the_phone_and_finished_on_the_laptop(running_shop, visitor, link):
    phone, laptop = visitor(width=390), visitor()
    email = "two-devices@friends.example"
    phone.goto(link)
    sign_up(phone, email)

    # Nothing but the mail goes along; the phone's page is where its code belongs.
    laptop.goto("/")
    prove(phone, running_shop, visitor, email)
    laptop.goto("/accounts/login/")
    laptop.get_by_label("Email").fill(email)
    laptop.get_by_label("Password").fill(PASSWORD)
    submit(laptop)
    laptop.wait_for_url(re.compile("/account/"))

    brought(running_shop, email)


def test_begun_on_the_phone_and_the_code_typed_on_the_laptop(
    running_shop, visitor, link
):
    phone, laptop = visitor(width=390), visitor()
    email = "typed-elsewhere@friends.example"
    phone.goto(link)
    sign_up(phone, email)
    phone.context.close()
    laptop.wait_for_timeout(11_000)  # no two codes within ten seconds

    laptop.goto("/accounts/login/")
    laptop.get_by_label("Email").fill(email)
    laptop.get_by_label("Password").fill(PASSWORD)
    submit(laptop)
    expect(laptop).to_have_url(re.compile("confirm-email"))
    twice = (
        "SELECT count(*) = 2 FROM kit_message WHERE recipient = ? AND state = 'sent'"
    )
    running_shop.wait_until(twice, email)
    prove(laptop, running_shop, visitor, email)

    brought(running_shop, email)


def test_a_provider_on_top_of_somebody_elses_session(running_shop, visitor, link):
    page, email = visitor(), "on-top@friends.example"
    page.goto(link)
    sign_in(page, people.MEMBER)

    by_provider(page, id="103", email=email)
    page.wait_for_url(re.compile("/account/"))

    brought(running_shop, email)


def test_somebody_elses_account_and_a_logout_lie_between(running_shop, visitor, link):
    page, email = visitor(), "after-another@friends.example"
    page.goto(link)
    sign_in(page, people.MEMBER)
    page.get_by_role("button", name="Sign out").first.click()

    sign_up(page, email)
    prove(page, running_shop, visitor, email)

    brought(running_shop, email)


def test_from_an_apps_own_browser_into_the_real_one(running_shop, visitor, link):
    app, browser = visitor(width=390), visitor(width=390)
    email = "handed-over@friends.example"
    app.goto(link)
    way = app.get_by_role("link", name="Claim it").get_attribute("href")
    assert not browser.context.cookies()

    browser.goto(way)
    assert "tandem_visit" in names_of_cookies(browser)
    sign_up(browser, email)
    prove(browser, running_shop, visitor, email)

    brought(running_shop, email)


@pytest.mark.parametrize("knows", [True, False], ids=["known", "asked"])
def test_into_the_real_browser_and_on_by_a_provider_without_a_cookie(
    running_shop, visitor, link, knows
):
    app, browser = visitor(width=390), visitor(width=390)
    email = f"carried-{knows}@friends.example".lower()
    app.goto(link)
    way = app.get_by_role("link", name="Claim it").get_attribute("href")
    refuse_cookies(browser, running_shop)

    browser.goto(way)
    provider = browser.get_by_role("link", name=re.compile("Go on with Dummy"))
    address = provider.get_attribute("href")
    if knows:
        by_provider(browser, way=address, id="104", email=email)
        browser.wait_for_url(re.compile("/account/"))
    else:
        by_provider(browser, way=address, id="105")
        browser.get_by_label("Name", exact=True).fill("Mika Aalto")
        browser.get_by_label("Email").fill(email)
        submit(browser)
        prove(browser, running_shop, visitor, email)

    assert "tandem_visit" not in names_of_cookies(browser)
    brought(running_shop, email)


def test_page_after_page_without_a_cookie_and_without_a_script(
    running_shop, visitor, link
):
    page = visitor(width=390, javascript=False)
    email = "no-cookie@friends.example"
    refuse_cookies(page, running_shop)
    page.goto(link)
    page.get_by_role("link", name="Invite a friend").first.click()
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_role("link", name=re.compile("[Ss]ign up|[Jj]oin|account")).last.click()
    page.goto(page.url)

    page.locator("main").get_by_label("Name", exact=True).fill("Mika Aalto")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    submit(page)
    prove(page, running_shop, visitor, email)

    assert "tandem_visit" not in names_of_cookies(page)
    brought(running_shop, email)


def test_a_walk_of_twelve_pages_with_a_cart_and_a_provider(running_shop, visitor, link):
    page, email = visitor(), "walker@friends.example"
    seen = []

    def see():
        expect(page.get_by_text("gives you $5").first).to_be_visible()
        seen.append(page.url)

    page.goto(link)
    see()
    for path in ["/new/", "/c/kitchen-table/", "/search/?q=mug", "/about/delivery/"]:
        page.goto(path)
        see()
    page.goto("/p/dune-mug/?v=TG-DUN-SAGE")
    see()
    page.get_by_role("button", name="Add to cart").click()
    page.wait_for_url(re.compile("/cart/"))
    see()
    page.get_by_role("link", name="Sign in").first.click()
    page.wait_for_url(re.compile("/accounts/login/"))
    seen.append(page.url)
    page.goto("/orders/find/")
    see()
    page.goto("/cart/")
    see()
    page.get_by_role("link", name="Check out").click()
    page.wait_for_url(re.compile("/checkout/"))
    see()
    join = page.get_by_role("link", name="Join before you pay")
    expect(join).to_be_visible()
    join.click()
    page.wait_for_url(re.compile("/accounts/signup/"))
    seen.append(page.url)
    assert len(seen) == 12
    provider = page.get_by_role("link", name=re.compile("Go on with Dummy"))

    by_provider(page, way=provider.get_attribute("href"), id="106", email=email)
    page.wait_for_url(re.compile("/checkout/"))

    brought(running_shop, email)


def test_a_guest_who_bought_and_joins_later_elsewhere(running_shop, visitor, link):
    guest, laptop = visitor(), visitor()
    email = "guest@friends.example"
    guest.goto(link)
    add_to_cart(guest, "/p/dune-mug/?v=TG-DUN-SAGE")
    guest.get_by_role("link", name="Check out").click()
    guest.get_by_label("Email").fill(email)
    fill_address(guest)
    guest.get_by_role("button", name=re.compile("^Pay")).click()
    pay_by_card(guest)
    expect(guest.get_by_role("heading", name=re.compile("Thank you"))).to_be_visible()

    sign_up(laptop, email)
    prove(laptop, running_shop, visitor, email)

    expect(laptop.get_by_text("Your earlier guest order is here now.")).to_be_visible()
    brought(running_shop, email, method="guest_order")
    reward = (
        "SELECT count(*) FROM referrals_reward r "
        "JOIN orders_order o ON o.id = r.order_id WHERE o.email = ?"
    )
    assert running_shop.wait_until(reward, email) == 1
