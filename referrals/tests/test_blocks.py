"""Blocks of persons, domains, networks and codes, and what they do to rewards."""

import pytest

from accounts import ledger
from referrals import blocks, settlement
from referrals.models import Block, Device, Reward
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    set_terms,
)
from shop.kit.staff import change_url, list_url

pytestmark = pytest.mark.django_db


@pytest.fixture
def stan():
    return make_member("stan@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def friend():
    """Ben, brought by Anna's code from a network that is known."""
    anna = make_member("anna@example.com")
    make_link(anna, text="A01B2C3D")
    attribution = make_attribution(anna, make_member("ben@spam.example", days_ago=1))
    Device.objects.create(
        token_hash=f"{1:064}", user=attribution.invitee, network="203.0.113.0/24"
    )
    return attribution


KINDS = [
    ("person", "ben@spam.example"),
    ("person", "anna@example.com"),
    ("domain", "@Spam.example"),
    ("network", "203.0.113.0/24"),
]


@pytest.mark.parametrize(("kind", "value"), KINDS)
def test_a_blocked_friend_earns_nobody_anything(stan, friend, kind, value):
    blocks.block(kind, value, actor=stan, reason="Spam")

    settled = settlement.settle(make_order(friend.invitee))

    assert settled.reason == "blocked"
    assert not Reward.objects.exists()


@pytest.mark.parametrize(("kind", "value"), KINDS)
def test_what_was_promised_waits_and_goes_on_when_the_block_is_lifted(
    stan, friend, kind, value, run_jobs
):
    order = make_order(friend.invitee)
    settlement.settle(order)
    block = blocks.block(kind, value, actor=stan, reason="Spam")
    run_jobs()
    reward = Reward.objects.get()
    assert (reward.state, reward.settlement.reason) == ("pending", "blocked")

    blocks.lift(block, actor=stan)
    run_jobs()

    assert Reward.objects.get().settlement.reason == ""


def test_a_code_that_is_blocked_brings_nobody_anything(stan):
    friend = make_attribution(terms=set_terms(hold_days=0))
    code = friend.link.codes.get().text

    blocks.block("code", code.lower(), actor=stan, reason="Stood on a coupon site")
    settlement.settle(make_order(friend.invitee))

    assert ledger.balance(friend.inviter, "USD") == 0


def test_what_is_paid_stays_paid(stan, run_jobs):
    friend = make_attribution(terms=set_terms(hold_days=0))
    settlement.settle(make_order(friend.invitee))

    blocks.block("person", friend.inviter.email, actor=stan, reason="Spam")
    run_jobs()

    assert Reward.objects.get().state == "available"
    assert ledger.balance(friend.inviter, "USD") == 500


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("person", "nobody@example.com"),
        ("domain", "no dots"),
        ("network", "10.0.0.0/8"),
        ("network", "not one"),
        ("network", "203.0.113.7/32"),
        ("network", "203.0.113.7"),
        ("network", "2001:db8::1"),
        ("code", "NEVERMADE"),
    ],
)
def test_nonsense_and_too_much_is_not_blocked(stan, kind, value):
    with pytest.raises(blocks.NotUnderstood):
        blocks.block(kind, value, actor=stan, reason="Why not")


def test_the_same_is_blocked_once_and_lifted_once(stan):
    block = blocks.block("domain", "spam.example", actor=stan, reason="Spam")
    with pytest.raises(blocks.Standing):
        blocks.block("domain", "SPAM.example", actor=stan, reason="Spam")

    blocks.lift(block, actor=stan)

    with pytest.raises(blocks.NotStanding):
        blocks.lift(block, actor=stan)


def test_nobody_lifts_a_block_against_themselves(stan):
    eve = make_member(is_staff=True)
    block = blocks.block("person", eve.email, actor=stan, reason="Own friends")

    with pytest.raises(blocks.OwnAffair):
        blocks.lift(block, actor=eve)


def test_staff_block_and_lift_with_a_reason(client, stan):
    client.force_login(stan)
    new = "/admin/referrals/block/new/"
    typed = {"kind": "domain", "value": "spam.example"}
    assert "required" in client.post(new, typed).content.decode()

    client.post(new, typed | {"reason": "Fifty accounts"})
    block = Block.objects.get()
    client.post(f"/admin/referrals/block/{block.pk}/lift/", {"reason": "Sold"})

    block.refresh_from_db()
    assert (block.reason, block.lifted_by) == ("Fifty accounts", stan)


def test_staff_who_block_one_address_are_told_how_many_it_would_be(admin_client):
    page = admin_client.post(
        "/admin/referrals/block/new/",
        {"kind": "network", "value": "203.0.113.7/32", "reason": "Spam"},
    )

    assert "To block all of them, enter 203.0.113.0/24." in page.content.decode()
    assert not Block.objects.exists()


@pytest.mark.parametrize(("kind", "value"), KINDS)
def test_staff_read_who_and_what_is_blocked(admin_client, stan, friend, kind, value):
    made = blocks.block(kind, value, actor=stan, reason="A group")
    shown = value if kind == "person" else made.value

    listed = admin_client.get(list_url(Block), {"q": shown}).content.decode()
    own = admin_client.get(change_url(Block, made.pk)).content.decode()

    assert f'<td class="field-what">{shown}</td>' in listed
    assert f'<div class="readonly">{shown}</div>' in own
