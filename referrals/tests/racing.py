"""Races of the programme on PostgreSQL, and their twins without the guard."""

from collections.abc import Callable
from contextlib import contextmanager

from django.db import connection

from orders.tests import racing
from shop.kit import guards


def at_once(*verbs: Callable) -> list[Exception]:
    """Start every verb behind one barrier; the exceptions that came out."""
    ended = racing.at_once(*verbs)
    return [each for each in ended if isinstance(each, Exception)]


@contextmanager
def without_uniqueness(model):
    """Take a table's unique constraints away, and its rows before they come back."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), conname,"
            " pg_get_constraintdef(pg_constraint.oid) FROM pg_index"
            " LEFT JOIN pg_constraint ON conindid = indexrelid AND contype = 'u'"
            " WHERE indrelid = %s::regclass AND indisunique AND NOT indisprimary",
            [table],
        )
        found = cursor.fetchall()
        assert found
        for index, _, constraint, _ in found:
            cursor.execute(
                f"ALTER TABLE {table} DROP CONSTRAINT {constraint}"
                if constraint
                else f"DROP INDEX {index}"
            )
    try:
        yield
    finally:
        with guards.lifted(), connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table} CASCADE")
            for _, index, constraint, definition in found:
                cursor.execute(
                    f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {definition}"
                    if constraint
                    else index
                )


# Ten tabs look at a link for the first time
