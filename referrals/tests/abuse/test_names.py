"""Names that hurt and names that give away: scripts 55 and 56."""

import re

import pytest

from referrals import board, settlement
from referrals.models import MemberChoices
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return make_member("anna@example.com", name="Anna Lind")


def brings(member, *, friends=1, hold_days=0):
    for _ in range(friends):
        terms = set_terms(hold_days=hold_days)
        attribution = make_attribution(member, terms=terms)
        settlement.settle(make_order(attribution.invitee))


def names(user):
    return [(place.rank, place.name) for place in board.places(user)]


@pytest.mark.parametrize(
    "name", ["Fuck You", "5upport", "Tandem", "ab", "x" * 31, "<b>Eve</b>", "a.b/c"]
)
def test_abuse_55_no_insult_and_no_pose_stands_on_the_board(client, anna, name):
    client.force_login(anna)

    page = client.post("/account/invite/board/join/", {"name": name})

    assert page.status_code == 422
    assert board.places(anna) == []


def test_abuse_56_only_rewards_that_are_available_count(anna):
    brings(anna, friends=2, hold_days=14)
    board.join(anna, "Heron")
    assert names(anna) == []

    brings(anna)

    assert names(anna) == [(1, "Heron")]


def test_abuse_56_nobody_stands_on_it_unasked(client, anna):
    brings(anna)
    client.force_login(make_member())

    page = client.get("/account/invite/board/").content.decode()

    assert "Anna" not in page
    assert "anna@example.com" not in page


def test_abuse_56_who_leaves_is_gone_from_the_next_look_on(client, anna):
    brings(anna)
    client.force_login(anna)
    client.post("/account/invite/board/join/", {"name": "Heron"})
    other = make_member()
    assert names(other) == [(1, "Heron")]

    client.post("/account/invite/board/leave/")
    page = client.get("/account/invite/board/")

    assert names(other) == []
    assert "Heron" not in page.content.decode()
    assert "no-store" in page["Cache-Control"]


def test_abuse_55_a_name_from_right_to_left_leaves_its_row_in_order(anna):
    brings(anna)
    board.join(anna, "נועה")

    assert names(anna) == [(1, "\u2068נועה\u2069")]


def test_ties_share_a_place_and_the_next_one_is_left_out(anna):
    first, second, third = make_member(), make_member(), make_member()
    for member, name, friends in [
        (anna, "Heron", 2),
        (first, "Kite", 2),
        (second, "Owl", 1),
    ]:
        brings(member, friends=friends)
        board.join(member, name)
    board.join(third, "Rook")

    assert names(third) == [(1, "Heron"), (1, "Kite"), (3, "Owl")]


def test_staff_do_not_stand_on_it():
    stan = make_member(is_staff=True)
    brings(stan)

    with pytest.raises(board.NotAvailable):
        board.join(stan, "Heron")


def test_a_name_stands_there_once_in_any_capitals(anna):
    board.join(make_member(), "Heron")

    with pytest.raises(board.NotAvailable):
        board.join(anna, "hERON")


@pytest.mark.parametrize("name", ["Anna", "anna Lind", "Queen L1nd", "Mrs.Lind"])
def test_ones_own_name_does_not_stand_on_the_board(client, anna, name):
    client.force_login(anna)

    page = client.post("/account/invite/board/join/", {"name": name})

    assert page.status_code == 422
    assert "That is your own name." in page.content.decode()
    assert not MemberChoices.objects.exclude(leaderboard_name="").exists()


def test_who_is_beyond_the_last_place_shown_sees_their_own(client, anna, monkeypatch):
    monkeypatch.setattr(board, "MOST", 2)
    for name, friends in [("Heron", 3), ("Kite", 2), ("Rook", 1)]:
        member = make_member()
        brings(member, friends=friends)
        board.join(member, name)
    brings(anna)
    board.join(anna, "Owl")
    client.force_login(anna)

    page = client.get("/account/invite/board/").content.decode()
    rows = re.findall(r"<td>(\d+)</td>\s*<td>(\w+)", page)

    assert rows == [("1", "Heron"), ("2", "Kite"), ("3", "Owl")]
    client.force_login(make_member())
    assert "Owl" not in client.get("/account/invite/board/").content.decode()
