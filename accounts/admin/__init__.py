"""Staff look at people and balances here; what moves is moved by the ledger."""

from accounts.admin import adjustments, authenticators, balances, people

__all__ = ["adjustments", "authenticators", "balances", "people"]
