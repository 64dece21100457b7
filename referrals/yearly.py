"""What each member got out of the programme in a year, for the shop's taxes.

Whether credit to spend here is income or a discount differs by country: this counts
and flags, and decides nothing.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db.models import Sum

from accounts.models import LedgerAccount, Transfer, User
from referrals.periods import Period

Kind = LedgerAccount.Kind
# What is owed counts in the year in which it is paid, out of a wallet.
_PURSE = (Kind.WALLET, Kind.FROZEN)


@dataclass(frozen=True)
class Total:
    """One member's year in one currency, in minor units; what was taken back is less.

    `amount` is below zero when more was taken back than came in the year.
    """

    member: User
    currency: str
    amount_given: int
    amount_taken_back: int

    @property
    def amount(self) -> int:
        return self.amount_given - self.amount_taken_back

    @property
    def is_flagged(self) -> bool:
        """Whether a setting asks for a look, in the shop's own currency."""
        return _is_flagged(self.currency, self.amount_given, self.amount_taken_back)


def totals(year: int) -> list[Total]:
    """Every member to whom the programme paid something, most first. Three queries.

    By the day that money moved, in the shop's time zone, from the ledger itself.
    """
    return _named(_sums(year))


def count_and_flagged(year: int) -> tuple[int, list[Total]]:
    """How many these are, and those whom a setting asks to look at. Three queries."""
    sums = _sums(year)
    flagged = {key: pair for key, pair in sums.items() if _is_flagged(key[1], *pair)}
    return len(sums), _named(flagged)


def _is_flagged(currency, given, back):
    threshold = settings.REFERRAL_YEARLY_LOOK_FROM
    is_ours = currency == settings.SHOP_CURRENCY
    return bool(threshold) and is_ours and given - back >= threshold


def _sums(year):
    """What was given and taken back, by member's id and currency."""
    within = Period(date(year, 1, 1), date(year, 12, 31)).within("created_at")
    moved = Transfer.objects.filter(**within)
    given, back = defaultdict(int), defaultdict(int)
    for side, other, sums in (("credit", "debit", given), ("debit", "credit", back)):
        rows = moved.filter(
            **{
                f"{other}__kind": Kind.PROGRAMME_COST,
                f"{side}__kind__in": _PURSE,
            }
        )
        keys = f"{side}__owner", f"{side}__currency"
        for owner, currency, amount in rows.values_list(*keys).annotate(Sum("amount")):
            sums[owner, currency] += amount
    keys = given.keys() | back.keys()
    return {key: (given.get(key, 0), back.get(key, 0)) for key in keys}


def _named(sums):
    members = User.objects.in_bulk({owner for owner, _ in sums})
    found = [
        Total(members[owner], currency, *pair)
        for (owner, currency), pair in sums.items()
    ]
    return sorted(found, key=lambda each: (each.currency, -each.amount, each.member.pk))
