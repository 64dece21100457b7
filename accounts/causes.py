"""What is behind a line of a balance, as far as the ledger knows it itself."""

from accounts.ledger import repaying
from accounts.models import CreditLot, Transfer, User
from accounts.statements import Cause, Line


def of_lines(user: User, lines: list[Line]) -> dict[int, Cause]:
    """By the numbers of the lines: of credit that ran out, where it had come in; of
    what paid a debt, the credit that it was.

    At most two queries.
    """
    ended = {
        line.pk: int(line.key.split(":")[1]) for line in lines if line.kind == "expiry"
    }
    rows = CreditLot.objects.filter(owner=user, pk__in=ended.values())
    brought = dict(rows.values_list("pk", "transfer")) if ended else {}
    repaid = {line.pk: repaying(line.key) for line in lines if line.kind == "repayment"}
    credits = Transfer.objects.filter(key__in=repaid.values())
    came = dict(credits.values_list("key", "pk")) if repaid else {}
    return {
        pk: Cause(f"#line-{brought[lot]}", "The credit that ran out")
        for pk, lot in ended.items()
    } | {
        pk: Cause(f"#line-{came[key]}", "The credit that came in")
        for pk, key in repaid.items()
        if key in came
    }
