"""What a member sees of the friends they brought.

Never who, unless the friend agreed; never what was bought.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, F, Min, OuterRef, Prefetch, Subquery, Sum
from django.utils import timezone

from accounts import ledger
from accounts.models import CreditLot, LedgerAccount, User
from orders.models import Order
from referrals import links as invitations
from referrals import name_reports, names, sharing, terms
from referrals import progress as told
from referrals.channels import Channel, marked
from referrals.models import (
    Attribution,
    Code,
    Notice,
    OrderTouch,
    ReferralLink,
    Reward,
    Settlement,
    Terms,
    Visit,
)
from referrals.progress import Progress
from referrals.sharing import Share

State = Reward.State
Status = Attribution.Status

_MOST_FRIENDS = 200


@dataclass(frozen=True)
class Friend(Progress):
    """One friend, and how far they came.

    `pk` is the attribution's; at `report_url` an inviter who minds the name says so.
    """

    pk: int
    name: str
    report_url: str


@dataclass(frozen=True)
class Numbers:
    """Counts of friends and sums of credit, in minor units."""

    opened: int
    joined: int
    bought: int
    earned: int
    on_the_way: int
    next_at: datetime | None
    brought: int
    unread: int


@dataclass(frozen=True)
class Shared:
    """One of a member's links and what came by it; `earned` in minor units.

    `bought` counts orders, of friends and of guests. `waiting` is a code that staff
    have to allow first.
    """

    link: ReferralLink
    url: str
    opened: int
    joined: int
    bought: int
    earned: int
    waiting: str

    @property
    def copy_url(self) -> str:
        return marked(self.url, Channel.COPY)


@dataclass(frozen=True)
class Purse:
    """A member's accounts, in minor units, and when some of the balance ends."""

    balance: int = 0
    owed: int = 0
    on_hold: int = 0
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Goal:
    """The next milestone: `brought` of `friends_count` friends, for `amount` on top."""

    friends_count: int
    amount: int
    brought: int

    @property
    def left(self) -> int:
        return self.friends_count - self.brought


@dataclass(frozen=True)
class Summary:
    """The referral corner of the account page; without an offer nothing to share."""

    share: Share | None
    earned: int
    on_the_way: int
    next_at: datetime | None
    currency: str


def friends(user: User) -> list[Friend]:
    """Everybody who joined by this member's links, newest first. Two queries."""
    joined = _attributions(user).order_by("-created_at")[:_MOST_FRIENDS]
    return [_friend(attribution) for attribution in joined]


def friend(user: User, pk: int) -> tuple[Friend, Attribution] | None:
    """One of them, with the row behind it; None for somebody else's. Two queries."""
    attribution = _attributions(user).filter(pk=pk).first()
    return (_friend(attribution), attribution) if attribution else None


def numbers(user: User, friends: list[Friend]) -> Numbers:
    """The figures above and beside the list. One query.

    Opened counts people, not machines: browsers that came back with our cookie.
    """
    came = Visit.objects.filter(
        link__owner=OuterRef("pk"), visitor__landed_at__isnull=False, visitor__user=None
    )
    unread = Notice.objects.filter(user=OuterRef("pk"), read_at=None)
    found = (
        User.objects.filter(pk=user.pk)
        .values(
            only_opened=_one(came, "link__owner", Count("visitor", distinct=True)),
            unread=_one(unread, "user", Count("pk")),
            **_credit_of(OuterRef("pk")),
        )
        .get()
    )
    return Numbers(
        opened=(found["only_opened"] or 0) + len(friends),
        joined=len(friends),
        bought=sum(friend.has_bought for friend in friends),
        unread=found["unread"] or 0,
        **_credit(found),
    )


