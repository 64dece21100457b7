"""What an invitation promises to whoever opens it, in one room for every reader.

They are the banner, the preview in a chat, and the card a member sees before sharing.
"""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from accounts.models import User
from referrals import handoff, name_reports, names
from referrals.models import ReferralLink, Terms
from referrals.terms import visit_days
from shop.kit.money import format_money


@dataclass(frozen=True)
class Invitation:
    """The promise to one visitor.

    `inviter` is a first name, or empty when it is not to be told; the visitor
    `has_joined` who has an account already and only needs to buy. For others
    `claim_url` is the way to one, with a query that carries the invitation along,
    `keep_token` what "Keep my gift" sends where nothing is remembered yet, and
    `report_url` where somebody who minds the name says so. A machine that only looks
    `is_preview`, and has nothing to dismiss.
    """

    terms: Terms
    inviter: str
    has_joined: bool
    claim_url: str = ""
    keep_token: str = ""
    report_url: str = ""
    is_preview: bool = False

    @property
    def cookie_days(self) -> int:
        """For how long "Keep my gift" would keep it. One query."""
        return visit_days()

    @property
    def sentence(self) -> str:
        if self.has_joined:
            return f"You have {self._gift}. It comes off by itself."
        return f"{self._giver} gives you {self._gift}."

    @property
    def waiting_sentence(self) -> str:
        whose = (
            f"{self.inviter}’s {self._amount}"
            if self.inviter
            else f"Your {self._amount}"
        )
        return f"{whose} is waiting for you."

    @property
    def condition(self) -> str:
        """What to know before a first order uses the gift up without getting it."""
        least = format_money(self.terms.minimum_amount, self.terms.currency, short=True)
        return (
            f"Your {self._amount} comes off a first order with {least} of goods or "
            "more, not counting what balance pays. A smaller first order uses it up."
        )

    # The preview: the gift first, then the thing that was shared.

    @property
    def headline(self) -> str:
        """`Anna gives you $5`; empty for who has joined, for then it is no news."""
        return "" if self.has_joined else f"{self._giver} gives you {self._amount}"

    @property
    def of_whom(self) -> str:
        """`$5 from Anna`, after the name of a product."""
        return f"{self._amount} from {self.inviter or 'a friend'}"

    @property
    def small_print(self) -> str:
        return f"{self._gift}."

    @property
    def _giver(self):
        return self.inviter or "A friend"

    @property
    def _amount(self):
        return format_money(self.terms.friend_amount, self.terms.currency, short=True)

    @property
    def _gift(self):
        least = self.terms.minimum_amount
        over = (
            f" over {format_money(least, self.terms.currency, short=True)}"
            if least
            else ""
        )
        return f"{self._amount} off your first order{over}"


def of_member(user: User, offered: Terms | None) -> Invitation | None:
    """The promise that a member's friends will read; None if there is no gift."""
    if offered is None or not offered.friend_amount:
        return None
    return Invitation(offered, names.first(user), has_joined=False)


def of_link(
    link: ReferralLink,
    offered: Terms | None,
    touched_at: datetime | None = None,
    **more,
) -> Invitation | None:
    """The promise to somebody new who opens this link; None if there is no gift.

    `link` comes with its owner.
    """
    if offered is None or not offered.friend_amount:
        return None
    inviter = names.first(link.owner) if link.owner else ""
    return Invitation(
        offered,
        inviter,
        has_joined=False,
        claim_url=handoff.sign_up_url(link, touched_at or timezone.now()),
        report_url=name_reports.url_of_inviter(link) if inviter else "",
        **more,
    )
