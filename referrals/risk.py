"""How much speaks against a friend, and whether a person has to look.

The score is the sum of the stored signals' weights, so that anybody can add it up
again. It opens a case and decides nothing: while a case is open, rewards wait. Nobody
is refused for a network, an address or a browser by themselves.
"""

from dataclasses import asdict

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from accounts.models import User
from orders.models import Order
from referrals import circumstances
from referrals.models import Attribution, ReviewCase, RiskSignal
from referrals.signs import Signal

# From here on a person looks; from there on the page suggests to reject.
LOOKS_FROM = 60
REJECTS_FROM = 100


def assess(order: Order | None, attribution: Attribution) -> ReviewCase | None:
    """Write down what speaks against a friend; the case, if there is one.

    For `settle`, which holds the attribution's lock, and without an order for who has
    just joined. Safe to repeat: each sign is written once, with what it saw first. A
    case that was decided stays decided, whatever is found later.
    """
    about = circumstances.read(order, attribution)
    found = _signals(about)
    if found:
        known = set(attribution.signals.values_list("code", flat=True))
        found = [signal for signal in found if signal.code not in known]
    RiskSignal.objects.bulk_create(
        [RiskSignal(attribution=attribution, **asdict(signal)) for signal in found],
        ignore_conflicts=True,
    )
    total = about.weight_known + sum(signal.weight for signal in found)
    return _case(attribution, total)


def look_at_newcomer(user: User) -> None:
    """Somebody has just joined: what can be seen without an order."""
    with transaction.atomic():
        rows = Attribution.objects.select_for_update(of=("self",), no_key=True)
        attribution = (
            rows.select_related("terms", "invitee", "inviter", "review", "visit")
            .filter(invitee=user, inviter__isnull=False)
            .first()
        )
        if attribution:
            assess(None, attribution)


def score(attribution: Attribution) -> int:
    """The sum of what is written down. One query."""
    return sum(attribution.signals.values_list("weight", flat=True))


def _signals(about) -> list[Signal]:
    asked = (import_string(path)(about) for path in settings.REFERRAL_SIGNALS)
    return [signal for signal in asked if signal]


def _case(attribution, total):
    case = getattr(attribution, "review", None)
    if case is None:
        if total < LOOKS_FROM:
            return None
        case, _ = ReviewCase.objects.get_or_create(
            attribution=attribution, defaults={"score": total}
        )
        # Whoever reads it next from the same attribution sees it.
        attribution.review = case
    if case.score != total:
        case.score = total
        case.save(update_fields=["score"])
    return case
