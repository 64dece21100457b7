"""Names that are reported and decided about by several at once, on PostgreSQL."""

import pytest
from django.db.models.query import QuerySet

from referrals import name_reports
from referrals.models import NameCase, NameDecision, NameReport
from referrals.tests.factories import make_link, make_member, make_offer
from referrals.tests.racing import at_once

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ROUNDS = 8


@pytest.fixture(autouse=True)
def offer():
    return make_offer()


def reported(by=1):
    """A named member and what went wrong while so many networks reported her."""
    anna = make_member(name="Anna Lind", shows_name=True)
    token = name_reports.url_of_inviter(make_link(anna)).split("/")[3]

    def report(number):
        return lambda: name_reports.report(
            token, network=f"10.0.{number}.0/24", network_hash=f"{number:064}"
        )

    return anna, at_once(*[report(number) for number in range(by)])


def decided_twice_at_once():
    """The words of two of the staff about one name, and what kept one of them out."""
    anna, _ = reported()
    case = NameCase.objects.get(person=anna)
    stan, eve = (make_member(is_staff=True) for _ in range(2))

    def decide(staff, verdict):
        return lambda: name_reports.decide(case, verdict, actor=staff, reason="Looked")

    errors = at_once(decide(stan, "keep"), decide(eve, "hide"))
    return NameDecision.objects.filter(case=case).count(), errors


def test_abuse_55_ten_reports_at_once_are_one_case_and_hide_the_name():
    anna, errors = reported(by=10)

    assert not errors
    assert NameCase.objects.get().person == anna
    assert NameReport.objects.count() == 10
    anna.refresh_from_db()
    assert anna.name_hidden_at


def test_abuse_55_of_two_of_the_staff_at_once_one_is_told_that_it_is_decided():
    for _ in range(ROUNDS):
        words, errors = decided_twice_at_once()

        assert words == 1
        assert [type(error) for error in errors] == [name_reports.AlreadyDecided]


def test_of_two_at_once_without_the_lock_one_runs_into_the_database(monkeypatch):
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **options: rows)

    found = [error for _ in range(ROUNDS) for error in decided_twice_at_once()[1]]

    assert [e for e in found if not isinstance(e, name_reports.AlreadyDecided)]
