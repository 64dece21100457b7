"""Who people are and what they own here."""

from accounts.models.adjustments import Adjustment
from accounts.models.ledger import LedgerAccount, Transfer
from accounts.models.lots import CreditLot, LotUse
from accounts.models.people import (
    CLOSED_HOST,
    Address,
    PostalAddress,
    User,
    UserManager,
)

__all__ = [
    "CLOSED_HOST",
    "Address",
    "Adjustment",
    "CreditLot",
    "LedgerAccount",
    "LotUse",
    "PostalAddress",
    "Transfer",
    "User",
    "UserManager",
]
