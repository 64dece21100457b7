"""Lists as CSV: streamed, safe to open in a spreadsheet, and noted who took them.

    exports.respond(request, "inviters", columns, rows, about=User)

A spreadsheet runs a text that begins like a formula, and what members call themselves
is theirs to write: such texts get an apostrophe in front. Numbers stay numbers.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.text import slugify

from shop.kit.currencies import exponent

# The wide forms stand on keyboards of East Asia, and some programs take them the same.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBERS = (int, float, Decimal)


@dataclass(frozen=True)
class Column:
    """A heading and what stands below it; `permission` is who may see it, if not all.

    A permission is named as Django does: `accounts.view_user`.
    """

    label: str
    value: Callable[[Any], Any]
    permission: str = ""


class _Echo:
    """A file that gives back what is written, so that nothing piles up."""

    def write(self, text):
        return text


def respond(
    request: HttpRequest,
    name: str,
    columns: Iterable[Column],
    rows: Iterable,
    *,
    about: type[Model],
    note: str = "",
) -> StreamingHttpResponse:
    """The download, without the columns that this person may not see.

    Writes down who took what before the first line leaves, so it is for POST alone.
    `about` is the model that the log files it under; `note` tells the filters.
    """
    seen = visible(request.user, columns)
    labels = ", ".join(column.label for column in seen)
    LogEntry.objects.create(
        user=request.user,
        content_type=ContentType.objects.get_for_model(about),
        object_repr=f"CSV: {name}"[:200],
        action_flag=CHANGE,
        change_message=f"Exported {name} {note}: {labels}".replace(" :", ":"),
    )
    return StreamingHttpResponse(
        lines(seen, rows),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{slugify(name)}.csv"',
            "Cache-Control": "no-store",
        },
    )


def visible(user, columns: Iterable[Column]) -> list[Column]:
    """The columns that a person may see."""
    return [
        each
        for each in columns
        if not each.permission or user.has_perm(each.permission)
    ]


def lines(columns: list[Column], rows: Iterable) -> Iterator[str]:
    """The file line by line, headings first; rows are read as they are sent."""
    writer = csv.writer(_Echo())
    yield writer.writerow([harmless(column.label) for column in columns])
    for row in rows:
        yield writer.writerow([harmless(column.value(row)) for column in columns])


def harmless(value: Any) -> Any:
    """The value as a spreadsheet shows it and does not run it."""
    if value is None:
        return ""
    if isinstance(value, _NUMBERS) and not isinstance(value, bool):
        return value
    text = str(value).replace("\0", "")
    # Some programs skip blanks before they look for the sign.
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_DANGEROUS) else text


def amount(minor: int, currency: str) -> Decimal:
    """Minor units as a number that can be summed: `1999, "USD"` → 19.99."""
    return Decimal(minor).scaleb(-exponent(currency))
