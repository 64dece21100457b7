"""The proof of the books: what SQL can check over the whole database, checked.

    @books.rule("A balance is the sum of its transfers", LedgerAccount)
    def balances():
        return books.ask("SELECT id, expected, found …")     # offending rows only

Every app keeps its rules in its room `books`; `settings.BOOKS` names those rooms. A
rule costs one query however much there is. Rules that compare with what somebody else
says (`outside=True`) ask over the network, and are left out where nobody may be asked.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from typing import NamedTuple

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone

from shop.kit import jobs
from shop.kit.models import BookProof

# Of one rule; whatever breaks more rows than that is not mended row by row.
MOST_NAMED = 200


class Unreachable(Exception):
    """Somebody outside could not be asked, so nothing is proved."""


class Row(NamedTuple):
    """An offending row: its id, what the books say it should hold, what it holds."""

    id: int | str
    expected: int | str
    found: int | str


@dataclass(frozen=True)
class Repair:
    """What staff may press: `mend(id)` is safe to repeat and says what it did."""

    label: str
    mend: Callable[[int | str], str]


@dataclass(frozen=True)
class Rule:
    name: str
    says: str
    model: type[models.Model]
    find: Callable[[], Iterable[Row]]
    outside: bool
    repair: Repair | None


@dataclass(frozen=True)
class Finding:
    """One rule and the rows that offend it."""

    rule: Rule
    rows: list[Row]


_rules: dict[str, Rule] = {}
_sections: dict[str, Callable[[], object]] = {}


def rule(says: str, model, *, outside: bool = False, repair: Repair | None = None):
    """Decorator: the function gives the rows of `model` that break what `says` says."""

    def decorate(function):
        name = function.__name__
        _rules[name] = Rule(name, says, model, function, outside, repair)
        return function

    return decorate


def section(name: str):
    """Decorator: the function gives the part of the dump that has this name."""

    def decorate(function):
        _sections[name] = function
        return function

    return decorate


def rules() -> dict[str, Rule]:
    """Every rule by its name, in the order of the rooms."""
    _enter_rooms()
    return dict(_rules)


def ask(sql: str) -> list[Row]:
    """The rows of a statement that selects id, expected and found."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [Row(*map(_plain, row)) for row in cursor.fetchall()]


def _plain(value):
    # PostgreSQL sums big integers to a numeric, which JSON does not know.
    return int(value) if isinstance(value, Decimal) else value


def part(column: str, number: int) -> str:
    """SQL for a number in a key such as `order:17:take`, of which it is part 2."""
    if connection.vendor == "postgresql":
        return f"CAST(split_part({column}, ':', {number}) AS bigint)"
    rest = column
    for _ in range(number - 1):
        rest = f"substr({rest}, instr({rest}, ':') + 1)"
    # SQLite reads the digits that a text begins with, and stops at the colon.
    return f"CAST({rest} AS integer)"


@contextmanager
def snapshot():
    """One moment of the whole database, to be read at leisure."""
    inside = connection.in_atomic_block  # a test's transaction has begun already
    with transaction.atomic():
        if connection.vendor == "postgresql" and not inside:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
                )
                cursor.execute("SET LOCAL statement_timeout = 0")
        yield


def prove(*, outside: bool = False, rooms: Iterable[str] = ()) -> list[Finding]:
    """Check every rule (of some `rooms`, if given); a finding for each, kept or not.

    Raises Unreachable.
    """
    chosen = [
        rule
        for rule in rules().values()
        if not rooms or rule.find.__module__ in list(rooms)
    ]
    with snapshot():
        found = [
            Finding(rule, list(rule.find())) for rule in chosen if not rule.outside
        ]
    if outside:
        # These ask over the network, which nobody does inside a transaction.
        found += [Finding(rule, list(rule.find())) for rule in chosen if rule.outside]
    return found


def prove_and_keep(*, outside: bool = True) -> tuple[BookProof, list[Finding]]:
    """Prove the books and store what was found. Raises Unreachable."""
    started_at = timezone.now()
    findings = prove(outside=outside)
    proof = BookProof.objects.create(
        started_at=started_at,
        finished_at=timezone.now(),
        asked_outside=outside,
        counts={finding.rule.name: len(finding.rows) for finding in findings},
        mismatches=list(_named(findings)),
        mismatch_count=sum(len(finding.rows) for finding in findings),
    )
    return proof, findings


@jobs.every("prove-books", days=1)
@jobs.job(attempts=5, lease=timedelta(hours=2))
def prove_nightly() -> None:
    prove_and_keep()


def mend(mismatch: dict) -> str:
    """Press the repair of a stored mismatch; says what it did. Raises KeyError."""
    repair = rules()[mismatch["rule"]].repair
    if repair is None:
        raise KeyError(mismatch["rule"])
    return repair.mend(mismatch["id"])


def dump() -> dict[str, object]:
    """The books as plain data, of one moment."""
    _enter_rooms()
    with snapshot():
        return {name: section() for name, section in _sections.items()}


def _look(rule):
    return Finding(rule, list(rule.find()))


def _named(findings) -> Iterator[dict]:
    for rule, rows in ((finding.rule, finding.rows) for finding in findings):
        for row in rows[:MOST_NAMED]:
            yield {"rule": rule.name, **row._asdict()}


def _enter_rooms():
    for room in settings.BOOKS:
        import_module(room)
