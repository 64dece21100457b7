"""What a shop may put in the place of ours, or beside it, by a dotted path in settings.

| setting | is called with | answers | ours |
|---|---|---|---|
| `REFERRAL_CODE_GENERATOR` | the link | a code | `referrals.codes.by_lot` |
| `REFERRAL_BOT_DETECTOR` | the request | a machine? | `referrals.clicks.is_machine` |
| `REFERRAL_ELIGIBILITY` | each: candidate, user | a reason against, or "" | none |
| `REFERRAL_SIGNALS` | each: see `referrals.signs` | a sign, or None | all of ours |
| `REFERRAL_RULE` | the facts | see `referrals.rules` | `referrals.rules.standard` |
| `REFERRAL_DELIVERED_AT` | an order | when its parcel arrived, or None | none |

Whose address a request has is allauth's to say (`ALLAUTH_TRUSTED_PROXY_COUNT`, and
`get_client_ip` of the account adapter). Nobody loses a page or an account over a
plug-in: one that raises is logged, and ours answers, or nothing speaks against.
`referrals.testing.contracts` tells whether one keeps to this.
"""

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from orders.models import Order
from referrals.models import Claim

logger = logging.getLogger("tandem.referrals")

SINGLE = ("REFERRAL_CODE_GENERATOR", "REFERRAL_BOT_DETECTOR", "REFERRAL_RULE")
OPTIONAL = ("REFERRAL_DELIVERED_AT",)
LISTS = ("REFERRAL_ELIGIBILITY", "REFERRAL_SIGNALS")

_LONGEST_REASON = Claim._meta.get_field("reason").max_length


def ask(name: str, ours, *args):
    """What the one named by a setting says; ours, where it raises."""
    try:
        return import_string(getattr(settings, name))(*args)
    except Exception:
        logger.exception("%s failed, and ours was asked instead", name)
        return ours(*args)


def against(candidate, user) -> str:
    """The first reason that one of a shop's own rules has against a link; or none."""
    for path in settings.REFERRAL_ELIGIBILITY:
        try:
            reason = import_string(path)(candidate, user)
        except Exception:
            logger.exception("%s failed, and did not speak against anybody", path)
            continue
        if reason:
            return reason[:_LONGEST_REASON]
    return ""


def knows_deliveries() -> bool:
    """Whether the shop can say when a parcel arrived."""
    return bool(settings.REFERRAL_DELIVERED_AT)


def delivered_at(order: Order) -> datetime | None:
    """When the order's parcel arrived; None while it has not, as far as is known."""
    if not knows_deliveries():
        return None
    try:
        with transaction.atomic():  # what fails in it fails alone
            found = import_string(settings.REFERRAL_DELIVERED_AT)(order)
        if found is not None and not _is_over(found):
            raise ValueError(f"{found!r} is no moment that is over, with a time zone")
    except Exception:
        logger.exception("REFERRAL_DELIVERED_AT failed, and the parcel is on its way")
        return None
    return found


def _is_over(found):
    is_moment = isinstance(found, datetime) and timezone.is_aware(found)
    return is_moment and found <= timezone.now()
