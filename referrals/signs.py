"""What speaks against a friend's being new and another person: one function per sign.

Each looks at the circumstances and answers with a signal or with nothing: no query, no
clock. Settings list which ones are asked, so that a shop can add its own.

60 is enough for a second look, so a weight of 60 means: alone. Nothing here refuses
anybody; what is certain (the same card, the same mailbox) is `eligibility`'s. A wallet
in a telephone hides the card, so the absence of a match weighs nothing, and the door,
the network and the browser together do.
"""

from dataclasses import dataclass
from functools import cache

from django.conf import settings

from referrals.circumstances import Circumstances

# Where people pay to be found: a friend who was invited does not come by an ad.
_PAID = {"cpc", "ppc", "cpm", "paid", "paidsearch", "paid_social", "display", "ads"}

# Fewer orders say nothing about a share.
_ORDERS_TO_JUDGE = 4
_QUICKEST = 20  # seconds from the link to a paid order


@dataclass(frozen=True)
class Signal:
    """One named thing, its weight, and what was compared: never who or where."""

    code: str
    weight: int
    evidence: str


def same_device(about: Circumstances) -> Signal | None:
    """Both people signed in with one browser."""
    if about.device:
        return Signal("same_device", 60, f"device {about.device}")
    return None


def same_network(about: Circumstances) -> Signal | None:
    """One network and the same kind of browser; a network alone is an office."""
    if about.network:
        return Signal("same_network", 20, f"network {about.network}")
    return None


def same_address(about: Circumstances) -> Signal | None:
    """The parcel goes to the inviter's door: a household, or one person."""
    if about.is_inviters_door:
        return Signal("same_address", 40, f"door {about.door}")
    return None


def full_household(about: Circumstances) -> Signal | None:
    """More friends at one door than the terms let pass."""
    if about.neighbours and about.neighbours >= about.household_count:
        return Signal("full_household", 60, f"door {about.door}")
    return None


def disposable_address(about: Circumstances) -> Signal | None:
    """A mailbox of the kind that is thrown away. An unknown domain is no sign."""
    if _is_disposable(about.domain):
        return Signal("disposable_address", 40, f"domain {about.domain}"[:200])
    return None


def many_by_inviter(about: Circumstances) -> Signal | None:
    """More friends of one inviter in a day than people have."""
    most = settings.REFERRAL_MOST_A_DAY["inviter"]
    if about.earlier_of_inviter >= most:
        return Signal("many_by_inviter", 60, f"more than {most} in 24 hours")
    return None


def many_by_network(about: Circumstances) -> Signal | None:
    """More newcomers of one network in a day: those after it wait, not those before."""
    most = settings.REFERRAL_MOST_A_DAY["network"]
    if about.earlier_of_network >= most:
        return Signal("many_by_network", 60, f"more than {most} in 24 hours")
    return None


def many_by_domain(about: Circumstances) -> Signal | None:
    """More newcomers of one mail domain in a day, if it is not everybody's."""
    most = settings.REFERRAL_MOST_A_DAY["domain"]
    is_common = about.domain in settings.REFERRAL_COMMON_MAIL_DOMAINS
    if about.earlier_of_domain >= most and not is_common:
        evidence = f"domain {about.domain}: more than {most} in 24 hours"
        return Signal("many_by_domain", 60, evidence[:200])
    return None


def many_refunds(about: Circumstances) -> Signal | None:
    """More than a quarter of what the inviter's friends bought went back."""
    bought, returned = about.friends_orders, about.friends_refunded
    if bought >= _ORDERS_TO_JUDGE and returned * 4 > bought:
        return Signal("many_refunds", 60, f"{returned} of {bought} orders")
    return None


def too_fast(about: Circumstances) -> Signal | None:
    """From the link to a paid order in less time than reading takes."""
    if about.seconds_to_pay is not None and about.seconds_to_pay < _QUICKEST:
        return Signal("too_fast", 30, f"{about.seconds_to_pay:.0f} seconds")
    return None


def coupon_site(about: Circumstances) -> Signal | None:
    """The link stood on a site that collects codes."""
    host = about.referrer_host.removeprefix("www.")
    for site in settings.REFERRAL_COUPON_SITES:
        if host == site or host.endswith(f".{site}"):
            return Signal("coupon_site", 30, f"site {site}")
    return None


def paid_ad(about: Circumstances) -> Signal | None:
    """The link was advertised."""
    if about.medium.lower() in _PAID:
        return Signal("paid_ad", 30, f"medium {about.medium.lower()}")
    return None


def _is_disposable(domain):
    parts = domain.split(".")
    # A throw-away service gives out names below its own, too.
    names = {".".join(parts[start:]) for start in range(len(parts) - 1)}
    own = {name.lower() for name in settings.REFERRAL_DISPOSABLE_DOMAINS}
    return bool(names & (own | _published()))


@cache
def _published():
    from disposable_email_domains import blocklist  # 5,000 names: read when asked

    return frozenset(blocklist)
