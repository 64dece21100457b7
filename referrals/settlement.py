"""`settle(order)`: read every fact, compute what is due, write the difference.

Webhooks, the sweep and the release of due rewards all come here, any number of times
and in any order. Duplicated, late or concurrent calls cannot matter: the decision
depends on facts alone.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from orders.models import Dispute, Order, OrderEvent, Payment, Refund
from referrals import discounts, rewards
from referrals.models import Attribution, Reward, Settlement

logger = logging.getLogger("tandem.referrals")

State = Reward.State

# What was paid is taken back for these alone: the order itself came undone.
TAKES_BACK = {"cancelled", "dispute_lost", "refunded", "partly_refunded"}


@dataclass(frozen=True)
class Facts:
    """Everything that the decision about one order depends on.

    Amounts in minor units.
    """

    now: datetime
    is_confirmed: bool
    is_cancelled: bool
    is_held: bool
    amount_due: int
    amount_received: int
    amount_basis: int
    amount_goods_paid: int
    amount_refunded_goods: int
    is_disputed: bool
    is_lost: bool
    currency: str
    placed_at: datetime
    confirmed_at: datetime | None
    is_first: bool
    is_rewarded_elsewhere: bool
    attribution_status: str
    has_inviter: bool
    is_inviter_active: bool
    order_ends_at: datetime
    terms_currency: str
    amount_minimum: int
    amount_reward: int
    hold_days: int


@dataclass(frozen=True)
class Desired:
    """What ought to be: a reward in some state, or none (`void`) and why not.

    With `is_frozen` what is unspent of a paid reward can not be spent.
    """

    state: State
    reason: str = ""
    available_at: datetime | None = None
    is_frozen: bool = False


def desired(facts: Facts) -> Desired:
    """The decision, from facts alone: no query, no clock."""
    against = _against(facts)
    if against:
        return Desired(State.VOID, against, is_frozen=facts.is_disputed)
    available_at = facts.confirmed_at + timedelta(days=facts.hold_days)
    waits = facts.is_held or facts.is_disputed or facts.now < available_at
    state = State.PENDING if waits else State.AVAILABLE
    return Desired(state, "", available_at, is_frozen=facts.is_disputed)


def _against(facts):
    reasons = [
        (facts.is_cancelled, "cancelled"),
        (not facts.is_confirmed, "not_confirmed"),
        (facts.is_lost, "dispute_lost"),
        (_is_returned(facts), "refunded"),
        (facts.attribution_status == Attribution.Status.VOID, "attribution_void"),
        (facts.attribution_status == Attribution.Status.PROVISIONAL, "not_verified"),
        (facts.amount_received < facts.amount_due, "not_paid"),
        (facts.currency != facts.terms_currency, "other_currency"),
        (facts.placed_at >= facts.order_ends_at, "too_late"),
        (not facts.is_first, "not_first_order"),
        (facts.is_rewarded_elsewhere, "already_rewarded"),
        (facts.amount_basis < facts.amount_minimum, "below_minimum"),
        (_remaining(facts) < facts.amount_minimum, "partly_refunded"),
        (not facts.has_inviter, "no_inviter"),
        (not facts.amount_reward, "no_reward_promised"),
        (not facts.is_inviter_active, "inviter_gone"),
    ]
    return next((reason for holds, reason in reasons if holds), "")


def _is_returned(facts):
    return 0 < facts.amount_goods_paid <= facts.amount_refunded_goods


def _remaining(facts):
    """The basis that is left: money goes back to the card first, so it counts whole."""
    return facts.amount_basis - facts.amount_refunded_goods


def settle(order: Order | int) -> Settlement | None:
    """Make an order's reward what it ought to be; None if nobody brought the customer.

    Safe to repeat and to race.
    """
    order_id = order if isinstance(order, int) else order.pk
    with transaction.atomic():
        # What was read before these locks is gossip.
        order = (
            Order.objects.select_for_update(no_key=True, of=("self",))
            .select_related("referral_settlement")
            .get(pk=order_id)
        )
        attribution = _attribution_of(order, lock=True)
        if attribution is None:
            return None
        reward = _reward_of(order, attribution)
        wanted = desired(_facts(order, attribution))
        reward = _make_so(order, attribution, reward, wanted)
        _freeze_or_thaw(reward, wanted)
        before = getattr(order, "referral_settlement", None)
        settlement, _ = Settlement.objects.update_or_create(
            order=order,
            defaults={
                "attribution": attribution,
                "reward": reward,
                "reason": wanted.reason,
                "last_event": _last_event(order),
                "settled_at": timezone.now(),
            },
        )
        if before and before.reason != wanted.reason:
            _settle_others(order)
    return settlement


def preview(order: Order) -> tuple[Desired, str] | None:
    """What `settle` would want, and the state of the reward now.

    Writes and locks nothing.
    """
    attribution = _attribution_of(order)
    if attribution is None:
        return None
    reward = Reward.objects.filter(attribution=attribution, order=order).first()
    return desired(_facts(order, attribution)), reward.state if reward else "none"


def foresee(
    order: Order, *, goods: int, cancels: bool
) -> tuple[Desired, Reward] | None:
    """What `settle` would want of the reward if so much more of the goods went back.

    None without a reward. Writes and locks nothing.
    """
    attribution = _attribution_of(order)
    reward = (
        attribution
        and Reward.objects.filter(attribution=attribution, order=order)
        .select_related("recipient")
        .first()
    )
    if not reward:
        return None
    facts = _facts(order, attribution)
    after = replace(
        facts,
        is_cancelled=facts.is_cancelled or cancels,
        amount_refunded_goods=facts.amount_refunded_goods + goods,
    )
    return desired(after), reward


def outdated() -> QuerySet[Order]:
    """Orders of invited people that were never settled, or not since the last news."""
    news = OrderEvent.objects.filter(
        order=OuterRef("pk"), pk__gt=OuterRef("referral_settlement__last_event")
    )
    never = Q(status=Order.Status.CONFIRMED, referral_settlement=None)
    invited = Order.objects.filter(user__attribution__isnull=False)
    return invited.filter(never | Exists(news)).order_by("pk")


def release_due(now: datetime | None = None) -> int:
    """Settle the orders whose rewards waited long enough; how many were released."""
    due = Reward.objects.due(now or timezone.now()).order_by("available_at")
    # Bound before the loop: what is held for a look stays due, and would come again.
    return sum(
        _released(order_id) for order_id in list(due.values_list("order", flat=True))
    )


def settle_all(orders: QuerySet[Order]) -> int:
    """Settle many orders, one transaction each; how many succeeded.

    A failure stops no other.
    """
    return sum(
        _settled(order_id) for order_id in list(orders.values_list("pk", flat=True))
    )


def _settle_others(order):
    """Another order may be the first that counts now: the worker looks at each."""
    from referrals import jobs  # they call us

    others = Order.objects.confirmed().filter(user=order.user_id).exclude(pk=order.pk)
    for pk in others.values_list("pk", flat=True):
        jobs.settle.enqueue(pk)


def _settled(order_id):
    try:
        settle(order_id)
    except Exception:
        logger.exception("order %s could not be settled", order_id)
        return False
    return True


def _released(order_id):
    if not _settled(order_id):
        return False
    return Reward.objects.filter(order=order_id, state=State.AVAILABLE).exists()


def _reward_of(order, attribution):
    """It knows the rows that are read already, so that no verb reads them again."""
    reward = Reward.objects.filter(attribution=attribution, order=order).first()
    if reward:
        reward.order, reward.attribution = order, attribution
        reward.recipient = attribution.inviter
    return reward


def _make_so(order, attribution, reward, wanted):
    """Write the difference between the reward there is and the one wanted."""
    if wanted.state == State.VOID:
        if reward and reward.state == State.PENDING:
            rewards.void(reward, wanted.reason)
        elif reward and reward.state == State.AVAILABLE and wanted.reason in TAKES_BACK:
            rewards.reverse(reward, wanted.reason)
        return reward
    if reward is None:
        reward = rewards.promise(order, attribution, wanted.available_at)
    elif reward.state == State.VOID:
        rewards.reopen(reward, wanted.available_at)
    if wanted.state == State.AVAILABLE and reward.state == State.PENDING:
        rewards.release(reward)
    elif wanted.state == State.AVAILABLE and reward.state == State.REVERSED:
        rewards.restore(reward)
    return reward


def _freeze_or_thaw(reward, wanted):
    """While a bank questions the payment, nobody spends what was earned by it."""
    if not reward or reward.state not in (State.PENDING, State.AVAILABLE):
        return
    if wanted.is_frozen and not reward.frozen_at:
        rewards.freeze(reward)
    elif reward.frozen_at and not wanted.is_frozen:
        rewards.thaw(reward)


def _attribution_of(order, lock=False):
    if order.user_id is None:
        return None
    rows = Attribution.objects.filter(invitee=order.user_id)
    if lock:
        rows = rows.select_for_update(of=("self",), no_key=True)
    return rows.select_related("terms", "inviter", "invitee").first()


def _facts(order, attribution):
    earlier = Order.objects.confirmed().filter(user=order.user_id).exclude(pk=order.pk)
    if order.confirmed_at:
        earlier = earlier.filter(
            Q(confirmed_at__lt=order.confirmed_at)
            | Q(confirmed_at=order.confirmed_at, pk__lt=order.pk)
        )
    elsewhere = (
        Reward.objects.live().filter(attribution=attribution).exclude(order=order)
    )
    promotions = order.discounts.exclude(source=discounts.SOURCE)
    paid = order.payments.filter(status=Payment.Status.PAID)
    received = _sum(paid, "amount_received")
    disputes = Dispute.objects.filter(payment__order=order).aggregate(
        open=Count("pk", filter=Q(closed_at=None)),
        lost=Count("pk", filter=Q(status="lost")),
    )
    return Facts(
        now=timezone.now(),
        is_confirmed=order.status == Order.Status.CONFIRMED,
        is_cancelled=order.confirmed_at is not None
        and order.status == Order.Status.CANCELLED,
        is_held=order.held_at is not None,
        amount_due=order.amount_due,
        amount_received=received,
        amount_basis=order.amount_goods
        - _sum(promotions, "amount")
        - order.amount_balance,
        amount_goods_paid=order.amount_goods - order.amount_discount,
        amount_refunded_goods=_refunded_goods(order, received),
        is_disputed=disputes["open"] > 0,
        is_lost=disputes["lost"] > 0,
        currency=order.currency,
        placed_at=order.placed_at,
        confirmed_at=order.confirmed_at,
        is_first=not earlier.exists(),
        is_rewarded_elsewhere=elsewhere.exists(),
        attribution_status=attribution.status,
        has_inviter=attribution.inviter is not None,
        is_inviter_active=attribution.inviter is not None
        and attribution.inviter.is_active,
        order_ends_at=attribution.order_ends_at,
        terms_currency=attribution.terms.currency,
        amount_minimum=attribution.terms.minimum_amount,
        amount_reward=attribution.terms.inviter_amount,
        hold_days=attribution.terms.hold_days,
    )


def _refunded_goods(order, received):
    """What went back for the goods; money beyond what was due never was for them."""
    accepted = order.refunds.filter(accepted_at__isnull=False)
    standing = Q(state__in=[Refund.State.PENDING, Refund.State.SUCCEEDED])
    sums = accepted.order_by().aggregate(
        card=Sum("amount_card", filter=standing),
        shipping=Sum("amount_shipping", filter=standing),
        balance=Sum("amount_balance"),
    )
    card, shipping, balance = (
        sums[key] or 0 for key in ("card", "shipping", "balance")
    )
    card = max(0, card - max(0, received - order.amount_due))
    return max(0, card + balance - shipping)


def _sum(rows, field):
    return rows.aggregate(total=Sum(field))["total"] or 0


def _last_event(order):
    # Under the order's lock: whoever writes events about it holds the same one.
    return order.events.aggregate(last=Max("pk"))["last"] or 0
