"""Everything that the decision about one order depends on, read in one place."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from orders.models import (
    Dispute,
    Order,
    OrderDiscount,
    Payment,
    Refund,
)
from referrals import basis, discounts, plugins
from referrals.models import Attribution, Exclusion, ReviewCase, Reward, Terms

# Reasons of a counter, not of the order: they stand until staff say otherwise, for
# what a place was free for later must not depend on who was looked at again.
OUT_OF_ROOM = {"over_cap", "budget_exhausted"}


@dataclass(frozen=True)
class Facts:
    """About one order of an invited person. Amounts in minor units.

    `terms` are those that hold for the order's currency, None when there are none.
    `delivered_at` is asked only where they wait for it.
    `place` counts the friend's orders before this one, as the terms count them.
    """

    now: datetime
    currency: str
    placed_at: datetime
    confirmed_at: datetime | None
    is_confirmed: bool
    is_cancelled: bool
    is_held: bool
    is_disputed: bool
    is_lost: bool
    amount_due: int
    amount_received: int
    amount_basis: int
    amount_goods_paid: int
    amount_balance: int
    amount_refunded_goods: int
    amount_refunded_basis: int
    terms: Terms | None
    joined_at: datetime
    attribution_status: str
    review: str
    is_blocked: bool
    has_inviter: bool
    is_inviter_active: bool
    is_friend_active: bool
    is_friend_staff: bool
    is_paused: bool
    place: int
    rewarded_elsewhere: int
    friends_paying: int
    was_inviter_paid: bool
    amount_promised: int
    out_of_room: str
    is_waived: bool
    delivered_at: datetime | None

    @property
    def amount_remaining(self) -> int:
        """What still counts, before the welcome gift as the basis is: money goes back
        to the card first, so it counts whole."""
        return self.amount_basis - self.amount_refunded_basis


def read(
    order: Order,
    attribution: Attribution,
    rules: Terms | None,
    *,
    exclusions: list[Exclusion],
    rewards: list[Reward],
    place: int = 0,
    is_blocked: bool = False,
    sums: dict[str, int] | None = None,
    more: int = 0,
) -> Facts:
    """The facts about one order as they are now; the caller holds what must not move.

    `rewards` are all of this friend's. `place` and `is_blocked` are known to whoever
    has looked at the friend's other orders and at the blocks, `sums` to whoever asked
    for those of many orders at once. `more` is what is to go back of the goods beside
    what has.
    """
    reward = next((each for each in rewards if each.order_id == order.pk), None)
    others = [each for each in rewards if each.order_id != order.pk]
    sums = sums or sums_of([order])[order.pk]
    refunded = _refunded_goods(order, sums) + more
    counted = basis.of(order, sums, exclusions, refunded)
    friends, was_paid = _friends(attribution, rules)
    review = getattr(attribution, "review", None)
    inviter = attribution.inviter
    return Facts(
        now=timezone.now(),
        currency=order.currency,
        placed_at=order.placed_at,
        confirmed_at=order.confirmed_at,
        is_confirmed=order.status == Order.Status.CONFIRMED,
        is_cancelled=order.confirmed_at is not None
        and order.status == Order.Status.CANCELLED,
        is_held=order.held_at is not None,
        is_disputed=sums["open_disputes"] > 0,
        # A second payment stands for one that a bank took back.
        is_lost=sums["lost_disputes"] > 0 and sums["standing"] < order.amount_due,
        amount_due=order.amount_due,
        amount_received=sums["received"],
        amount_basis=counted.amount,
        amount_goods_paid=order.amount_goods - order.amount_discount,
        amount_balance=order.amount_balance,
        amount_refunded_goods=refunded,
        amount_refunded_basis=counted.amount_back,
        terms=rules,
        joined_at=attribution.invitee_joined_at,
        attribution_status=attribution.status,
        review=review.state if review else "",
        is_blocked=is_blocked,
        has_inviter=inviter is not None,
        is_inviter_active=inviter is not None and inviter.is_active,
        is_friend_active=attribution.invitee.is_active,
        is_friend_staff=attribution.invitee.is_staff,
        is_paused=_is_paused(attribution, order, reward),
        place=place,
        rewarded_elsewhere=sum(each.state in Reward.LIVE for each in others),
        friends_paying=friends,
        was_inviter_paid=was_paid,
        amount_promised=reward.amount if reward else 0,
        out_of_room=reward.reason
        if reward and reward.state == Reward.State.VOID and reward.reason in OUT_OF_ROOM
        else "",
        is_waived=reward is not None and reward.waived_at is not None,
        delivered_at=plugins.delivered_at(order)
        if rules and rules.hold_from == Terms.Hold.DELIVERY
        else None,
    )


def orders_beside(orders: list[Order]) -> list[Order]:
    """These orders and the other confirmed ones of the same people, oldest first.

    Each with what was last decided about it. One query.
    """
    people = {order.user_id for order in orders}
    confirmed = Q(status=Order.Status.CONFIRMED, user__in=people)
    rows = Order.objects.filter(confirmed | Q(pk__in=[each.pk for each in orders]))
    return list(
        rows.select_related("referral_settlement").order_by("confirmed_at", "pk")
    )


def came_before(one: Order, other: Order) -> bool:
    """By the moments of their confirmation; before it, an order is the last."""
    if other.confirmed_at is None:
        return True
    return (one.confirmed_at, one.pk) < (other.confirmed_at, other.pk)


def exclusions(rules: Terms) -> list[Exclusion]:
    """What does not count under these terms. One query."""
    return list(Exclusion.objects.filter(terms=rules).select_related("category"))


def sums_of(orders: list[Order]) -> dict[int, dict[str, int]]:
    """By order what came, what went back, what is asked: zero where there is nothing.

    One query.
    """
    refunds = Refund.objects.filter(accepted_at__isnull=False)
    standing = refunds.filter(basis.took_effect())
    disputes = Dispute.objects.all()
    ids = [order.pk for order in orders]
    found = Order.objects.filter(pk__in=ids).values(
        "pk",
        received=_total(
            Payment.objects.filter(status=Payment.Status.PAID), "amount_received"
        ),
        standing=_total(_standing_payments(standing), "amount_received"),
        lost=_total(
            Payment.objects.filter(
                Exists(_lost_disputes()), status=Payment.Status.PAID
            ),
            "amount_received",
        ),
        promotions=_total(
            OrderDiscount.objects.exclude(source=discounts.SOURCE), "amount"
        ),
        named=_each(basis.named(), "refund__order", Sum("amount")),
        named_full=_each(basis.named(), "refund__order", basis.FULL),
        card=_total(standing, "amount_card"),
        shipping=_total(standing, "amount_shipping"),
        balance=_total(refunds, "amount_balance"),
        open_disputes=_count(disputes.filter(closed_at=None), "payment__order"),
        lost_disputes=_count(disputes.filter(status="lost"), "payment__order"),
    )
    return {
        row.pop("pk"): {name: value or 0 for name, value in row.items()}
        for row in found
    }


def _lost_disputes():
    return Dispute.objects.filter(payment=OuterRef("pk"), status="lost")


def _standing_payments(refunds):
    """Money that came and that neither a bank nor we have given back altogether."""
    back = refunds.filter(payment=OuterRef("pk")).order_by().values("payment")
    return (
        Payment.objects.filter(~Exists(_lost_disputes()), status=Payment.Status.PAID)
        .annotate(
            back=Subquery(back.annotate(total=Sum("amount_card")).values("total"))
        )
        .filter(Q(back=None) | Q(back__lt=F("amount_received")))
    )


def _total(rows, field):
    return _each(rows, "order", Sum(field))


def _count(rows, order):
    return _each(rows, order, Count("pk"))


def _each(rows, order, aggregate):
    of_order = rows.filter(**{order: OuterRef("pk")}).order_by().values(order)
    return Subquery(of_order.annotate(total=aggregate).values("total"))


def _refunded_goods(order, sums):
    """What went back for the goods; money beyond what was due never was for them."""
    beyond = max(0, sums["received"] - sums["lost"] - order.amount_due)
    card = max(0, sums["card"] - beyond)
    return max(0, card + sums["balance"] - sums["shipping"])


def _friends(attribution, rules):
    """How many friends earn, this one included, and whether the inviter was ever paid.

    Asked only where the terms want some before the first payout.
    """
    if rules is None or not rules.minimum_friends or attribution.inviter is None:
        return 0, False
    sums = Reward.objects.filter(
        recipient=attribution.inviter, attribution__terms__campaign=rules.campaign_id
    ).aggregate(
        others=Count(
            "attribution",
            distinct=True,
            filter=Q(state__in=Reward.LIVE) & ~Q(attribution=attribution),
        ),
        paid=Count("pk", filter=Q(released_at__isnull=False)),
    )
    return sums["others"] + 1, sums["paid"] > 0


def _is_paused(attribution, order, reward):
    """Whether the order came in a pause that has not ended; promises made stand."""
    paused_at = attribution.terms.campaign.paused_at
    if not paused_at or not order.confirmed_at or order.confirmed_at < paused_at:
        return False
    return reward is None or reward.state == Reward.State.VOID


def review_waits(state: str) -> bool:
    """Whether a case in this state still has to be decided; without one it is empty."""
    return state in (ReviewCase.State.OPEN, ReviewCase.State.ASKED)
