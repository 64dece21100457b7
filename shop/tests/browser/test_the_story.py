"""The one story of the shop, lived by two people in two browsers."""

import re

import pytest
from playwright.sync_api import expect

from shop.demo import people
from shop.tests.browser.people_at_work import (
    fill_address,
    pay_by_card,
    sign_in,
    submit,
)

pytestmark = pytest.mark.browser

FRIEND = "ben@karlsen.example"


def test_a_shared_link_becomes_credit_that_pays_for_the_next_order(
    running_shop, visitor
):
    shop = running_shop
    inviter, friend = visitor(), visitor(width=390)
    mug_before = stock(shop, "TG-DUN-SAGE")

    # The inviter copies the link from the invite page.
    sign_in(inviter, people.MEMBER)
    inviter.goto("/account/invite/")
    link = inviter.get_by_role("textbox", name="Your link").input_value()
    assert link.startswith(f"{shop.url}/r/")
    inviter_id = user_id(shop, people.MEMBER.email)
    assert wallet(shop, inviter_id) == 0

    # The friend opens it, browses, and fills a cart.
    friend.goto(link)
    expect(friend.get_by_text("gives you $5 off your first order")).to_be_visible()
    friend.goto("/c/kitchen-table/")
    friend.get_by_role("link", name="Dune Mug").click()
    friend.get_by_role("button", name="Add to cart").click()
    expect(friend.get_by_role("heading", name="Your cart")).to_be_visible()

    # Signs up, with the code from the mailbox, and finds the cart again.
    friend.goto("/accounts/signup/?next=/cart/")
    friend.get_by_label("Name", exact=True).fill("Ben Karlsen")
    friend.get_by_label("Email").fill(FRIEND)
    friend.get_by_label("Password").fill("a kettle on the landing")
    submit(friend)
    expect(friend).to_have_url(re.compile("confirm-email"))
    friend.get_by_label("Code").fill(code_for(shop, visitor, FRIEND))
    submit(friend)
    friend.goto("/cart/")
    expect(friend.locator("main")).to_contain_text("−$5.00")

    # Checks out: $24.00, $6.00 delivery, $5.00 off.
    friend.get_by_role("link", name="Check out").click()
    fill_address(friend)
    friend.get_by_role("button", name="Pay $25.00 by card").click()
    pay_by_card(friend)
    expect(friend.get_by_role("heading", name=re.compile("Thank you"))).to_be_visible()

    # The inviter is told, and sees the credit.
    shop.wait_until(
        "SELECT balance FROM accounts_ledgeraccount "
        "WHERE owner_id = ? AND kind = 'wallet' AND balance = 500",
        inviter_id,
    )
    inviter.goto("/account/balance/")
    expect(inviter.locator("main")).to_contain_text("+$5.00")
    inviter.goto("/account/invite/")
    expect(inviter.locator(".friends")).to_contain_text("$5 in your balance")

    # And spends it: Stripe takes $5.00 less.
    inviter.goto("/p/dune-mug/?v=TG-DUN-SAGE")
    inviter.get_by_role("button", name="Add to cart").click()
    inviter.get_by_role("link", name="Check out").click()
    fill_address(inviter)
    inviter.get_by_role("button", name="Pay $25.00 by card").click()
    expect(inviter.locator("main")).to_contain_text("$25.00")
    pay_by_card(inviter)
    expect(inviter.get_by_role("heading", name=re.compile("Thank you"))).to_be_visible()

    books_are_right(shop, inviter_id, mug_before)


def books_are_right(shop, inviter_id, mug_before):
    """Ledger, stock and mails, read from the database by somebody who was not there."""
    friend_order, inviter_order = (
        shop.ask(
            "SELECT id, status, amount_discount, amount_balance, amount_due, "
            "amount_total FROM orders_order WHERE user_id = ? ORDER BY id DESC LIMIT 1",
            who,
        )[0]
        for who in (user_id(shop, FRIEND), inviter_id)
    )
    assert friend_order[1:] == ("confirmed", 500, 0, 2500, 2500)
    assert inviter_order[1:] == ("confirmed", 0, 500, 2500, 3000)
    received = "SELECT amount_received, card FROM orders_payment WHERE order_id = ?"
    shop.wait_until(received.replace("amount_received", "card != ''"), inviter_order[0])
    assert shop.ask(received, inviter_order[0]) == [(2500, "Visa ending 4242")]

    moves = shop.ask(
        "SELECT t.kind, t.amount FROM accounts_transfer t "
        "JOIN accounts_ledgeraccount d ON d.id = t.debit_id "
        "JOIN accounts_ledgeraccount c ON c.id = t.credit_id "
        "WHERE d.owner_id = ? OR c.owner_id = ? ORDER BY t.id",
        inviter_id,
        inviter_id,
    )
    assert moves == [("reward", 500), ("spend", 500), ("capture", 500)]
    assert wallet(shop, inviter_id) == 0
    assert shop.ask(
        "SELECT count(*) FROM referrals_reward WHERE recipient_id = ?", inviter_id
    ) == [(1,)]

    assert stock(shop, "TG-DUN-SAGE") == mug_before - 2
    assert shop.ask(
        "SELECT count(*) FROM catalog_variant v WHERE stock != "
        "(SELECT coalesce(sum(quantity), 0) FROM catalog_stockmovement "
        "WHERE variant_id = v.id)"
    ) == [(0,)]

    for kind, email in [
        ("order_confirmed", FRIEND),
        ("order_confirmed", people.MEMBER.email),
        ("reward_available", people.MEMBER.email),
    ]:
        shop.wait_until(
            "SELECT count(*) FROM kit_message "
            "WHERE kind = ? AND recipient = ? AND state = 'sent'",
            kind,
            email,
        )
    assert shop.ask(
        "SELECT count(*) FROM orders_stripeevent WHERE processed_at IS NULL"
    ) == [(0,)]


def code_for(shop, visitor, email):
    """The six digits, read in the mailbox as a person would."""
    shop.wait_until(
        "SELECT count(*) FROM kit_message WHERE recipient = ? AND state = 'sent'", email
    )
    mailbox = visitor()
    mailbox.goto(f"/sandbox/mail/?to={email}")
    return re.search(r"\b(\d{6})\b", mailbox.locator("main").inner_text()).group(1)


def user_id(shop, email):
    return shop.ask("SELECT id FROM accounts_user WHERE email = ?", email)[0][0]


def wallet(shop, owner):
    rows = shop.ask(
        "SELECT balance FROM accounts_ledgeraccount "
        "WHERE owner_id = ? AND kind = 'wallet'",
        owner,
    )
    return rows[0][0] if rows else 0


def stock(shop, sku):
    return shop.ask("SELECT stock FROM catalog_variant WHERE sku = ?", sku)[0][0]
