"""What staff give a member or take from them by hand: a transfer with a reason.

Nobody adjusts their own balance. Each person has a limit a day, by their role; where a
member's adjustments of one day come to much, another person has to confirm.
"""

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import colleagues, ledger
from accounts.models import Adjustment, User
from shop.kit.money import format_money

Kind = ledger.Kind


class Refused(Exception):
    """It cannot be done, and the message says why."""


class OwnAffair(Refused):
    """Nobody adjusts or confirms what is their own."""


class OverLimit(Refused):
    """More than this person may move in a day."""


class NotWaiting(Refused):
    """It was decided already; the message says by whom and when."""


class TooLittle(Refused):
    """The member's balance is lower than what would be taken."""


class Gone(Refused):
    """The member has closed the account: there is nobody to give to or take from."""


def ask(
    *,
    owner: User,
    amount: int,
    is_credit: bool,
    currency: str,
    reason: str,
    words: str,
    token: str,
    actor: User,
) -> Adjustment:
    """Give (`is_credit`) or take `amount` minor units; large ones wait for another.

    `reason` is for the shop, `words` are what the member reads. One `token` is one
    adjustment: whoever asks twice gets the first. Raises OwnAffair, OverLimit, Gone and
    TooLittle; then nothing has changed.
    """
    if owner == actor:
        raise OwnAffair("Nobody adjusts their own balance. Ask a colleague.")
    with transaction.atomic():
        # Sums of a day are true for whoever holds both rows.
        people = User.objects.select_for_update(no_key=True).order_by("pk")
        found = {each.pk: each for each in people.filter(pk__in=[owner.pk, actor.pk])}
        done = Adjustment.objects.filter(token=token).first()
        if done:
            return done
        _still_here(found[owner.pk])
        _within_limit(actor, amount, currency)
        today = _today().filter(owner=owner, currency=currency)
        made = Adjustment.objects.create(
            owner=owner,
            amount=amount,
            is_credit=is_credit,
            currency=currency,
            reason=reason,
            words=words,
            token=token,
            asked_by=actor,
            needs_two=_sum(today) + amount > settings.ADJUSTMENT_TWO_PEOPLE_FROM,
        )
        if not made.needs_two:
            _post(made)
    return made


def confirm(adjustment_id: int, *, actor: User) -> Adjustment:
    """Another person says the same: it is posted. Raises OwnAffair, NotWaiting, Gone
    and TooLittle; then nothing has changed."""
    with transaction.atomic():
        # Whoever closes an account holds its row, and comes before us or after.
        asked = Adjustment.objects.filter(pk=adjustment_id)
        people = User.objects.select_for_update(no_key=True)
        owner = people.get(pk__in=asked.values("owner"))
        waiting = _waiting(adjustment_id)
        if actor.pk in (waiting.owner_id, waiting.asked_by_id):
            raise OwnAffair("Another person has to confirm it.")
        _still_here(owner)
        waiting.decided_by = actor
        _post(waiting)
    return waiting


def refuse(adjustment_id: int, *, actor: User, reason: str) -> Adjustment:
    """It is not done, by another person's word or by that of who asked.

    Raises OwnAffair and NotWaiting.
    """
    with transaction.atomic():
        waiting = _waiting(adjustment_id)
        if actor.pk == waiting.owner_id:
            raise OwnAffair("Nobody decides about their own balance.")
        waiting.decided_by, waiting.refused_because = actor, reason
        waiting.decided_at = timezone.now()
        waiting.save(update_fields=["decided_by", "refused_because", "decided_at"])
    return waiting


def limit_of(actor: User) -> int | None:
    """What a person may move in a day, in minor units; None without a limit.

    The highest of their groups' that `ADJUSTMENT_LIMITS` names, else the limit of all.
    """
    if actor.is_superuser:
        return None
    roles = actor.groups.values_list("name", flat=True)
    limits = settings.ADJUSTMENT_LIMITS
    found = [limits[role] for role in roles if role in limits]
    return max(found, default=settings.ADJUSTMENT_LIMIT)


def moved_today(actor: User, currency: str) -> int:
    """What a person has asked for since midnight and was not refused."""
    return _sum(_today().filter(asked_by=actor, currency=currency))


def _within_limit(actor, amount, currency):
    limit = limit_of(actor)
    if limit is None:
        return
    left = limit - moved_today(actor, currency)
    if amount > left:
        shown = format_money(max(0, left), currency)
        raise OverLimit(f"That is more than you may move today: {shown} are left.")


def _still_here(owner):
    """The caller holds the owner's row, and read it under that lock."""
    if owner.is_closed:
        raise Gone("This account was closed by its owner: there is nobody to adjust.")


def _today():
    """What was asked for today and not refused, by the shop's own calendar."""
    midnight = timezone.localtime(
        timezone.now(), timezone.get_default_timezone()
    ).replace(hour=0, minute=0, second=0, microsecond=0)
    return Adjustment.objects.filter(asked_at__gte=midnight, refused_because="")


def _sum(rows):
    return rows.aggregate(total=Sum("amount", default=0))["total"]


def _waiting(adjustment_id):
    row = Adjustment.objects.select_for_update(no_key=True, of=("self",)).get(
        pk=adjustment_id
    )
    if row.decided_at:
        raise NotWaiting(f"{_by_whom(row)} Nothing was done by you.")
    return row


def _by_whom(row):
    done = "refused" if row.refused_because else "confirmed"
    if row.decided_by_id in (None, row.asked_by_id):
        done = "called off" if row.refused_because else "done"
    return colleagues.already(done, row.decided_by or row.asked_by, row.decided_at)


def _post(row):
    pots = (None, Kind.GOODWILL), (row.owner, Kind.WALLET)
    debit, credit = pots if row.is_credit else pots[::-1]
    try:
        row.transfer = ledger.post(
            key=f"adjustment:{row.pk}",
            debit=debit,
            credit=credit,
            amount=row.amount,
            currency=row.currency,
            kind="adjustment",
            reason=row.words,
            actor=row.asked_by,
        )
    except ledger.InsufficientBalance as error:
        held = format_money(ledger.balance(row.owner, row.currency), row.currency)
        raise TooLittle(f"The balance holds only {held}.") from error
    row.decided_at = timezone.now()
    row.save(update_fields=["transfer", "decided_by", "decided_at"])
