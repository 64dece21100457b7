"""What people of the staff did by hand on one day, told to the owner the next morning.

Four eyes guard single acts; this lets somebody see the pattern of many small ones.
"""

from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.utils import timezone

from accounts.models import Transfer, User
from referrals.models import Block, Claim, GrantWord, ReviewDecision
from shop.kit import mail
from shop.kit.money import format_money


def acts_of(day: date) -> list[str]:
    """One sentence for each, by the shop's own calendar day. Five queries."""
    start = timezone.make_aware(datetime.combine(day, time.min))
    within = (start, start + timedelta(days=1, microseconds=-1))
    return [
        *_decisions(within),
        *_blocks(within),
        *_granted(within),
        *_attributed(within),
        *_moved(within),
    ]


def report(day: date) -> int:
    """Write the owners a mail about a day; how many acts it tells of.

    A day without any is no mail. Safe to repeat.
    """
    acts = acts_of(day)
    if acts:
        for owner in User.objects.filter(is_superuser=True, is_active=True):
            mail.write(
                "staff_acts",
                f"day:{day}:{owner.pk}",
                owner.email,
                "staff_acts",
                {"day": day, "acts": acts, "admin_url": _admin_url()},
            )
    return len(acts)


def _decisions(within):
    said = ReviewDecision.objects.filter(
        created_at__range=within, decided_by__isnull=False
    ).select_related("decided_by", "case__attribution__invitee")
    for each in said:
        friend = each.case.attribution.invitee
        yield f"{each.decided_by}: {each.get_verdict_display()} {friend}. {each.reason}"


def _blocks(within):
    made = Block.objects.filter(created_at__range=within).select_related("blocked_by")
    for each in made:
        yield f"{each.blocked_by}: blocked {each}. {each.reason}"


def _granted(within):
    words = GrantWord.objects.filter(created_at__range=within)
    whole = ["said_by", "reward__recipient", "reward__order"]
    for each in words.select_related(*whole).order_by("pk"):
        reward = each.reward
        amount = format_money(reward.amount, reward.currency)
        waits = " It waits for another person." if reward.waived_at is None else ""
        yield (
            f"{each.said_by}: granted {amount} to {reward.recipient} for order "
            f"{reward.order}. {each.because}{waits}"
        )


def _attributed(within):
    said = Claim.objects.filter(created_at__range=within, actor__isnull=False)
    for each in said.select_related("actor", "invitee", "link__owner"):
        yield f"{each.actor}: {each.invitee} came by {each.link}. {each.note}".strip()


def _moved(within):
    moved = Transfer.objects.filter(created_at__range=within, actor__is_staff=True)
    whole = ["actor", "debit__owner", "credit__owner", "adjustment__decided_by"]
    for each in moved.select_related(*whole).order_by("pk"):
        amount = format_money(each.amount, each.currency)
        way = f"{each.debit} to {each.credit}"
        yield f"{each.actor}: moved {amount}, {way}. {_why(each)}"


def _why(transfer):
    """What staff said to each other, where a member reads something kinder."""
    adjustment = getattr(transfer, "adjustment", None)
    if adjustment is None:
        return transfer.reason
    by = adjustment.decided_by
    return f"{adjustment.reason} (confirmed by {by})" if by else adjustment.reason


def _admin_url():
    return f"{settings.SITE_URL}/{settings.ADMIN_PATH}"
