"""What the sweep of bad input needs: every address, hostile values, what must not move.

Addresses come from the resolver, so a new one is swept without being named here, unless
it takes an argument (`EXAMPLES`) or a form (`test_bad_input.FORMS`).
"""

import re
from contextlib import contextmanager
from copy import deepcopy
from html import unescape
from html.parser import HTMLParser
from urllib.parse import quote

from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.urls import get_resolver
from django.urls.resolvers import RoutePattern, URLResolver

from accounts.models import LedgerAccount, Transfer, User
from orders.models import CartLine, Order, Payment

# Values

GARBAGE = {
    "2 kB": "x" * 2000,
    "unicode": "Ünïcødé 商店",
    "emoji": "🛒👨‍👩‍👧",
    "right to left": "\u202eabc\u200f\u0301\u0301",
    "dots": "..",
    "way up": "../../etc/passwd",
    "slash": "%2f",
    "escaped slash": "a%2fb",
    "two slashes": "//evil.example",
    "newline": "a\r\nSet-Cookie: x=1",
    "markup": "<script>alert(1)</script>",
    "sql": "' OR 1=1 --",
    "negative": "-1",
    "digits": "9" * 30,
    "digits of elsewhere": "٣",
    "fraction": "1.5",
    "nothing": "",
}
NUL = "a\0b"

TEXTS = {
    "empty": "",
    "spaces": " \t\u00a0\u200b ",
    "100 kB": "x" * 100_000,
    "emoji and marks": "👨‍👩‍👧 \u202eZ\u0335\u0327\u0301a\u200f",
    "letters that grow": "ß" * 20,
    "NUL": NUL,
    "code": "' OR 1=1 --\r\nBcc: all@example.com\"><script>alert('x')</script>",
}
# For what leads on to another page.
WAYS = {
    "escapes in escapes": "/%" + "25" * 50_000,
    "elsewhere": "//evil.example/%0d%0a",
    "out of sight": "/\t/evil.example",
    "backslash": "/\\evil.example",
    "script": "javascript:alert(1)",
}
NUMBERS = {
    "negative": "-1",
    "zero": "0",
    "a billion": "1000000000",
    "fraction": "1.5",
    "exponent": "1e9",
    "digits": "9" * 5_000,
    "digits of elsewhere": "٣",
    "letters": "abc",
}

# Every parameter that some page reads, and two that none does.
PARAMETERS = [
    *["page", "sort", "q", "v", "o_colour", "quantity", "t", "order", "looked"],
    *["words", "next", "to", "code", "ref", "card", "email", "utm_source", "o", "p"],
    *["page[]", "page[0]", "__proto__"],
]


def bent(data: dict, names: tuple[str, ...], values: dict) -> dict[str, dict]:
    """The form with these fields in every bad shape, by what is wrong with them."""
    return {what: data | dict.fromkeys(names, value) for what, value in values.items()}


def misshapen(data: dict, name: str) -> dict[str, dict]:
    """The form with one field missing, in several pieces, or something else."""
    rest = {key: value for key, value in data.items() if key != name}
    return {
        "missing": rest,
        "array-like and twice": {**rest, f"{name}[]": "1", name: ["1", "\U0001f4a5"]},
        "file": {**rest, name: SimpleUploadedFile("a.txt", b"a\0b")},
    }


# Addresses

# By route, else by the argument's name: what makes a page out of an address.
EXAMPLES = {
    "about/<slug:slug>/": "delivery",
    "c/<path:path>/": "lamps",
    "p/<slug:slug>/": "moon",
    "invitation/stop/<str:token>/": "abc",
    "shared-cart/<str:token>/": "abc",
    "name/report/<str:token>/": "abc",
    "code": "ABCD2345",
    "form": "svg",
    "name": "products/a.webp",
    "path": "health",
    "mail_id": "1",
    "pk": "1",
    "id": "1",
    "object_id": "1",
    "content_type_id": "1",
}
# Regular expressions: the admin's index of an app, and its last resort.
_BY_HAND = {"app_label": "orders", "url": "nowhere"}


