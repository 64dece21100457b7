"""R-P8: what each member got in a year, for whoever does the shop's taxes."""

import csv
from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry

from accounts import ledger
from referrals import yearly
from referrals.tests.factories import make_member

pytestmark = pytest.mark.django_db

PAGE = "/admin/referrals/funnelday/programme/yearly/"
PROGRAMME = ledger.Kind.PROGRAMME_COST


def pay(member, amount, key, shop=PROGRAMME):
    ledger.post(
        key=f"test:{key}",
        debit=(None, shop),
        credit=(member, ledger.Kind.WALLET),
        amount=amount,
        currency="USD",
        kind="reward",
        reason="A friend bought",
    )


def take(member, amount, key):
    ledger.take_back(
        key=f"test:{key}",
        user=member,
        amount=amount,
        currency="USD",
        reason="The friend sent it back",
    )


@pytest.fixture
def anna(time_machine):
    """$7 of the programme in 2025, and $5 more given and $2 taken back in 2026."""
    anna = make_member("anna@example.com", name="=Anna", days_ago=900)
    for moment, amount in [
        (datetime(2025, 12, 31, 23, 59, tzinfo=UTC), 700),
        (datetime(2026, 1, 1, 0, 0, tzinfo=UTC), 500),
    ]:
        time_machine.move_to(moment, tick=False)
        pay(anna, amount, f"in {moment.year}")
    time_machine.move_to(datetime(2026, 5, 1, tzinfo=UTC), tick=False)
    take(anna, 200, "back")
    pay(anna, 9900, "a present", shop=ledger.Kind.GOODWILL)
    return anna


@pytest.mark.cooked_books
def test_a_year_ends_at_midnight_and_knows_what_was_taken_back(anna):
    totals = {year: yearly.totals(year) for year in (2024, 2025, 2026)}

    assert totals[2024] == []
    assert [each.amount for each in totals[2025]] == [700]
    assert totals[2026] == [yearly.Total(anna, "USD", 500, 200)]
    assert totals[2026][0].amount == 300


@pytest.mark.cooked_books
def test_what_is_owed_counts_when_it_is_paid(anna):
    ben = make_member()
    pay(ben, 500, "ben")
    take(ben, 500, "ben back")
    take(ben, 300, "ben owes")

    (ben_2026,) = [each for each in yearly.totals(2026) if each.member == ben]

    assert (ben_2026.amount_given, ben_2026.amount_taken_back) == (500, 500)


@pytest.mark.cooked_books
@pytest.mark.parametrize(
    ("threshold", "is_flagged"), [(0, False), (300, True), (301, False)]
)
def test_the_shops_line_flags_whoever_reaches_it(anna, settings, threshold, is_flagged):
    settings.REFERRAL_YEARLY_LOOK_FROM = threshold

    assert yearly.totals(2026)[0].is_flagged is is_flagged


@pytest.mark.cooked_books
def test_staff_see_who_is_above_the_line_and_take_all_along(
    admin_client, anna, settings
):
    settings.REFERRAL_YEARLY_LOOK_FROM = 300

    page = admin_client.get(PAGE, {"year": "2026"})
    file = admin_client.post(f"{PAGE}export/", {"year": "2026"})

    assert [each.member for each in page.context["flagged"]] == [anna]
    (row,) = csv.DictReader(file.getvalue().decode().splitlines())
    assert (row["Name"], row["Total"], row["To look at"]) == ("'=Anna", "3.00", "yes")
    assert "Programme in 2026" in LogEntry.objects.get().change_message


def test_a_year_that_is_none_shows_this_one(admin_client):
    assert admin_client.get(PAGE, {"year": "9" * 30}).status_code == 200
    assert admin_client.post(f"{PAGE}export/", {"year": "x"}).status_code == 302
