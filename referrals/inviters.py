"""Who brings the most friends, and what the friends are worth.

A long list of friends says little: whether they keep what they buy, come again, and are
who they say they are says more.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum

from accounts.models import User
from orders.models import Order, Refund
from referrals.models import Attribution, Reward, RiskSignal

VALUE_DAYS = 90

_WENT_BACK = Q(
    accepted_at__isnull=False,
    state__in=[Refund.State.PENDING, Refund.State.SUCCEEDED],
)


@dataclass
class Quality:
    """What is known of one inviter's friends. Amounts in minor units of `currency`.

    `buyers` are friends who paid at least once, `regulars` more than once. `score` is
    the highest of any friend's. `value` is what friends paid in their first 90 days,
    less what went back of it until today.
    """

    inviter: User
    currency: str
    friends: int
    buyers: int = 0
    regulars: int = 0
    orders: int = 0
    refunded: int = 0
    earned: int = 0
    value: int = 0
    score: int = 0

    @property
    def refund_rate(self) -> str:
        return _rate(self.refunded, self.orders)

    @property
    def repeat_rate(self) -> str:
        return _rate(self.regulars, self.buyers)


def ranked() -> QuerySet:
    """Who brought friends that count, and how many: (key of the inviter, friends).

    Who brought the most comes first.
    """
    counting = Attribution.objects.exclude(status=Attribution.Status.VOID).order_by()
    rows = counting.filter(inviter__isnull=False).values_list("inviter")
    return rows.annotate(friends=Count("pk")).order_by("-friends", "inviter")


def quality(rows: Iterable[tuple[int, int]], currency: str) -> list[Quality]:
    """What is known of these, as `ranked` gave them. Five queries for any number.

    Money in other currencies is left out.
    """
    friends = dict(rows)
    people = User.objects.in_bulk(friends)
    found = {
        key: Quality(people[key], currency, number) for key, number in friends.items()
    }
    ids = list(found)
    for row in _bought(ids, currency):
        each = found[row["user__attribution__inviter"]]
        each.buyers += 1
        each.regulars += row["orders"] > 1
        each.orders += row["orders"]
        each.refunded += row["refunded"]
        each.value += row["value"] or 0
    for inviter, back in _went_back(ids, currency):
        found[inviter].value -= back
    rewards = Reward.objects.filter(recipient__in=ids, currency=currency).order_by()
    earned = rewards.filter(state__in=Reward.PAID).values_list("recipient")
    for inviter, amount in earned.annotate(
        kept=Sum(F("amount") - F("amount_reversed"))
    ):
        found[inviter].earned = amount
    for inviter, score in _scores(ids).items():
        found[inviter].score = score
    return list(found.values())


def _bought(ids, currency):
    """A line for each friend who paid."""
    went_back = Refund.objects.filter(_WENT_BACK, order=OuterRef("pk"))
    orders = Order.objects.filter(
        user__attribution__inviter__in=ids, confirmed_at__isnull=False
    )
    orders = orders.annotate(is_refunded=Exists(went_back)).order_by()
    return orders.values("user__attribution__inviter", "user").annotate(
        orders=Count("pk"),
        refunded=Count("pk", filter=Q(is_refunded=True)),
        value=Sum("amount_total", filter=_early("confirmed_at", "user", currency)),
    )


def _went_back(ids, currency):
    """What was refunded of the orders whose value counts, by inviter."""
    refunds = Refund.objects.filter(
        _early("order__confirmed_at", "order__user", currency),
        _WENT_BACK,
        order__user__attribution__inviter__in=ids,
    )
    rows = refunds.order_by().values_list("order__user__attribution__inviter")
    return rows.annotate(back=Sum(F("amount_card") + F("amount_balance")))


def _early(moment, user, currency):
    """Orders in this currency that came soon enough after their buyer had joined."""
    prefix = moment.removesuffix("confirmed_at")
    ends = F(f"{user}__attribution__invitee_joined_at") + timedelta(days=VALUE_DAYS)
    return Q(**{f"{moment}__lt": ends, f"{prefix}currency": currency})


def _scores(ids):
    """The highest score that any friend of each has; a friend's is a sum of weights."""
    signals = RiskSignal.objects.filter(attribution__inviter__in=ids).order_by()
    highest: dict[int, int] = defaultdict(int)
    by_friend = signals.values_list("attribution__inviter", "attribution")
    for inviter, _, score in by_friend.annotate(Sum("weight")):
        highest[inviter] = max(highest[inviter], score)
    return highest


def _rate(part, whole):
    return f"{100 * part / whole:.0f} % of {whole}" if whole else "–"
