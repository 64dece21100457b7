"""Questions that stand before a balance is spent; orders know none of them."""

from django.conf import settings
from django.utils.module_loading import import_string


def ask(request, amount: int, currency: str) -> None:
    """Put the questions that settings name to whoever wants to spend so much.

    Each gets the request, the amount in minor units and its currency; it lets it pass,
    or raises what a middleware answers with another page. Outside any transaction.
    """
    if amount:
        for path in settings.SPENDING_QUESTIONS:
            import_string(path)(request, amount, currency)
