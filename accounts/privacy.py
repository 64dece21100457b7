"""What the shop knows of a person, for them to take along, and the way to leave.

Rooms of other apps that know something more are named by `PRIVACY_ROOMS` in settings:
each has `export(user)`, `erase(user)` and `pending(user)`. What the law has a shop
keep, orders and the movements of money, stays.
"""

from collections import Counter
from datetime import datetime
from importlib import import_module

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Q

from accounts import authenticators, ledger, statements
from accounts.models import User
from shop.kit import mail

Kind = ledger.Kind


class NotYet(Exception):
    """The account cannot be closed now; the message is for its owner."""


class BalanceChanged(Exception):
    """The balance is another one than its owner agreed to give up."""


def export(user: User) -> dict:
    """Everything kept about a person, as plain JSON, by room. Amounts in minor units.

    Of other people there is nothing in it but that they exist.
    """
    found = {
        "account": {
            "email": user.email,
            "name": user.name,
            "named_to_friends": user.shows_name,
            "joined_at": _text(user.date_joined),
        },
        "sign_in": {
            "addresses": list(
                EmailAddress.objects.filter(user=user).values("email", "verified")
            ),
            "providers": list(
                SocialAccount.objects.filter(user=user).values("provider", "uid")
            ),
            "authenticators": authenticators.export(user),
        },
        "address_book": list(
            user.addresses.values(
                *["name", "company", "street", "city", "district", "region"],
                *["postal_code", "country"],
            )
        ),
        "balance": _movements(user, Kind.WALLET, "balance_after"),
        "owed": _movements(user, Kind.OWED, "owed_after"),
    }
    for room in _rooms():
        found |= room.export(user)
    return found


def leaves_behind(user: User) -> dict[str, int]:
    """What is in a person's wallets, by currency: closing the account gives it up."""
    wallets = user.ledger_accounts.filter(kind=Kind.WALLET, balance__gt=0)
    return dict(wallets.values_list("currency", "balance"))


def on_the_way(user: User) -> dict[str, int]:
    """What a person would have got and does not get once the account is closed."""
    sums: Counter[str] = Counter()
    for room in _rooms():
        sums.update(room.pending(user))
    return dict(sums)


def close(user: User, *, gives_up: dict[str, int]) -> None:
    """Erase a person; what they did not spend and what they owed ends with them.

    `gives_up` is what they were shown. Raises NotYet and BalanceChanged; then nothing
    has happened. Safe to repeat.
    """
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if user.is_closed:
            return
        if user.is_staff:
            raise NotYet("An account of the staff is closed by another one of them.")
        if _has(user, Kind.HELD):
            raise NotYet("An order waits for its payment. Pay or cancel it first.")
        if _has(user, Kind.FROZEN):
            raise NotYet("A part of your balance is on hold while we check a payment.")
        for room in _rooms():
            room.erase(user)
        ledger.lock(user)
        if leaves_behind(user) != gives_up:
            raise BalanceChanged
        _empty(user, Kind.WALLET, "forfeit", "Given up with the account")
        _empty(user, Kind.OWED, "closed", "Owed when the account was closed")
        _anonymise(user)


def _empty(user, account, kind, reason):
    pots = user.ledger_accounts.filter(kind=account, balance__gt=0)
    for currency, amount in list(pots.values_list("currency", "balance")):
        ledger.post(
            key=f"{kind}:{user.pk}:{currency}",
            debit=(user, account),
            credit=(None, Kind.CLOSED),
            amount=amount,
            currency=currency,
            kind=kind,
            reason=reason,
        )


def _anonymise(user):
    _forget_words(user)
    EmailAddress.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
    authenticators.forget(user)
    user.addresses.all().delete()
    user.email, user.name = User.closed_email(user.pk), ""
    user.shows_name = user.is_active = False
    user.name_hidden_at = None
    user.set_unusable_password()  # every session of theirs ends with it
    user.save()


def _forget_words(user):
    """Mails to this person, and what the admin's log calls them."""
    named = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
    for address in {user.email, *named}:
        mail.forget(Q(recipient__iexact=address))
        LogEntry.objects.filter(object_repr__icontains=address).update(
            object_repr="A former customer"
        )
        LogEntry.objects.filter(change_message__icontains=address).update(
            change_message=""
        )


def _has(user, kind):
    return user.ledger_accounts.filter(kind=kind, balance__gt=0).exists()


def _movements(user, kind, after):
    """What moved in one kind of account, by currency; `after` names the sum then."""
    return [
        {
            "at": _text(line.created_at),
            "amount": line.amount,
            after: line.balance_after,
            "currency": currency,
            "reason": line.reason,
            "order": line.reference,
        }
        for currency in _currencies(user)
        for line in statements.of(user, currency, kind)
    ]


def _currencies(user):
    accounts = user.ledger_accounts.filter(kind__in=[Kind.WALLET, Kind.OWED])
    found = accounts.order_by("currency").values_list("currency", flat=True)
    return list(found.distinct())


def _rooms():
    return [import_module(path) for path in settings.PRIVACY_ROOMS]


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
