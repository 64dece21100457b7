"""The account balance: the only writer of accounts and transfers.

It knows neither orders nor referrals; whoever moves money names the cause in the `key`.
Posting one key twice moves nothing the second time and returns the first transfer.

Whatever comes into a wallet pays first what its owner owes, in the same transaction:
so nobody spends what was taken back from them. Whatever comes to somebody who has
closed the account goes on at once to where their balance went.
"""

from datetime import datetime
from functools import reduce
from operator import or_

from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q, Sum

from accounts import lots
from accounts.models import LedgerAccount, LotUse, Transfer, User

Kind = LedgerAccount.Kind

# What members owe, they owe to this account of the shop.
LENDER = Kind.PROGRAMME_COST

_REPAYMENT = "repayment:"


class InsufficientBalance(Exception):
    """The account holds less than was asked of it."""


class AmountChanged(Exception):
    """What the account holds is not what was shown any more."""


class KeyReused(Exception):
    """A key that already moved money was posted again for another movement."""


def balance(user: User, currency: str, kind: Kind = Kind.WALLET) -> int:
    """What a person's account holds, in minor units; zero when there is none yet."""
    account = LedgerAccount.objects.filter(owner=user, kind=kind, currency=currency)
    return account.values_list("balance", flat=True).first() or 0


def shop_balance(kind: Kind, currency: str) -> int:
    """Credits minus debits of one of the shop's accounts, summed from its transfers."""
    of_kind = Q(kind=kind, currency=currency, owner=None)
    ids = LedgerAccount.objects.filter(of_kind).values("pk")
    credits = (
        Transfer.objects.filter(credit__in=ids).aggregate(total=Sum("amount"))["total"]
        or 0
    )
    debits = (
        Transfer.objects.filter(debit__in=ids).aggregate(total=Sum("amount"))["total"]
        or 0
    )
    return credits - debits


def post(
    *,
    key: str,
    debit: tuple[User | None, Kind],
    credit: tuple[User | None, Kind],
    amount: int,
    currency: str,
    kind: str,
    reason: str,
    reference: str = "",
    actor: User | None = None,
    expires_at: datetime | None = None,
    restores: tuple[str, ...] = (),
    repays: bool = True,
) -> Transfer:
    """Move `amount` minor units from one account to another, once per `key`.

    Accounts are `(owner, kind)`, the shop's own with owner None; missing ones are
    opened. What comes into a wallet ends at `expires_at`, if that is given; with
    `restores`, the keys of earlier transfers, what those took of lots comes back to
    them. It pays what is owed, unless it goes on at once and so never `repays`. Raises
    InsufficientBalance when a person's account would go below zero, KeyReused when the
    key belongs to another movement.
    """
    try:
        with transaction.atomic():
            accounts = _lock(currency, debit, credit)
            return _write(
                accounts[debit],
                accounts[credit],
                key=key,
                amount=amount,
                currency=currency,
                kind=kind,
                reason=reason,
                reference=reference,
                actor=actor,
                expires_at=expires_at,
                restores=restores,
                repays=repays,
            )
    except IntegrityError:
        # It has moved already: the unique key says so, and to two at once as well.
        done = Transfer.objects.filter(key=key).first()
        if not done:
            raise
        with transaction.atomic():
            accounts = _lock(currency, debit, credit)
        return _same(done, accounts[debit], accounts[credit], amount)


def take_back(
    *,
    key: str,
    user: User,
    amount: int,
    currency: str,
    reason: str,
    reference: str = "",
) -> int:
    """Take a reward back, or a part of it; how much there was to take.

    What the wallet lacks is recorded as owed, so that it never falls below zero. Once
    per `key`.
    """
    wallet, owed, cost = (user, Kind.WALLET), (user, Kind.OWED), (None, LENDER)
    with transaction.atomic():
        # Nobody spends between the look and the taking.
        accounts = _lock(currency, wallet, owed, cost)
        taken = min(amount, accounts[wallet].balance)
        parts = {
            f"{key}:taken": (wallet, cost, taken),
            f"{key}:owed": (cost, owed, amount - taken),
        }
        done = {each.key: each for each in Transfer.objects.filter(key__in=parts)}
        for name, (debit, credit, part) in parts.items():
            if name in done:
                _same(done[name], accounts[debit], accounts[credit], part)
            elif part:
                _write(
                    accounts[debit],
                    accounts[credit],
                    key=name,
                    amount=part,
                    currency=currency,
                    kind="clawback",
                    reason=reason,
                    reference=reference,
                )
    return taken


