"""What the programme owes, by currency and by month, as a page and as a file."""

from django.conf import settings
from django.utils.formats import date_format

from accounts.models import LedgerAccount
from referrals import liability
from shop.kit import charts, exports
from shop.kit.money import format_money
from shop.kit.staff import list_url

MOST_MONTHS = 36

COLUMNS = {
    "opening": "Opening",
    "granted": "Granted",
    "goodwill": "Goodwill",
    "spent": "Spent",
    "reversed": "Given back",
    "expired": "Ran out",
    "closed": "Closed accounts",
    "other": "Other",
    "closing": "Closing",
    "claims": "Members came to owe",
    "discounts": "Friends’ discounts",
}


def page(room, request):
    months = liability.months()
    shown = _shown(months)
    return room.page(
        request,
        "programme_liability",
        positions=liability.positions(),
        chart=_chart(months, settings.SHOP_CURRENCY),
        labels=[COLUMNS[name] for name in shown],
        months=[(line, _cells(line, shown)) for line in months[:MOST_MONTHS]],
        accounts={
            kind: list_url(LedgerAccount, f"kind__exact={kind}&balance__gt=0")
            for kind in LedgerAccount.PERSONAL
        },
    )


def _shown(months):
    """The columns that fit beside each other and say something.

    A month opens as the one before it closed; what never happened needs no column.
    """
    lasting = ("granted", "spent", "closing")
    return [
        name
        for name in COLUMNS
        if name in lasting
        or (name != "opening" and any(getattr(line, name) for line in months))
    ]


def export(room, request):
    """All months as a file; amounts are numbers of their currency."""
    columns = [
        exports.Column("Month", lambda line: f"{line.month:%Y-%m}"),
        exports.Column("Currency", lambda line: line.currency),
        *[exports.Column(label, _amount(name)) for name, label in COLUMNS.items()],
    ]
    return exports.respond(
        request,
        "Liability by month",
        columns,
        liability.months(),
        about=LedgerAccount,
    )


def export_positions(room, request):
    """What is owed today as a file, by currency and by the month in which it ends."""
    columns = [
        exports.Column("Currency", lambda row: row[0].currency),
        exports.Column("What", lambda row: row[1]),
        exports.Column("Runs out in", lambda row: row[2]),
        exports.Column("Amount", lambda row: exports.amount(row[3], row[0].currency)),
    ]
    rows = [row for each in liability.positions() for row in _lines(each)]
    return exports.respond(
        request, "Liability today", columns, rows, about=LedgerAccount
    )


def _lines(each):
    """A position as the page shows it: what is available is parted by its end."""
    yield each, "Pending", "", each.pending
    for month, amount in each.ends:
        yield each, "Available", f"{month:%Y-%m}", amount
    yield each, "Available", "never", each.endless
    yield each, "In open orders", "", each.held
    yield each, "On hold", "", each.frozen
    yield each, "Owed by members", "", each.owed
    yield each, "Off from the ledger", "", each.drift


def _cells(line, names):
    return [format_money(getattr(line, name), line.currency) for name in names]


def _amount(name):
    return lambda line: exports.amount(getattr(line, name), line.currency)


def _chart(months, currency):
    shown = [line for line in reversed(months) if line.currency == currency]
    shown = shown[-MOST_MONTHS:]
    return charts.bars(
        f"Owed to members at the end of each month, {currency}",
        [date_format(line.month, "M Y") for line in shown],
        [charts.Series("Owed", [line.closing for line in shown])],
        shows=lambda amount: format_money(amount, currency),
    )
