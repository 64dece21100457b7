"""Codes that were never shown to anybody: whoever tries one is guessing, or has a list.

They look like any other code and lead nowhere; `guesses` does the rest.
"""

from referrals import codes
from referrals.models import Code

MOST = 100


def plant(most: int = MOST) -> int:
    """Draw canaries until there are so many; how many came. Safe to repeat."""
    before = Code.objects.canaries().count()
    drawn = {codes.by_lot() for _ in range(most - before)}
    # What somebody has already stays theirs, and is made up for next time.
    Code.objects.bulk_create(
        [Code(text=text, display=text, kind=Code.Kind.CANARY) for text in drawn],
        ignore_conflicts=True,
    )
    return Code.objects.canaries().count() - before


def are_among(texts: list[str]) -> bool:
    """Whether one of these codes, as typed, is a canary. One query, or none."""
    typed = [code for code in map(codes.normalise, texts) if code]
    return bool(typed) and Code.objects.canaries().filter(text__in=typed).exists()