def links(user: User) -> list[Shared]:
    """A member's links with what came by each: people, friends, credit. One query."""
    visits = Visit.objects.filter(
        link=OuterRef("pk"), visitor__landed_at__isnull=False, visitor__user=None
    )
    joined = Attribution.objects.filter(link=OuterRef("pk"))
    rewards = Reward.objects.filter(
        attribution__link=OuterRef("pk"),
        state=State.AVAILABLE,
        currency=settings.SHOP_CURRENCY,
    )
    kept = Sum(F("amount") - F("amount_reversed"))
    touched = OrderTouch.objects.filter(
        link=OuterRef("pk"), order__in=Order.objects.confirmed()
    )
    elsewhere = (
        Order.objects.confirmed()
        .filter(user__attribution__link=OuterRef("pk"))
        .exclude(referral_touch__link=F("user__attribution__link"))
    )
    waiting = Code.objects.filter(
        link=OuterRef("pk"), retired_at=None, waits_since__isnull=False
    )
    found = invitations.shared_by(user).annotate(
        opened=_one(visits, "link", Count("visitor", distinct=True)),
        joined=_one(joined, "link", Count("pk")),
        touched=_one(touched, "link", Count("pk")),
        elsewhere=_one(elsewhere, "user__attribution__link", Count("pk")),
        earned=_one(rewards, "attribution__link", kept),
        waiting=Subquery(waiting.order_by("-pk").values("display")[:1]),
    )
    return [
        Shared(
            link=link,
            url=invitations.url_of(link),
            opened=(link.opened or 0) + (link.joined or 0),
            joined=link.joined or 0,
            bought=(link.touched or 0) + (link.elsewhere or 0),
            earned=link.earned or 0,
            waiting=link.waiting or "",
        )
        for link in found
    ]


def purse(user: User) -> Purse:
    """What a member has, owes, and cannot touch for now. One query."""
    currency = settings.SHOP_CURRENCY
    lots = CreditLot.objects.filter(owner=user, currency=currency, remaining__gt=0)
    pots = LedgerAccount.objects.filter(owner=user, currency=currency).values_list(
        "kind",
        "balance",
        Subquery(lots.order_by("expires_at").values("expires_at")[:1]),
    )
    held = {kind: balance for kind, balance, _ in pots}
    return Purse(
        balance=held.get(ledger.Kind.WALLET, 0),
        owed=held.get(ledger.Kind.OWED, 0),
        on_hold=held.get(ledger.Kind.FROZEN, 0),
        ends_at=next((ends_at for *_, ends_at in pots), None),
    )


def goal(offered: Terms, brought: int) -> Goal | None:
    """The next milestone of the offer, if there is one left. No query on a warm cache.

    It goes back with every reward that goes back.
    """
    ahead = (
        Goal(each.friends_count, each.amount, brought)
        for each in terms.milestones(offered)
        if each.friends_count > brought
    )
    return next(ahead, None)


def summary(user: User) -> Summary:
    """Link and credit for the account page. At most three queries."""
    offered = terms.current(settings.SHOP_CURRENCY)
    found = User.objects.filter(pk=user.pk).values(**_credit_of(OuterRef("pk"))).get()
    credit = _credit(found)
    return Summary(
        share=sharing.invitation_of(user, offered) if offered else None,
        currency=settings.SHOP_CURRENCY,
        earned=credit["earned"],
        on_the_way=credit["on_the_way"],
        next_at=credit["next_at"],
    )


def _attributions(user):
    settlements = Settlement.objects.select_related("order", "reward").order_by("order")
    return (
        Attribution.objects.filter(inviter=user)
        .select_related("invitee", "terms", "review")
        .prefetch_related(Prefetch("settlements", settlements))
    )


def _credit_of(user_pk):
    """Subqueries for a member's rewards; what of them was taken back counts for none.

    `brought` counts friends whose reward is available.
    """
    mine = Reward.objects.filter(recipient=user_pk, currency=settings.SHOP_CURRENCY)
    available = mine.filter(state=State.AVAILABLE)
    pending = mine.filter(state=State.PENDING)
    kept = Sum(F("amount") - F("amount_reversed"))
    return {
        "earned": _one(available, "recipient", kept),
        "on_the_way": _one(pending, "recipient", kept),
        "next_at": _one(pending, "recipient", Min("available_at")),
        "brought": _one(available, "recipient", Count("attribution", distinct=True)),
    }


def _credit(found):
    return {
        "earned": found["earned"] or 0,
        "on_the_way": found["on_the_way"] or 0,
        "next_at": found["next_at"],
        "brought": found["brought"] or 0,
    }


def _one(rows, group, aggregate):
    return Subquery(rows.order_by().values(group).annotate(x=aggregate).values("x"))


def _friend(attribution):
    friend, progress = attribution.invitee, told.of(attribution, timezone.now())
    is_read = names.short(friend)
    return Friend(
        pk=attribution.pk,
        name=_name(friend),
        report_url=name_reports.url_of_friend(attribution) if is_read else "",
        **vars(progress),
    )


def _name(friend):
    if friend.is_closed:
        return "A former customer"
    return names.short(friend) or "A friend"
