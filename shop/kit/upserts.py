"""Counters that one statement counts anew: INSERT … SELECT … ON CONFLICT.

Django's `bulk_create` would carry each line to Python and back. Here nothing leaves the
database, and a line whose figures are the same is not written again.
"""

from django.db import connections, router
from django.db.models import QuerySet


def sum_into(
    present: QuerySet,
    sources: list[QuerySet],
    *,
    key: tuple[str, ...],
    sums: tuple[str, ...],
    replaces: tuple[str, ...],
) -> None:
    """Write the sums over all sources into a model's rows, one for each key.

    `present` are the model's rows that the sums may concern; one of them that no source
    speaks of comes down to zero. All of these are `.values()` queries whose columns are
    the key's and then the sums', in this order. The key's fields are unique together.
    Of a row that is there only the columns `replaces` are set. Rows are written in the
    key's order, so that two runs wait for each other and do not deadlock.
    """
    model = present.model
    connection = connections[router.db_for_write(model)]
    quote = connection.ops.quote_name
    columns = {name: quote(model._meta.get_field(name).column) for name in key + sums}
    keys, counted = [columns[name] for name in key], [columns[name] for name in sums]
    replaced = [columns[name] for name in replaces]
    table = quote(model._meta.db_table)
    # Beside each new figure the one that is there: what is the same is left alone.
    new, old = [f"new_{name}" for name in sums], [f"old_{name}" for name in sums]
    zeros = ["0"] * len(sums)
    named, chosen, params = [], [], []
    for place, query in enumerate([present, *sources]):
        sql, given = query.query.get_compiler(connection=connection).as_sql()
        params += given
        figures = [*new, *zeros, "0"] if place else [*zeros, *new, "1"]
        named.append(f"part_{place} ({_list(keys + new)}) AS ({sql})")
        chosen.append(f"SELECT {_list(keys + figures)} FROM part_{place}")
    changed = [f"SUM(new_{name}) <> SUM(old_{name})" for name in replaces]
    statement = f"""
        WITH {_list(named)},
        found ({_list([*keys, *new, *old, "is_there"])}) AS (
            {" UNION ALL ".join(chosen)}
        )
        INSERT INTO {table} ({_list(keys + counted)})
        SELECT {_list(keys + [f"SUM({each})" for each in new])} FROM found
        GROUP BY {_list(keys)}
        HAVING MAX(is_there) = 0 OR {" OR ".join(changed)}
        ORDER BY {_list(keys)}
        ON CONFLICT ({_list(keys)}) DO UPDATE
        SET {_list(f"{each} = EXCLUDED.{each}" for each in replaced)}
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def _list(parts):
    return ", ".join(parts)