def repaying(key: str) -> str:
    """The key of the credit that paid a debt, by that of the payment."""
    return key.removeprefix(_REPAYMENT)


def freeze(*, key: str, user: User, most: int, currency: str, reason: str) -> int:
    """Set aside up to `most` of what the wallet holds; how much that was.

    Once per `key`. `thaw` gives it back; until then it cannot be spent.
    """
    wallet, frozen = (user, Kind.WALLET), (user, Kind.FROZEN)
    with transaction.atomic():
        # Nobody spends between the look and the setting aside.
        accounts = _lock(currency, wallet, frozen)
        amount = min(most, accounts[wallet].balance)
        if amount:
            _write_once(
                accounts[wallet],
                accounts[frozen],
                key=key,
                amount=amount,
                currency=currency,
                kind="freeze",
                reason=reason,
            )
    return amount


def thaw(
    *,
    key: str,
    frozen: str,
    user: User,
    amount: int,
    currency: str,
    reason: str,
    repays: bool = True,
) -> None:
    """Put what the transfer `frozen` set aside back into the wallet, once per `key`."""
    post(
        key=key,
        debit=(user, Kind.FROZEN),
        credit=(user, Kind.WALLET),
        amount=amount,
        currency=currency,
        kind="thaw",
        reason=reason,
        restores=(frozen,),
        repays=repays,
    )


def let_end(user: User, currency: str, now: datetime) -> int:
    """Move what ran out from a wallet to breakage; how much. Safe to repeat."""
    wallet, shop = (user, Kind.WALLET), (None, Kind.BREAKAGE)
    with transaction.atomic():
        # Nobody spends or gets back between the look and the taking.
        accounts = _lock(currency, wallet, shop)
        gone = lots.ended(user, currency, now)
        for lot in gone:
            _write_once(
                accounts[wallet],
                accounts[shop],
                # A lot that comes back from a spend has a new end, and a new key.
                key=f"lot:{lot.pk}:{lot.expires_at:%Y%m%d%H%M%S}",
                amount=lot.remaining,
                currency=currency,
                kind="expiry",
                reason="Ran out",
            )
    return sum(lot.remaining for lot in gone)


def ran_out(prefix: str) -> int:
    """How much of the credit whose keys begin so ended before anybody spent it."""
    ended = LotUse.objects.filter(
        transfer__kind="expiry", lot__transfer__key__startswith=prefix
    )
    return ended.aggregate(total=Sum("amount"))["total"] or 0


def write_off(
    user: User, currency: str, *, amount: int, reason: str, actor: User
) -> Transfer:
    """Let go of what a person owes: all of it, `amount` as it was shown to staff.

    The wallet is not touched. Raises AmountChanged when it is another amount by now.
    """
    owed, shop = (user, Kind.OWED), (None, Kind.WRITE_OFF)
    with transaction.atomic():
        accounts = _lock(currency, owed, shop)
        if not amount or accounts[owed].balance != amount:
            raise AmountChanged(accounts[owed].balance)
        moved = Q(debit=accounts[owed]) | Q(credit=accounts[owed])
        last = Transfer.objects.filter(moved).aggregate(last=Max("pk"))["last"]
        return _write_once(
            accounts[owed],
            accounts[shop],
            key=f"write_off:{accounts[owed].pk}:{last}",
            amount=amount,
            currency=currency,
            kind="write_off",
            reason=reason,
            actor=actor,
        )


def lock(user: User) -> None:
    """Let nothing come to a person or go from them until the transaction ends."""
    list(user.ledger_accounts.select_for_update(no_key=True).order_by("pk"))


def rebuild(account_id: int) -> str:
    """Set a person's kept balance to the sum of its transfers; says what it was.

    Safe to repeat. The database refuses a sum below zero.
    """
    with transaction.atomic():
        account = LedgerAccount.objects.select_for_update(no_key=True).get(
            pk=account_id, balance__isnull=False
        )
        came = account.credits.aggregate(total=Sum("amount"))["total"] or 0
        went = account.debits.aggregate(total=Sum("amount"))["total"] or 0
        LedgerAccount.objects.filter(pk=account.pk).update(balance=came - went)
    return f"{account}: {account.balance} became {came - went}."


def _lock(currency, *wanted):
    """The accounts by `(owner, kind)`, opened if need be and locked, pk rising."""
    found = _locked(currency, wanted)
    for pot in wanted:
        if pot not in found:
            found[pot] = _open(*pot, currency)
    if not all(found.values()):  # somebody else opened one a moment ago
        found = _locked(currency, wanted)
    return {pot: found[pot] for pot in wanted}


