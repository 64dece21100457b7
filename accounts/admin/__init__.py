"""Staff look at people and balances here; what moves is moved by the ledger."""

from accounts.admin import adjustments, balances, people

__all__ = ["adjustments", "balances", "people"]
