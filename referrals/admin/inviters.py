"""The page of those who bring the most friends, and the same as a file."""

from itertools import islice

from django.conf import settings

from referrals import inviters
from referrals.models import Attribution, Reward
from shop.kit import exports
from shop.kit.staff import BoundedPaginator, list_url

PAGE = 25
AT_ONCE = 500

# The friends that are counted, for the list behind their number.
_COUNTING = [each for each in Attribution.Status if each != Attribution.Status.VOID]


def page(room, request):
    shown = BoundedPaginator(inviters.ranked(), PAGE).get_page(request.GET.get("p"))
    return room.page(
        request,
        "programme_inviters",
        shown=shown,
        people=inviters.quality(shown, settings.SHOP_CURRENCY),
        days=inviters.VALUE_DAYS,
        behind=list_url(Attribution, f"status__in={','.join(_COUNTING)}"),
    )


def export(room, request):
    """Everybody as a file: ranked once, looked at by the hundreds."""
    return exports.respond(request, "Inviters", COLUMNS, _all(), about=Reward)


def _all():
    rows = inviters.ranked().iterator()
    while some := list(islice(rows, AT_ONCE)):
        yield from inviters.quality(some, settings.SHOP_CURRENCY)


def _figure(name):
    return lambda each: getattr(each, name)


def _amount(name):
    return lambda each: exports.amount(getattr(each, name), each.currency)


COLUMNS = [
    exports.Column("Member", lambda each: each.inviter.pk),
    exports.Column("Email", lambda each: each.inviter.email, "accounts.view_user"),
    exports.Column("Friends", _figure("friends")),
    exports.Column("Buyers", _figure("buyers")),
    exports.Column("Regulars", _figure("regulars")),
    exports.Column("Orders", _figure("orders")),
    exports.Column("Orders with a refund", _figure("refunded")),
    exports.Column("Highest score", _figure("score"), "referrals.view_risksignal"),
    exports.Column(f"Value at {inviters.VALUE_DAYS} days", _amount("value")),
    exports.Column("Earned", _amount("earned")),
    exports.Column("Currency", _figure("currency")),
]