def _locked(currency, wanted):
    # The shop's accounts keep no balance: they are read, and nobody waits for them.
    shop = [kind for owner, kind in wanted if not owner]
    personal = [Q(owner=owner, kind=kind) for owner, kind in wanted if owner]
    found = {}
    if personal:
        rows = LedgerAccount.objects.select_for_update(no_key=True).order_by("pk")
        owners = {owner.pk: owner for owner, _ in wanted if owner}
        for account in rows.filter(reduce(or_, personal), currency=currency):
            found[(owners[account.owner_id], Kind(account.kind))] = account
    for account in LedgerAccount.objects.filter(
        owner=None, kind__in=shop, currency=currency
    ):
        found[(None, Kind(account.kind))] = account
    return found


def _open(owner, kind, currency):
    try:
        with transaction.atomic():
            return LedgerAccount.objects.create(
                owner=owner, kind=kind, currency=currency, balance=0 if owner else None
            )
    except IntegrityError:
        return None


def _move(account, amount):
    rows = LedgerAccount.objects.filter(pk=account.pk)
    if amount < 0:
        rows = rows.filter(balance__gte=-amount)
    return rows.update(balance=F("balance") + amount)


def _write(
    debit,
    credit,
    *,
    key,
    amount,
    currency,
    expires_at=None,
    restores=(),
    repays=True,
    **more,
):
    """One transfer between locked accounts, by a key that has not moved."""
    # First, for the database lets a balance become only what transfers say.
    transfer = Transfer.objects.create(
        key=key, debit=debit, credit=credit, amount=amount, currency=currency, **more
    )
    # One conditional statement decides, whoever else is spending.
    if debit.owner_id and not _move(debit, -amount):
        raise InsufficientBalance(f"{key} needs {amount} {currency}")
    if credit.owner_id:
        _move(credit, amount)
    if debit.kind == Kind.WALLET:
        lots.use(transfer, debit.owner_id)
    if credit.kind == Kind.WALLET:
        lots.restore(transfer, restores)
        if expires_at:
            lots.open_lot(transfer, credit.owner_id, expires_at)
    if repays and credit.kind in (Kind.WALLET, Kind.OWED):
        _arrive(transfer, credit)
    return transfer


def _write_once(debit, credit, *, key, amount, **more):
    """The first one, when its key has moved."""
    done = Transfer.objects.filter(key=key).first()
    if done:
        return _same(done, debit, credit, amount)
    return _write(debit, credit, key=key, amount=amount, **more)


def _arrive(transfer, account):
    """What came into a wallet pays a debt first; what came to nobody goes on."""
    # Always after the account, which whoever records a debt or leaves holds as well:
    # so the owner is read as they are.
    found = (
        LedgerAccount.objects.select_for_update(no_key=True, of=("self",))
        .select_related("owner")
        .filter(
            Q(pk=account.pk) | Q(kind=Kind.OWED, balance__gt=0),
            owner=account.owner_id,
            currency=transfer.currency,
        )
    )
    (itself,) = [each for each in found if each.pk == account.pk]
    for debt in found:
        if account.kind == Kind.WALLET and debt != itself:
            _repay(transfer, account, debt)
    if itself.owner.is_closed:
        _pass_on(transfer, account)


def _repay(transfer, wallet, debt):
    lender = _lock(transfer.currency, (None, LENDER))[(None, LENDER)]
    key = f"{_REPAYMENT}{transfer.key}"
    for name, account in ((key, wallet), (f"{key}:owed", debt)):
        _write(
            account,
            lender,
            key=name,
            amount=min(debt.balance, transfer.amount),
            currency=transfer.currency,
            kind="repayment",
            reason="Paid back what was owed",
            reference=transfer.reference,
        )


def _pass_on(transfer, account):
    """A refund or a claim that comes late finds nobody: it is the shop's, at once."""
    shop = (None, Kind.CLOSED)
    _write(
        account,
        _lock(transfer.currency, shop)[shop],
        key=f"closed:{transfer.key}",
        amount=transfer.amount,
        currency=transfer.currency,
        kind="forfeit" if account.kind == Kind.WALLET else "closed",
        reason="Came after the account was closed",
        reference=transfer.reference,
    )


def _same(done, debit, credit, amount):
    wanted = (debit.pk, credit.pk, amount)
    if (done.debit_id, done.credit_id, done.amount) != wanted:
        raise KeyReused(done.key)
    return done
