"""Promises that the database keeps by trigger, on PostgreSQL and on SQLite alike.

    @append_only                       # rows are never updated or deleted
    @kept                              # rows change, and are never deleted
    @frozen("invitee", "inviter")      # these columns never change once written
    @frozen("session_id", once="session_id")   # … once this column is filled
    @emptied("note")                   # this may go, and nothing takes its place
    @rising("sequence")                # this number never goes down
    @arrows("status", {"pending": ("confirmed", "expired")})   # no other moves
    @same("currency", "order.currency")        # a new row agrees with its order
    @sums("balance", "credits.amount", "debits.amount")   # moves with these rows only
    @written("marks", statement, on="orders.OrderEvent")   # by rows of another table

stand above the model they guard. The triggers are written after every `migrate` (SQLite
drops them when a migration rebuilds its table); `missing()` tells which are absent, for
`/readyz`.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, models


@dataclass(frozen=True)
class Guard:
    """One trigger: it refuses `events` on a table when `condition(quote)` holds."""

    model: type[models.Model]
    name: str
    events: tuple[str, ...]
    message: str
    condition: Callable[[Callable[[str], str]], str]

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def tables(self) -> set[str]:
        """What has to be there before the trigger can be."""
        return {self.table}

    def trigger(self, event: str) -> str:
        return f"{self.model._meta.db_table}_{self.name}_{event.lower()}"


@dataclass(frozen=True)
class Writer(Guard):
    """One trigger: after `events` on the table of `on` it runs the statement.

    `condition(quote)` is that statement here, and nothing is refused.
    """

    on: str = ""
    reads: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        return apps.get_model(self.on)._meta.db_table

    @property
    def tables(self) -> set[str]:
        named = [apps.get_model(name)._meta.db_table for name in self.reads]
        return {self.table, self.model._meta.db_table, *named}


_guards: list[Guard] = []


def append_only(model):
    """Class decorator: rows of this model are written once and never touched again."""
    message = f"{model._meta.db_table} only grows: write an opposite row instead"
    _guards.append(
        Guard(model, "grows", ("UPDATE", "DELETE"), message, lambda quote: "1 = 1")
    )
    return model


def kept(model):
    """Class decorator: rows of this model may change, and are there for ever."""
    message = f"{model._meta.db_table} is kept: no row is deleted"
    _guards.append(Guard(model, "kept", ("DELETE",), message, lambda quote: "1 = 1"))
    return model


def frozen(*fields: str, once: str = ""):
    """Class decorator: these fields keep their first value for ever.

    With `once` they are free until that field is filled.
    """

    def decorate(model):
        columns = [model._meta.get_field(field).column for field in fields]
        message = f"{model._meta.db_table}: {', '.join(fields)} cannot change"

        def changed(quote):
            change = " OR ".join(
                _differ(f"OLD.{c}", f"NEW.{c}") for c in map(quote, columns)
            )
            if not once:
                return change
            filled = quote(model._meta.get_field(once).column)
            return f"OLD.{filled} IS NOT NULL AND ({change})"

        name = f"frozen_{once}" if once else "frozen"
        _guards.append(Guard(model, name, ("UPDATE",), message, changed))
        return model

    return decorate


def emptied(field: str, *, key: str = ""):
    """Class decorator: `field` keeps its first value until it is emptied, for ever.

    The column `key`, if one is named, may change in that very stroke and in no other.
    """

    def decorate(model):
        message = f"{model._meta.db_table}: {field} can only be emptied"
        nothing = "IS NULL" if model._meta.get_field(field).null else "= ''"

        def empty(row, column):
            return f"({row}.{column} {nothing})"

        def changed(quote):
            c = quote(model._meta.get_field(field).column)
            rewritten = f"{_differ(f'OLD.{c}', f'NEW.{c}')} AND NOT {empty('NEW', c)}"
            if not key:
                return rewritten
            k = quote(model._meta.get_field(key).column)
            moved = _differ(f"OLD.{k}", f"NEW.{k}")
            now = f"NOT {empty('OLD', c)} AND {empty('NEW', c)}"
            return f"({rewritten}) OR ({moved} AND NOT ({now}))"

        _guards.append(Guard(model, f"{field}_kept", ("UPDATE",), message, changed))
        return model

    return decorate


def rising(field: str):
    """Class decorator: this number counts up, for each of its values was used."""

    def decorate(model):
        message = f"{model._meta.db_table}: {field} never goes down"

        def falls(quote):
            c = quote(model._meta.get_field(field).column)
            return f"NEW.{c} < OLD.{c}"

        _guards.append(Guard(model, f"{field}_rises", ("UPDATE",), message, falls))
        return model

    return decorate


def arrows(field: str, allowed: Mapping[str, Iterable[str]]):
    """Class decorator: `field` moves along these arrows only, or stands still."""

    def decorate(model):
        column = model._meta.get_field(field).column
        message = f"{model._meta.db_table}: {field} cannot move that way"
        pairs = [(old, new) for old, news in allowed.items() for new in news]

        def not_drawn(quote):
            c = quote(column)
            drawn = " OR ".join(
                f"(OLD.{c} = '{old}' AND NEW.{c} = '{new}')" for old, new in pairs
            )
            return f"OLD.{c} <> NEW.{c} AND NOT ({drawn or '1 = 0'})"

        _guards.append(Guard(model, f"{field}_moves", ("UPDATE",), message, not_drawn))
        return model

    return decorate


def same(first: str, *others: str):
    """Class decorator: a new row has one value at all these paths.

    A path is a field of the row (`currency`) or of a row that it points at
    (`order.currency`).
    """

    def decorate(model):
        message = f"{model._meta.db_table}: {first} differs from {', '.join(others)}"

        def differs(quote):
            one, *rest = [_value(model, path, quote) for path in (first, *others)]
            return " OR ".join(_differ(one, other) for other in rest)

        name = f"{first.replace('.', '_')}_same"
        _guards.append(Guard(model, name, ("INSERT",), message, differs))
        return model

    return decorate


def sums(field: str, plus: str, minus: str):
    """Class decorator: `field` begins at zero, and is only ever what these rows sum to.

    The rows are written first. Paths are `relation.field`.
    """

    def decorate(model):
        message = f"{model._meta.db_table}: {field} is not the sum of its rows"

        def begins(quote):
            return f"NEW.{quote(model._meta.get_field(field).column)} <> 0"

        def drifts(quote):
            c = quote(model._meta.get_field(field).column)
            total = f"{_total(model, plus, quote)} - {_total(model, minus, quote)}"
            return f"NEW.{c} <> OLD.{c} AND NEW.{c} <> {total}"

        _guards.append(Guard(model, f"{field}_sums", ("INSERT",), message, begins))
        _guards.append(Guard(model, f"{field}_sums", ("UPDATE",), message, drifts))
        return model

    return decorate


def written(
    name: str,
    statement: str,
    *,
    on: str,
    events: tuple[str, ...] = ("INSERT",),
    reads: tuple[str, ...] = (),
):
    """Class decorator: rows of this model are written by what happens to another's.

    `statement` runs after each row of `on` (`app.Model`), which it knows as NEW, in the
    same transaction; `reads` are the further models it names.
    """

    def decorate(model):
        _guards.append(Writer(model, name, events, "", lambda _: statement, on, reads))
        return model

    return decorate


def _total(model, path, quote):
    relation, _, name = path.partition(".")
    rows = model._meta.get_field(relation)
    meta = rows.related_model._meta
    return (
        f"COALESCE((SELECT SUM(theirs.{quote(meta.get_field(name).column)}) "
        f"FROM {quote(meta.db_table)} theirs "
        f"WHERE theirs.{quote(rows.field.column)} = NEW.{quote(model._meta.pk.column)}"
        "), 0)"
    )


def _value(model, path, quote):
    """The SQL of what a new row has at `path`."""
    name, _, theirs = path.partition(".")
    field = model._meta.get_field(name)
    own = f"NEW.{quote(field.column)}"
    if not theirs:
        return own
    meta = field.related_model._meta
    return (
        f"(SELECT theirs.{quote(meta.get_field(theirs).column)} "
        f"FROM {quote(meta.db_table)} theirs "
        f"WHERE theirs.{quote(meta.pk.column)} = {own})"
    )


def _differ(one, other):
    # `IS DISTINCT FROM` needs SQLite 3.39; this says the same on both.
    return f"({one} <> {other} OR ({one} IS NULL) <> ({other} IS NULL))"


def install_for_app(sender, using=DEFAULT_DB_ALIAS, **kwargs):
    """`post_migrate` receiver: (re)write the triggers of the app just migrated."""
    for guard in _present(using):
        if guard.model._meta.app_label == sender.label:
            _install(guard, using)


def remove_for_app(sender, using=DEFAULT_DB_ALIAS, plan=(), **kwargs):
    """`pre_migrate` receiver: step aside on SQLite, which renames a table to alter it.

    A trigger that reads the table would make it refuse. PostgreSQL keeps all of them.
    """
    connection = connections[using]
    if plan and connection.vendor == "sqlite":
        for guard in _present(using):
            if guard.model._meta.app_label == sender.label:
                _remove(guard, using)


def missing(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """The names of triggers that should be in the database and are not."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgname FROM pg_trigger "
                "WHERE NOT tgisinternal AND tgenabled <> 'D'"
            )
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        present = {row[0] for row in cursor.fetchall()}
    wanted = [
        guard.trigger(event)
        for guard in _guards
        for event in _events(guard, connection)
    ]
    return [name for name in wanted if _clip(name) not in present]


