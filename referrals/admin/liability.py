"""What the programme owes, by currency and by month, as a page and as a file."""

from django.conf import settings

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
    "closed": "Left by closed accounts",
    "other": "Other",
    "closing": "Closing",
    "claims": "Members came to owe",
    "discounts": "Friends’ discounts",
}


def page(room, request):
    months = liability.months()
    return room.page(
        request,
        "programme_liability",
        "What the programme owes",
        positions=liability.positions(),
        chart=_chart(months, settings.SHOP_CURRENCY),
        labels=COLUMNS.values(),
        months=[(line, _cells(line)) for line in months[:MOST_MONTHS]],
        accounts={
            kind: list_url(LedgerAccount, f"kind__exact={kind}&balance__gt=0")
            for kind in LedgerAccount.PERSONAL
        },
    )


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


def _cells(line):
    return [format_money(getattr(line, name), line.currency) for name in COLUMNS]


def _amount(name):
    return lambda line: exports.amount(getattr(line, name), line.currency)


def _chart(months, currency):
    shown = [line for line in reversed(months) if line.currency == currency]
    shown = shown[-MOST_MONTHS:]
    return charts.bars(
        f"Owed to members at the end of each month, {currency}",
        [f"{line.month:%b %Y}" for line in shown],
        [charts.Series("Owed", [line.closing for line in shown])],
        shows=lambda amount: format_money(amount, currency),
    )
