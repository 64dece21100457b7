"""What of an order counts for its reward: goods in money, and what of them went back.

Goods are worth what they were after promotions and before the welcome gift, for that is
what a minimum is asked of. What goes back is money, less by the gift's share: the share
is counted back in, or goods would seem to stay that were returned.
"""

from dataclasses import dataclass

from django.db.models import F, Prefetch, Q, QuerySet, Sum, prefetch_related_objects

from catalog.models import Product
from orders.models import Order, OrderLine, Refund, RefundLine
from referrals.models import Exclusion
from shop.kit import money

# What is asked of an order only where some goods do not count.
LINES = Prefetch(
    "lines", OrderLine.objects.select_related("variant__product__category")
)

# What the pieces of refunded lines were sold for, before anything was taken off.
FULL = Sum(F("quantity") * F("line__amount_unit"))


@dataclass(frozen=True)
class Basis:
    """What counts, less what balance pays, and how much of it went back."""

    amount: int
    amount_back: int


def of(
    order: Order, sums: dict[str, int], without: list[Exclusion], refunded: int
) -> Basis:
    """The basis of an order of which so much money went back for goods.

    Where some goods do not count, promotions, gift and balance are theirs by their
    share. `sums` are those of `facts.sums_of`.
    """
    goods, promotions = order.amount_goods, sums["promotions"]
    paid = goods - order.amount_discount
    named, full = sums["named"], sums["named_full"]
    balance = order.amount_balance
    if without:
        prefetch_related_objects([order], LINES)
        lines = order.lines.all()
        out = [line for line in lines if _is_out(line.variant.product, without)]
        shares = money.split(promotions, [line.amount for line in lines])
        promoted = sum(
            share for line, share in zip(lines, shares, strict=True) if line in out
        )
        excluded = sum(line.amount for line in out)
        goods, promotions = goods - excluded, promotions - promoted
        paid -= sum(line.amount - line.amount_discount for line in out)
        worth = [goods - promotions, excluded - promoted]
        balance = money.split(balance, worth)[0] if any(worth) else 0
        back = _named_of(order, out)
        refunded = max(0, refunded - back["amount"])
        named, full = named - back["amount"], full - back["full"]
    returned = full - _share(promotions, full, goods)
    amount = goods - promotions
    return Basis(amount - balance, _worth(refunded, paid, amount, named, returned))


def named() -> QuerySet[RefundLine]:
    """The lines that refunds name; money may have gone back for none."""
    refunds = Refund.objects.filter(took_effect(), accepted_at__isnull=False)
    return RefundLine.objects.filter(refund__in=refunds)


def took_effect() -> Q:
    """Refunds that did not fail."""
    return Q(state__in=[Refund.State.PENDING, Refund.State.SUCCEEDED])


def _worth(refunded, paid, worth, named, returned):
    """What goods were worth for which so much went back.

    Those that refunds name are known; other money has the gift's share of the rest.
    """
    if named > refunded:  # less went back for them than they cost
        named = returned = 0
    rest, left = refunded - named, paid - named
    gift = max(0, worth - returned - left)
    return returned + rest + _share(gift, rest, left)


def _share(amount, part, whole):
    """What of an amount goes with a part of a whole, to the cent."""
    if part <= 0 or whole <= 0:
        return 0
    return money.split(amount, [part, max(0, whole - part)])[0]


def _is_out(product: Product, without: list[Exclusion]) -> bool:
    return any(_hits(exclusion, product) for exclusion in without)


def _hits(exclusion: Exclusion, product: Product) -> bool:
    if exclusion.product_id:
        return exclusion.product_id == product.pk
    branch = exclusion.category.path
    path = product.category.path
    return path == branch or path.startswith(f"{branch}/")


def _named_of(order, lines):
    """What went back for these lines by name, and what they had been sold for."""
    back = named().filter(refund__order=order, line__in=lines)
    found = back.aggregate(amount=Sum("amount"), full=FULL) if lines else {}
    return {name: found.get(name) or 0 for name in ("amount", "full")}
