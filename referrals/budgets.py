"""What a campaign may promise in one currency; the CHECK of its row is the limit."""

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Sum
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from referrals.models import Budget, Campaign, MilestoneReward, Reward
from shop.kit import mail

WARNS_AT = 80  # percent


class Exhausted(Exception):
    """The budget has no room for this promise."""


class TooLow(Exception):
    """A limit below what is promised already."""


def lock(campaign_id: int, currency: str) -> Budget | None:
    """The budget, held until the transaction ends; None when there is no limit."""
    rows = Budget.objects.select_for_update(no_key=True)
    return rows.filter(campaign=campaign_id, currency=currency).first()


def keep_first_away(invitee_id: int | None) -> None:
    """Until the transaction ends nobody gives this friend's campaign its first budget,
    who would count without seeing what is promised here.

    Any number of settlements share it. Only PostgreSQL has two writers at once.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM referrals_campaign WHERE id IN ("
            "  SELECT terms.campaign_id FROM referrals_attribution attribution"
            "  JOIN referrals_terms terms ON terms.id = attribution.terms_id"
            "  WHERE attribution.invitee_id = %s"
            ") FOR KEY SHARE",
            [invitee_id],
        )


def take(budget: Budget | None, amount: int) -> None:
    """Promise an amount. Raises Exhausted. Staff are told once at 80 %."""
    if budget is None:
        return
    room = Budget.objects.filter(
        pk=budget.pk, amount_limit__gte=F("amount_committed") + amount
    )
    if not room.update(amount_committed=F("amount_committed") + amount):
        raise Exhausted(str(budget))
    budget.refresh_from_db()
    _warn(budget)


def give_back(budget: Budget | None, amount: int) -> None:
    """What was promised does not come about, or came back."""
    if budget is None or not amount:
        return
    Budget.objects.filter(pk=budget.pk).update(
        amount_committed=F("amount_committed") - amount
    )


def set_limit(campaign: Campaign, currency: str, limit: int) -> Budget:
    """Give a campaign a budget, or another limit; what is promised is counted.

    Raises TooLow. Below 80 % of the new limit, staff are warned again when it is
    reached.
    """
    with transaction.atomic():
        # The strongest lock there is, or settlements would not wait: they promise
        # beside a budget that they cannot see yet.
        Campaign.objects.select_for_update().get(pk=campaign.pk)
        promised = committed(campaign.pk, currency)
        if limit < promised:
            raise TooLow(promised)
        budget, _ = Budget.objects.select_for_update(no_key=True).get_or_create(
            campaign=campaign,
            currency=currency,
            defaults={"amount_limit": limit, "amount_committed": promised},
        )
        budget.amount_limit, budget.warned_at = limit, None
        budget.save(update_fields=["amount_limit", "warned_at"])
        _warn(budget)
    return budget


def committed(campaign_id: int, currency: str) -> int:
    """What the rows of a campaign's rewards come to, promised or paid."""
    rewards = Reward.objects.live().filter(
        attribution__terms__campaign=campaign_id, currency=currency
    )
    milestones = MilestoneReward.objects.filter(
        campaign=campaign_id,
        currency=currency,
        state=MilestoneReward.State.AVAILABLE,
    )
    first = rewards.aggregate(total=Sum(F("amount") - F("amount_reversed")))["total"]
    return (first or 0) + (milestones.aggregate(total=Sum("amount"))["total"] or 0)


def recount(budget_id: int) -> str:
    """Set what is promised to the sum of the rewards; says what it was."""
    with transaction.atomic():
        budget = Budget.objects.select_for_update(no_key=True).get(pk=budget_id)
        before = budget.amount_committed
        budget.amount_committed = committed(budget.campaign_id, budget.currency)
        budget.save(update_fields=["amount_committed"])
    return f"{budget}: {before} became {budget.amount_committed}."


def _warn(budget):
    used = budget.amount_committed * 100
    is_low = used and used >= budget.amount_limit * WARNS_AT
    if budget.warned_at or not is_low:
        return
    budget.warned_at = timezone.now()
    budget.save(update_fields=["warned_at"])
    page = reverse("admin:referrals_budget_change", args=[budget.pk])
    for person in User.objects.filter(is_superuser=True, is_active=True):
        mail.write(
            "budget_low",
            f"budget:{budget.pk}:{budget.amount_limit}:{person.pk}",
            person.email,
            "budget_low",
            {"budget": budget, "page_url": settings.SITE_URL + page},
        )
