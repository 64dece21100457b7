"""Which button brings friends: what became of links, by the way they went out.

No line stands for fewer than three people: of one, the inviter could tell who it was by
remembering whom they sent it to that way. What is too small goes into one line with
others, so that the lines still add up. Whoever watches a line grow learns by which
button the newest friend came, as a link for each place would tell them, too.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import F, Sum

from accounts.models import User
from referrals import rollup
from referrals.channels import Channel
from referrals.models import Reward

FEWEST = 3

OTHERS = "Other ways"
ALL = "All ways"
# A code that was told, an address that was typed: nothing marks them.
_LABELS = dict(Channel.choices) | {"": "Told or typed", Channel.OTHER: OTHERS}


@dataclass(frozen=True)
class Line:
    """One way: browsers that came, friends who joined, orders, and credit.

    Credit is what was paid and not taken back, spent or not, as each link's own line
    has it. `earned` in minor units of the shop's currency.
    """

    label: str
    opened: int = 0
    joined: int = 0
    orders: int = 0
    earned: int = 0

    @property
    def names_nobody(self) -> bool:
        return self.opened >= FEWEST and (self.joined == 0 or self.joined >= FEWEST)

    def __add__(self, other: "Line") -> "Line":
        return Line(
            self.label,
            self.opened + other.opened,
            self.joined + other.joined,
            self.orders + other.orders,
            self.earned + other.earned,
        )


def of_member(user: User) -> list[Line]:
    """The ways that brought most first, the small ones in one. Two queries.

    As old as the last roll-up, a few minutes. Empty while nobody has come.
    """
    lines = _counted(user)
    standing = [line for line in lines if line.names_nobody and line.label != OTHERS]
    folded = [line for line in lines if line not in standing]
    while folded and standing and not _together(folded).names_nobody:
        # The smallest that helps: where a friend is alone, one with friends.
        lonely = _together(folded).joined
        helping = [line for line in standing if line.joined or not lonely]
        folded.append((helping or standing)[-1])
        standing.remove(folded[-1])
    if not folded:
        return standing
    together = _together(folded)
    return [*standing, together if standing else Line(ALL) + together]


def total(lines: list[Line]) -> Line:
    return sum(lines, Line(ALL))


def _counted(user):
    """Every way anybody came by, what earned most first."""
    figures = rollup.by("channel", owner=user)
    earned = dict(
        Reward.objects.filter(
            recipient=user,
            state__in=Reward.PAID,
            currency=settings.SHOP_CURRENCY,
        )
        .order_by()
        .values_list("attribution__channel")
        .annotate(kept=Sum(F("amount") - F("amount_reversed")))
    )
    lines = [
        Line(
            label=_LABELS.get(channel, OTHERS),
            opened=max(found.visitors, found.signups),
            joined=found.signups,
            orders=found.orders,
            earned=earned.get(channel, 0),
        )
        for channel, found in figures.items()
    ]
    came = [line for line in lines if line.opened or line.joined or line.orders]
    return sorted(
        came,
        key=lambda line: (line.earned, line.orders, line.joined, line.opened),
        reverse=True,
    )


def _together(lines):
    return sum(lines, Line(OTHERS))
