"""What must be true of the ledger, and how it prints."""

from accounts import ledger
from accounts.models import CLOSED_HOST, CreditLot, LedgerAccount, Transfer
from shop.kit import books


@books.rule(
    "A balance is the sum of its transfers",
    LedgerAccount,
    repair=books.Repair("Rebuild from transfers", ledger.rebuild),
)
def balances():
    return books.ask(
        """
        SELECT account.id, COALESCE(moved.total, 0), account.balance
        FROM accounts_ledgeraccount account
        LEFT JOIN (
            SELECT leg.account_id, SUM(leg.amount) AS total
            FROM (
                SELECT credit_id AS account_id, amount FROM accounts_transfer
                UNION ALL
                SELECT debit_id, -amount FROM accounts_transfer
            ) leg
            GROUP BY leg.account_id
        ) moved ON moved.account_id = account.id
        WHERE account.balance IS NOT NULL
          AND account.balance <> COALESCE(moved.total, 0)
        ORDER BY account.id
        """
    )


@books.rule("A transfer and its two accounts have one currency", Transfer)
def currencies():
    return books.ask(
        """
        SELECT transfer.id, transfer.currency, debit.currency || '/' || credit.currency
        FROM accounts_transfer transfer
        JOIN accounts_ledgeraccount debit ON debit.id = transfer.debit_id
        JOIN accounts_ledgeraccount credit ON credit.id = transfer.credit_id
        WHERE debit.currency <> transfer.currency
           OR credit.currency <> transfer.currency
        ORDER BY transfer.id
        """
    )


@books.rule("What is left of a lot is what no transfer has taken", CreditLot)
def lots():
    return books.ask(
        """
        SELECT lot.id, lot.amount - COALESCE(taken.total, 0), lot.remaining
        FROM accounts_creditlot lot
        LEFT JOIN (
            SELECT lot_id, SUM(amount - amount_restored) AS total
            FROM accounts_lotuse
            GROUP BY lot_id
        ) taken ON taken.lot_id = lot.id
        WHERE lot.remaining <> lot.amount - COALESCE(taken.total, 0)
        ORDER BY lot.id
        """
    )


@books.rule("A wallet holds at least what its lots have left", LedgerAccount)
def lots_within_wallets():
    """Credit without an end is what a wallet holds beyond its lots."""
    return books.ask(
        """
        SELECT COALESCE(wallet.id, 0), lots.total, COALESCE(wallet.balance, 0)
        FROM (
            SELECT owner_id, currency, SUM(remaining) AS total
            FROM accounts_creditlot
            GROUP BY owner_id, currency
        ) lots
        LEFT JOIN accounts_ledgeraccount wallet
               ON wallet.owner_id = lots.owner_id
              AND wallet.currency = lots.currency AND wallet.kind = 'wallet'
        WHERE lots.total > COALESCE(wallet.balance, 0)
        ORDER BY 1
        """
    )


@books.rule("Who has closed the account has nothing and owes nothing", LedgerAccount)
def closed():
    return books.ask(
        f"""
        SELECT account.id, 0, account.balance
        FROM accounts_ledgeraccount account
        JOIN accounts_user owner ON owner.id = account.owner_id
        WHERE account.balance <> 0 AND owner.email LIKE '%@{CLOSED_HOST}'
        ORDER BY account.id
        """
    )


@books.section("ledger")
def ledger_lines() -> list[dict]:
    """Each transfer as two legs that sum to zero."""
    transfers = Transfer.objects.select_related("debit", "credit").order_by("pk")
    return [
        {
            "id": f"{transfer.pk}:{leg}",
            "account": _name(account),
            "amount": amount,
            "source": _source(transfer),
            "transfer": transfer.pk,
            "leg": leg,
        }
        for transfer in transfers.iterator(2000)
        for leg, account, amount in (
            ("debit", transfer.debit, -transfer.amount),
            ("credit", transfer.credit, transfer.amount),
        )
    ]


@books.section("balances")
def kept_balances() -> dict[str, int]:
    """What people's accounts say they hold."""
    kept = LedgerAccount.objects.filter(balance__isnull=False).order_by("pk")
    return {_name(account): account.balance for account in kept.iterator(2000)}


def _name(account):
    """`user:7` for a person's wallet, `held:7`, `owed:7`; the shop's by their kind."""
    if account.owner_id is None:
        return account.kind
    kind = "user" if account.kind == LedgerAccount.Kind.WALLET else account.kind
    return f"{kind}:{account.owner_id}"


def _source(transfer):
    """The cause, an order named by its code: `order:Q3XN8VTA:spend`."""
    cause, _, rest = transfer.key.partition(":")
    number, _, step = rest.partition(":")
    if cause != "order" or not transfer.reference:
        return transfer.key
    return f"order:{transfer.reference}:{'spend' if step == 'hold' else step}"
