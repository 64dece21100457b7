"""What moved in a person's wallet, line by line, as its owner reads it."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from accounts.models import LedgerAccount, Transfer, User


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


def of(user: User, currency: str) -> list[Line]:
    """Every movement of a person's wallet, newest first, with the balance after it."""
    wallet = LedgerAccount.objects.filter(
        owner=user, kind=LedgerAccount.Kind.WALLET, currency=currency
    ).first()
    if not wallet:
        return []
    moves = Transfer.objects.filter(Q(debit=wallet) | Q(credit=wallet)).order_by("pk")
    lines, running = [], 0
    for move in moves:
        signed = move.amount if move.credit_id == wallet.pk else -move.amount
        running += signed
        lines.append(
            Line(
                *[move.pk, move.key, move.created_at, move.kind, move.reason],
                *[move.reference, signed, running],
            )
        )
    return lines[::-1]
