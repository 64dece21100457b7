"""What moved in a person's accounts, line by line, as its owner reads it."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from accounts.models import LedgerAccount, Transfer, User

Kind = LedgerAccount.Kind


@dataclass(frozen=True)
class Cause:
    """Where a reader of a line finds out what brought it about."""

    url: str
    label: str


@dataclass(frozen=True)
class Line:
    """A line of a person's statement: a signed `amount`, the balance after it.

    `pk` and `key` are the transfer's, and `cause` is for pages to find.
    """

    pk: int
    key: str
    created_at: datetime
    kind: str
    reason: str
    reference: str
    amount: int
    balance_after: int
    cause: Cause | None = None


def of(user: User, currency: str, kind: Kind = Kind.WALLET) -> list[Line]:
    """Every movement of a person's account, newest first, with the balance after it."""
    rows = LedgerAccount.objects.filter(owner=user, kind=kind, currency=currency)
    return of_account(rows.first())


def of_account(account: LedgerAccount | None) -> list[Line]:
    """The same of an account that is at hand; of none there is nothing. One query."""
    if not account:
        return []
    moves = Transfer.objects.filter(Q(debit=account) | Q(credit=account)).order_by("pk")
    lines, running = [], 0
    for move in moves:
        signed = move.amount if move.credit_id == account.pk else -move.amount
        running += signed
        lines.append(
            Line(
                *[move.pk, move.key, move.created_at, move.kind, move.reason],
                *[move.reference, signed, running],
            )
        )
    return lines[::-1]
