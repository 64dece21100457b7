"""What the programme has promised and owes: today, and how it came to that by month.

Everything is read from the ledger, so that it equals the ledger to the cent; `drift`
says by how much it does not. A reward's whole cost is booked when it is released: from
then on it is a liability until somebody spends it, gives it back or lets it run out.
What is pending stands beside the books, for nothing has moved yet.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from django.db.models import DateField, F, Sum
from django.db.models.functions import TruncMonth
from django.utils import timezone

from accounts.models import CreditLot, LedgerAccount, Transfer
from orders.models import OrderDiscount
from referrals import discounts
from referrals.models import Reward

Kind = LedgerAccount.Kind

# Members' money with us; what they owe is the other way round.
LIABLE = {Kind.WALLET, Kind.HELD, Kind.FROZEN}


@dataclass(frozen=True)
class Position:
    """One currency today, in minor units.

    `ends` has what runs out by the first day of its month, with `endless` all of the
    wallets. `drift` is what accounts and transfers disagree by: zero, or look at once.
    """

    currency: str
    pending: int
    available: int
    held: int
    frozen: int
    owed: int
    ends: list[tuple[date, int]]
    endless: int
    drift: int

    @property
    def liability(self) -> int:
        return self.available + self.held + self.frozen


@dataclass
class Month:
    """What one month did to the liability of one currency, in minor units.

    `closing` is `opening` plus all before it; `spent`, `reversed`, `expired` and
    `closed` are below zero. `claims` is what members came to owe, less what they paid
    back or were let go; `discounts` lowered the revenue of friends' first orders.
    """

    month: date
    currency: str
    opening: int = 0
    granted: int = 0
    goodwill: int = 0
    spent: int = 0
    reversed: int = 0
    expired: int = 0
    closed: int = 0
    other: int = 0
    closing: int = 0
    claims: int = 0
    discounts: int = 0


@dataclass
class _Sums:
    accounts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    moved: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    ends: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    pending: int = 0


def positions() -> list[Position]:
    """Each currency's position now. Four queries."""
    found: dict[str, _Sums] = defaultdict(_Sums)
    kept = LedgerAccount.objects.filter(kind__in=LedgerAccount.PERSONAL).order_by()
    for code, kind, total in _summed(kept, "balance", "currency", "kind"):
        found[code].accounts[kind] = total
    for code, debit, credit, total in _summed(
        Transfer.objects.order_by(), "amount", "currency", "debit__kind", "credit__kind"
    ):
        found[code].moved[debit] -= total
        found[code].moved[credit] += total
    pending = Reward.objects.filter(state=Reward.State.PENDING).order_by()
    kept = F("amount") - F("amount_reversed")
    for code, total in _summed(pending, kept, "currency"):
        found[code].pending = total
    lots = CreditLot.objects.filter(remaining__gt=0).order_by()
    lots = lots.annotate(month=_month("expires_at"))
    for code, month, total in _summed(lots, "remaining", "currency", "month"):
        found[code].ends[month] += total
    return [_position(code, found[code]) for code in sorted(found)]


def months() -> list[Month]:
    """Every month with a movement, the newest first, by currency. Two queries."""
    found: dict[tuple[str, date], Month] = {}

    def of(code, month):
        return found.setdefault((code, month), Month(month, code))

    moves = Transfer.objects.order_by().annotate(month=_month("created_at"))
    by = ("currency", "month", "debit__kind", "credit__kind")
    for code, month, debit, credit, total in _summed(moves, "amount", *by):
        _book(of(code, month), debit, credit, total)
    gifts = OrderDiscount.objects.filter(
        source=discounts.SOURCE, order__confirmed_at__isnull=False
    ).order_by()
    gifts = gifts.annotate(month=_month("order__confirmed_at"))
    for code, month, total in _summed(gifts, "amount", "order__currency", "month"):
        of(code, month).discounts = -total
    running: dict[str, int] = defaultdict(int)
    for code, month in sorted(found):
        line = found[code, month]
        line.opening = running[code]
        line.closing = running[code] = line.opening + _change(line)
    return sorted(
        found.values(), key=lambda line: (line.month, line.currency), reverse=True
    )


def _position(code, sums):
    available = sums.accounts[Kind.WALLET]
    ends = sorted(sums.ends.items())
    return Position(
        currency=code,
        pending=sums.pending,
        available=available,
        held=sums.accounts[Kind.HELD],
        frozen=sums.accounts[Kind.FROZEN],
        owed=sums.accounts[Kind.OWED],
        ends=ends,
        endless=available - sum(total for _, total in ends),
        drift=sum(
            abs(sums.accounts[kind] - sums.moved[kind])
            for kind in LedgerAccount.PERSONAL
        ),
    )


def _book(line, debit, credit, total):
    """One kind of movement of a month in its column."""
    if Kind.OWED in (debit, credit):
        line.claims += total if credit == Kind.OWED else -total
    change = total * ((credit in LIABLE) - (debit in LIABLE))
    if not change:
        return
    other = debit if credit in LIABLE else credit
    column = {
        Kind.PROGRAMME_COST: "granted" if change > 0 else "reversed",
        Kind.GOODWILL: "goodwill",
        Kind.SALES: "spent",
        Kind.BREAKAGE: "expired",
        Kind.CLOSED: "closed",
    }.get(other, "other")
    setattr(line, column, getattr(line, column) + change)


def _change(line):
    return (
        line.granted
        + line.goodwill
        + line.spent
        + line.reversed
        + line.expired
        + line.closed
        + line.other
    )


def _summed(rows, amount, *by):
    return rows.values_list(*by).annotate(total=Sum(amount)).values_list(*by, "total")


def _month(moment):
    # By the shop's own calendar, whoever asks.
    zone = timezone.get_default_timezone()
    return TruncMonth(moment, tzinfo=zone, output_field=DateField())
