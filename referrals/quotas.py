"""Caps: how many rewards an inviter may have in a day, a month, a year, for ever.

Each period has a row whose CHECK is the cap. A reward that is void or taken back has
left its place to the next one; what staff granted by their word takes none.
"""

from datetime import date
from functools import reduce
from operator import or_

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User
from orders.models import Order
from referrals.models import Campaign, InviterQuota, Reward, Terms

Period = InviterQuota.Period

# "For ever" has a first day, too: the row is found by it.
BEGINNING = date(1970, 1, 1)
NO_CAP = 2_147_483_647  # what the column holds


class OverCap(Exception):
    """The inviter's place in some period is taken."""


def lock(inviter: User, campaign: Campaign) -> None:
    """Let nobody else settle for this inviter until the transaction ends.

    The row of all times counts every reward; locked first, it makes counts of friends
    true for whoever holds it.
    """
    rows = InviterQuota.objects.select_for_update(no_key=True).filter(
        inviter=inviter,
        campaign=campaign,
        period=Period.LIFE,
        starts_on=BEGINNING,
    )
    if rows.first():
        return
    try:
        with transaction.atomic():
            _row(inviter, campaign, Period.LIFE, BEGINNING, NO_CAP).save()
    except IntegrityError:  # somebody else opened it a moment ago
        rows.get()


def take(terms: Terms, inviter: User, order: Order) -> None:
    """One place in every period of the order's day. Raises OverCap, taking none.

    The caller holds `lock`; the database refuses a place too many even without it.
    """
    found = _used(terms, inviter)
    new, old = [], []
    for period, starts_on, most in periods_of(terms, order):
        row = found.get((period, starts_on))
        if (row.used if row else 0) >= most:
            raise OverCap(period)
        if row is None:
            new.append(_row(inviter, terms.campaign, period, starts_on, most, used=1))
            continue
        old.append(row.pk)
        if row.most < most:  # friends of one inviter may have joined under two caps
            row.most = most
            row.save(update_fields=["most"])
    try:
        with transaction.atomic():
            InviterQuota.objects.bulk_create(new)
            InviterQuota.objects.filter(pk__in=old).update(used=F("used") + 1)
    except IntegrityError as error:
        raise OverCap(str(error)) from error


def is_free(terms: Terms, inviter: User, order: Order) -> bool:
    """Whether `take` would find a place now."""
    found = _used(terms, inviter)
    return all(
        (period, starts_on) not in found or found[(period, starts_on)].used < most
        for period, starts_on, most in periods_of(terms, order)
    )


def give_back(reward: Reward, terms: Terms) -> None:
    """The places that `take` took for a reward; none, if staff granted it."""
    if reward.waived_at:
        return
    taken = [
        Q(period=period, starts_on=starts_on)
        for period, starts_on, _ in periods_of(terms, reward.order)
    ]
    InviterQuota.objects.filter(
        reduce(or_, taken), inviter=reward.recipient, campaign=terms.campaign_id
    ).update(used=F("used") - 1)


def periods_of(terms: Terms, order: Order) -> list[tuple[Period, date, int]]:
    """Each cap with the first day of its period.

    The day that counts is the one on which the order was paid, by the shop's clock: so
    it is the same, however late it is settled.
    """
    zone = timezone.get_default_timezone()
    day = timezone.localtime(order.confirmed_at, zone).date()
    capped = [
        (Period.DAY, day, terms.cap_per_day),
        (Period.MONTH, day.replace(day=1), terms.cap_per_month),
        (Period.YEAR, day.replace(month=1, day=1), terms.cap_per_year),
    ]
    life = NO_CAP if terms.cap_for_life is None else terms.cap_for_life
    return [
        *(each for each in capped if each[2] is not None),
        (Period.LIFE, BEGINNING, life),
    ]


def _used(terms, inviter):
    rows = InviterQuota.objects.filter(inviter=inviter, campaign=terms.campaign_id)
    return {(Period(row.period), row.starts_on): row for row in rows}


def _row(inviter, campaign, period, starts_on, most, used=0):
    return InviterQuota(
        inviter=inviter,
        campaign=campaign,
        period=period,
        starts_on=starts_on,
        most=most,
        used=used,
    )
