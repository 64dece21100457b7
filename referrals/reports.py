"""What a member sees of the friends they brought.

Never who, unless the friend agreed; never what was bought.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Min, OuterRef, Prefetch, Q, Subquery, Sum
from django.utils import timezone

from accounts.ledger import Kind
from accounts.models import CreditLot, LedgerAccount, User
from orders.models import Order
from referrals import links as invitations
from referrals import name_reports, names, reasons, rollup, sharing, terms
from referrals import progress as told
from referrals.channels import Channel, marked
from referrals.models import (
    Attribution,
    Code,
    FunnelDay,
    MilestoneReward,
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

PAGE = 20
_MOST_FRIENDS = 200
_OPENED = ("opened_before", "opened_today")


@dataclass(frozen=True)
class Friend(Progress):
    """One friend, and how far they came.

    `pk` is the attribution's; at `report_url` an inviter who minds the name says so.
    """

    pk: int
    name: str
    report_url: str


@dataclass(frozen=True)
class Purse:
    """A member's accounts, in minor units, and when some of the balance ends."""

    balance: int = 0
    owed: int = 0
    on_hold: int = 0
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Numbers:
    """Counts of friends and sums of credit, in minor units.

    `earned` is by the friends themselves, `on_top` by how many they are. What a person
    or a bank looks at is `being_checked`, and not `on_the_way`.
    """

    opened: int
    joined: int
    bought: int
    earned: int
    on_top: int
    on_the_way: int
    being_checked: int
    next_at: datetime | None
    brought: int
    unread: int
    purse: Purse
    code: str | None


@dataclass(frozen=True)
class Shared:
    """One of a member's links and what came by it; `earned` in minor units.

    `bought` counts orders, of friends and of guests, also those that were cancelled
    later, as every other figure does. `waiting` is a code that staff have to allow.
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
    """The referral corner of the account page; without an offer nothing to share.

    `earned` is all that friends brought, milestones with it. What somebody looks at is
    `being_checked`, and not `on_the_way`.
    """

    share: Share | None
    earned: int
    on_the_way: int
    being_checked: int
    next_at: datetime | None
    currency: str


def friends(user: User) -> list[Friend]:
    """Who joined by this member's links, the newest of them first. Two queries."""
    joined = _attributions(user).order_by("-created_at", "-pk")[:_MOST_FRIENDS]
    return [_friend(attribution) for attribution in joined]


def page_of_friends(user: User, joined: int, number: str) -> Page:
    """The same page by page; `number` as the address has it, the nearest page there is.

    `joined` is how many there are, which `numbers` has counted. Two queries.
    """
    pages = Paginator(_attributions(user).order_by("-created_at", "-pk"), PAGE)
    pages.count = joined
    page = pages.get_page(number)
    page.object_list = [_friend(attribution) for attribution in page.object_list]
    return page


def friend(user: User, pk: int) -> tuple[Friend, Attribution] | None:
    """One of them, with the row behind it; None for somebody else's. Two queries."""
    attribution = _attributions(user).filter(pk=pk).first()
    return (_friend(attribution), attribution) if attribution else None


def numbers(user: User) -> Numbers:
    """The figures above and beside the list. One query.

    Opened counts people, not machines: browsers that came back with our cookie, each
    once a day. Who joined by a code that was told has opened, too.
    """
    joined = Attribution.objects.filter(inviter=OuterRef("pk"))
    bought = Settlement.objects.filter(
        attribution__inviter=OuterRef("pk"), order__confirmed_at__isnull=False
    )
    unread = Notice.objects.filter(user=OuterRef("pk"), read_at=None)
    found = (
        User.objects.filter(pk=user.pk)
        .values(
            **_opened("link__owner"),
            joined=_one(joined, "inviter", Count("pk")),
            bought=_one(
                bought, "attribution__inviter", Count("attribution", distinct=True)
            ),
            unread=_one(unread, "user", Count("pk")),
            code=invitations.own_code(OuterRef("pk")),
            **_credit_of(OuterRef("pk")),
            **_purse_of(OuterRef("pk")),
        )
        .get()
    )
    return Numbers(
        opened=max(_sum(found, *_OPENED), found["joined"] or 0),
        joined=found["joined"] or 0,
        bought=found["bought"] or 0,
        unread=found["unread"] or 0,
        purse=_purse(found),
        code=found["code"],
        **_credit(found),
    )