@contextmanager
def lifted(using: str = DEFAULT_DB_ALIAS):
    """Without the triggers, for a test that empties the whole database."""
    guards = _present(using)
    for guard in guards:
        _remove(guard, using)
    try:
        yield
    finally:
        for guard in guards:
            _install(guard, using)


def _present(using):
    """The guards whose tables are there."""
    tables = set(connections[using].introspection.table_names())
    return [guard for guard in _guards if guard.tables <= tables]


def _events(guard, connection):
    # TRUNCATE exists on PostgreSQL only, and would pass by a trigger for DELETE.
    truncates = connection.vendor == "postgresql" and "DELETE" in guard.events
    return (*guard.events, "TRUNCATE") if truncates else guard.events


def _clip(name):
    return name[:63]  # PostgreSQL cuts longer identifiers


def _install(guard, using):
    connection = connections[using]
    quote = connection.ops.quote_name
    table = quote(guard.table)
    condition = guard.condition(quote)
    message = guard.message.replace("'", "''")
    _remove(guard, using)
    with connection.cursor() as cursor:
        for event in _events(guard, connection):
            name = quote(_clip(guard.trigger(event)))
            if isinstance(guard, Writer):
                _write_after(cursor, connection.vendor, name, event, table, condition)
                continue
            if connection.vendor != "postgresql":
                cursor.execute(
                    f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {condition} "
                    f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
                )
                continue
            refuse = (
                f"RAISE EXCEPTION '{message}' "
                "USING ERRCODE = 'integrity_constraint_violation';"
            )
            when = f"ROW WHEN ({condition})"
            if event == "TRUNCATE":
                when = "STATEMENT"
            elif "SELECT" in condition:  # WHEN may not look at other tables
                when = "ROW"
                refuse = f"IF {condition} THEN {refuse} END IF; RETURN NEW;"
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger "
                f"LANGUAGE plpgsql AS $$ BEGIN {refuse} END $$"
            )
            cursor.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} "
                f"FOR EACH {when} EXECUTE FUNCTION {name}()"
            )


def _write_after(cursor, vendor, name, event, table, statement):
    if vendor != "postgresql":
        cursor.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {statement}; END"
        )
        return
    cursor.execute(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger "
        f"LANGUAGE plpgsql AS $$ BEGIN {statement}; RETURN NULL; END $$"
    )
    cursor.execute(
        f"CREATE TRIGGER {name} AFTER {event} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}()"
    )


def _remove(guard, using):
    connection = connections[using]
    quote = connection.ops.quote_name
    on_table = f" ON {quote(guard.table)}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for event in _events(guard, connection):
            cursor.execute(
                f"DROP TRIGGER IF EXISTS {quote(_clip(guard.trigger(event)))}{on_table}"
            )
