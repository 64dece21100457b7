"""The drill's own command, on a folder of three scripts."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from referrals.models import Campaign
from referrals.testing import scoreboard
from referrals.tests.factories import set_terms

SCRIPTS = """
import json, os
import pytest

def test_abuse_01_holds():
    assert json.loads(os.environ["ATTACK_TERMS"])["hold_days"] == 21
    assert os.environ["SHOP_ENV"] == "test"

@pytest.mark.parametrize("way", ["front", "back"])
def test_abuse_07_one_of_its_ways_is_open(way):
    assert way == "front"

@pytest.fixture
def stage():
    raise RuntimeError("no stage")

def test_abuse_09_never_got_going(stage):
    pass

@pytest.mark.skip
def test_abuse_10_was_skipped():
    pass

@pytest.mark.postgres
def test_inv_99_abuse_01_races():
    from django.db import connection
    assert connection.vendor == "postgresql"

@pytest.mark.postgres
def test_abuse_11_is_a_race_alone():
    pass

def test_what_is_no_script():
    assert False
"""


@pytest.mark.django_db
def test_the_scoreboard_tells_what_held_broke_and_is_missing(tmp_path, capsys):
    (tmp_path / "test_scripts.py").write_text(SCRIPTS)
    set_terms(hold_days=21)

    with pytest.raises(CommandError) as ended:
        call_command("referrals_attack", terms="current", scripts=tmp_path)

    printed = capsys.readouterr().out.splitlines()
    first = " 1  held    An image on a forum that opens a link"
    is_race_played = connection.vendor == "postgresql"
    assert printed[0] == (
        first if is_race_played else f"{first}; its race needs PostgreSQL"
    )
    assert printed[6].startswith(" 7  broken ")
    assert printed[8].startswith(" 9  broken ")
    assert printed[9].startswith("10  missing ")
    assert printed[10].startswith("11  held" if is_race_played else "11  missing")
    assert (
        "2 of 58 held, 2 broken, 54 missing."
        if is_race_played
        else "1 of 58 held, 2 broken, 55 missing."
    ) in printed
    assert str(ended.value) == (
        "These broke: test_abuse_07_one_of_its_ways_is_open[back], "
        "test_abuse_09_never_got_going"
    )


@pytest.mark.django_db
def test_the_terms_of_a_shop_without_an_offer_cannot_be_taken(tmp_path):
    Campaign.objects.update(is_default=False)

    with pytest.raises(CommandError, match="no offer"):
        call_command("referrals_attack", terms="current", scripts=tmp_path)


def test_a_folder_that_is_not_there_is_said():
    with pytest.raises(CommandError, match="no scripts in"):
        call_command("referrals_attack", scripts=scoreboard.Path("/nowhere"))