def links(user: User) -> list[Shared]:
    """A member's links with what came by each: people, friends, credit. One query."""
    joined = Attribution.objects.filter(link=OuterRef("pk"))
    rewards = Reward.objects.filter(
        attribution__link=OuterRef("pk"),
        state__in=Reward.PAID,
        currency=settings.SHOP_CURRENCY,
    )
    kept = Sum(F("amount") - F("amount_reversed"))
    touched = OrderTouch.objects.filter(
        link=OuterRef("pk"), order__confirmed_at__isnull=False
    )
    elsewhere = (
        Order.objects.filter(confirmed_at__isnull=False)
        .filter(user__attribution__link=OuterRef("pk"))
        .exclude(referral_touch__link=F("user__attribution__link"))
    )
    waiting = Code.objects.waiting().filter(link=OuterRef("pk"))
    found = invitations.shared_by(user).annotate(
        **_opened("link"),
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
            opened=max(_sum(vars(link), *_OPENED), link.joined or 0),
            joined=link.joined or 0,
            bought=(link.touched or 0) + (link.elsewhere or 0),
            earned=link.earned or 0,
            waiting=link.waiting or "",
        )
        for link in found
    ]


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
    """Link and credit for the account page. Two queries, but for the first look."""
    offered = terms.current(settings.SHOP_CURRENCY)
    code = invitations.own_code(OuterRef("pk"))
    rows = User.objects.filter(pk=user.pk)
    found = rows.values(code=code, **_credit_of(OuterRef("pk"))).get()
    credit, code = _credit(found), found["code"]
    return Summary(
        share=sharing.invitation_of(user, offered, code=code) if offered else None,
        currency=settings.SHOP_CURRENCY,
        earned=credit["earned"] + credit["on_top"],
        on_the_way=credit["on_the_way"],
        being_checked=credit["being_checked"],
        next_at=credit["next_at"],
    )


def _attributions(user):
    settlements = Settlement.objects.select_related("order", "reward").order_by("order")
    return (
        Attribution.objects.filter(inviter=user)
        .select_related("invitee", "terms", "review")
        .prefetch_related(Prefetch("settlements", settlements))
    )


def _opened(link):
    """Subqueries for the browsers that came by a link, or by all of an owner.

    The days that are over have been counted; of today the visits are looked at.
    """
    today = rollup.today()
    past = FunnelDay.objects.filter(**{link: OuterRef("pk")}, day__lt=today)
    now = Visit.objects.filter(
        **{link: OuterRef("pk")},
        first_at__gte=rollup.start_of(today),
        visitor__landed_at__isnull=False,
    )
    before, lately = _OPENED
    return {
        before: _one(past, link, Sum("visitors")),
        lately: _one(now, link, Count("visitor", distinct=True)),
    }


def _sum(found, *names):
    return sum(found[name] or 0 for name in names)


def _purse_of(user_pk):
    """Subqueries for a member's accounts and the end of the first of their lots."""
    currency = settings.SHOP_CURRENCY
    pots = LedgerAccount.objects.filter(owner=user_pk, currency=currency)
    lots = CreditLot.objects.filter(owner=user_pk, currency=currency, remaining__gt=0)
    return {
        "balance": Subquery(pots.filter(kind=Kind.WALLET).values("balance")),
        "owed": Subquery(pots.filter(kind=Kind.OWED).values("balance")),
        "on_hold": Subquery(pots.filter(kind=Kind.FROZEN).values("balance")),
        "ends_at": Subquery(lots.order_by("expires_at").values("expires_at")[:1]),
    }


def _purse(found):
    return Purse(
        balance=found["balance"] or 0,
        owed=found["owed"] or 0,
        on_hold=found["on_hold"] or 0,
        ends_at=found["ends_at"],
    )


def _credit_of(user_pk):
    """Subqueries for a member's rewards; what of them was taken back counts for none.

    `brought` counts friends whose reward is available; `next_at` is a moment to come
    of what waits for nothing but its day.
    """
    mine = Reward.objects.filter(recipient=user_pk, currency=settings.SHOP_CURRENCY)
    available = mine.filter(state__in=Reward.PAID)
    pending = mine.filter(state=State.PENDING)
    # Of what a person or a bank still looks at nobody says that it comes.
    is_checked = Q(frozen_at__isnull=False) | Q(
        order__referral_settlement__reason__in=reasons.LOOKED_AT
    )
    to_come = pending.filter(
        available_at__gt=timezone.now(),
        frozen_at=None,
        order__referral_settlement__reason="",
    )
    milestones = MilestoneReward.objects.filter(
        recipient=user_pk,
        currency=settings.SHOP_CURRENCY,
        state=MilestoneReward.State.AVAILABLE,
    )
    kept = Sum(F("amount") - F("amount_reversed"))
    return {
        "earned": _one(available, "recipient", kept),
        "on_top": _one(milestones, "recipient", kept),
        "on_the_way": _one(pending.filter(~is_checked), "recipient", kept),
        "being_checked": _one(pending.filter(is_checked), "recipient", kept),
        "next_at": _one(to_come, "recipient", Min("available_at")),
        "brought": _one(available, "recipient", Count("attribution", distinct=True)),
    }


def _credit(found):
    return {
        "earned": found["earned"] or 0,
        "on_top": found["on_top"] or 0,
        "on_the_way": found["on_the_way"] or 0,
        "being_checked": found["being_checked"] or 0,
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
