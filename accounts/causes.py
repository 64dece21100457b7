"""What is behind a line of a balance, as far as the ledger knows it itself."""

from accounts.ledger import Cause, Line
from accounts.models import CreditLot, User


def of_lines(user: User, lines: list[Line]) -> dict[int, Cause]:
    """By the numbers of the lines: of credit that ran out, where it had come in.

    One query, or none.
    """
    ended = {
        line.pk: int(line.key.split(":")[1]) for line in lines if line.kind == "expiry"
    }
    rows = CreditLot.objects.filter(owner=user, pk__in=ended.values())
    brought = dict(rows.values_list("pk", "transfer")) if ended else {}
    return {
        pk: Cause(f"#line-{brought[lot]}", "The credit that ran out")
        for pk, lot in ended.items()
    }
