"""Counters that one statement counts anew: INSERT … SELECT … ON CONFLICT.

Django's `bulk_create` would carry each line to Python and back. Here nothing leaves the
database, and a line whose figures are the same is not written again.
"""

from django.db import connections, router
from django.db.models import Model, QuerySet


def sum_into(
    model: type[Model],
    sources: list[QuerySet],
    *,
    key: tuple[str, ...],
    sums: tuple[str, ...],
    replaces: tuple[str, ...],
) -> None:
    """Write the sums over all sources into the model's rows, one for each key.

    Each source is a `.values()` query whose columns are the key's and then the sums',
    in this order. The key's fields are unique together. Of a row that is there only the
    columns `replaces` are set. Rows are written in the key's order, so that two runs
    wait for each other and do not deadlock.
    """
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    columns = {name: quote(model._meta.get_field(name).column) for name in key + sums}
    keys = [columns[name] for name in key]
    counted = [columns[name] for name in sums]
    replaced = [columns[name] for name in replaces]
    table = quote(model._meta.db_table)
    found = [quote(f"c{number}") for number in range(len(key + sums))]
    keyed, summed = found[: len(key)], found[len(key) :]
    union, params = _union(sources, connection)
    # WHERE true: without it SQLite takes ON for a join's.
    statement = f"""
        WITH counted ({_list(found)}) AS ({union})
        INSERT INTO {table} ({_list(keys + counted)})
        SELECT {_list(keyed + [f"SUM({each})" for each in summed])}
        FROM counted WHERE true
        GROUP BY {_list(keyed)} ORDER BY {_list(keyed)}
        ON CONFLICT ({_list(keys)}) DO UPDATE
        SET {_list(f"{each} = EXCLUDED.{each}" for each in replaced)}
        WHERE {" OR ".join(f"{table}.{each} <> EXCLUDED.{each}" for each in replaced)}
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def _union(sources, connection):
    compiled = [source.query.get_compiler(connection=connection) for source in sources]
    parts = [each.as_sql() for each in compiled]
    sql = " UNION ALL ".join(part for part, _ in parts)
    return sql, [param for _, params in parts for param in params]


def _list(parts):
    return ", ".join(parts)
