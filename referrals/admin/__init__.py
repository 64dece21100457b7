"""Staff look at links and people here; what is decided is decided by the rooms."""

from referrals.admin import (
    attributions,
    campaigns,
    links,
    members,
    names,
    programme,
    rewards,
    risk,
    visits,
)

__all__ = [
    "attributions",
    "campaigns",
    "links",
    "members",
    "names",
    "programme",
    "rewards",
    "risk",
    "visits",
]