def routes() -> list[str]:
    """Every pattern of the resolver as `urls.py` writes it, prefixes included."""

    def below(resolver, prefix=""):
        for entry in resolver.url_patterns:
            route = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from below(entry, route)
            elif isinstance(entry.pattern, RoutePattern):
                yield route
            else:
                yield re.sub(r"\(\?P<(\w+)>.*\)", r"<by_hand:\1>", route).strip("^$")

    return list(dict.fromkeys(below(get_resolver())))


def is_staffs(route: str) -> bool:
    return route.startswith(settings.ADMIN_PATH)


def arguments(route: str) -> list[str]:
    return re.findall(r"<(?:\w+:)?(\w+)>", route)


def address(route: str, **values: str) -> str:
    """A path that the route answers; `values` replace the examples of its arguments."""

    def put(match):
        kind, name = match.groups()
        known = _BY_HAND if kind == "by_hand:" else EXAMPLES
        example = known.get(route) or known.get(name)
        assert example is not None, f"{route}: say in EXAMPLES what {name} may be."
        return quote(values.get(name, example), safe="/%")

    return "/" + re.sub(r"<(\w+:)?(\w+)>", put, route)


# What a person reads


def words(response) -> str:
    """The text of an answer, without what a browser does not show."""
    text = _main(response)
    if "html" not in response.headers.get("Content-Type", ""):
        return text
    text = re.sub(r"<(script|style|svg).*?</\1>", "", text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


def _main(response):
    text = response.content.decode(errors="replace")
    start, end = text.find("<main"), text.rfind("</main>")
    return text[start:end] if -1 < start < end else text


def has_a_sentence(response) -> bool:
    return bool(re.search(r"(\w[\w’',-]*\s+){2,}\w.*[.!?]", words(response)))


class _Fields(HTMLParser):
    def __init__(self):
        super().__init__()
        self.values, self._select, self._area = {}, None, None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        name = attrs.get("name")
        if tag == "input" and attrs.get("type") not in (
            "password",
            "hidden",
            "checkbox",
            "radio",
            "search",
        ):
            self.values.setdefault(name, []).append(attrs.get("value") or "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in attrs:
            self.values.setdefault(self._select, []).append(attrs.get("value") or "")


def shown_in(response) -> dict[str, list[str]]:
    """What stands in the text fields and selects of a page, by name."""
    fields = _Fields()
    fields.feed(_main(response))
    return fields.values


# What must not move


def belongings() -> dict:
    """What people own: people, carts, orders, balances, money under way."""
    return {
        "people": list(
            User.objects.order_by("pk").values_list(
                "email", "name", "password", "is_active", "is_staff"
            )
        ),
        "cart lines": list(
            CartLine.objects.order_by("pk").values_list("cart", "variant", "quantity")
        ),
        "orders": list(
            Order.objects.order_by("pk").values_list("code", "status", "amount_due")
        ),
        "payments": list(Payment.objects.order_by("pk").values_list("pk", "status")),
        "balances": list(LedgerAccount.objects.order_by("pk").values_list("balance")),
        "transfers": Transfer.objects.count(),
    }


def row_counts() -> dict[str, int]:
    """How many rows each table has."""
    tables = sorted(
        {
            model._meta.db_table
            for model in apps.get_models(include_auto_created=True)
            if model._meta.managed
        }
    )
    counts = " UNION ALL ".join(
        f"SELECT '{table}', count(*) FROM {connection.ops.quote_name(table)}"
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(counts)
        return dict(cursor.fetchall())


@contextmanager
def undone(client):
    """What happens inside has not happened afterwards: rows, cookies, counted tries."""
    cookies = client.cookies
    client.cookies = deepcopy(cookies)
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        client.cookies = cookies
        cache.clear()
