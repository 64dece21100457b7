"""The friend's welcome gift: what the banner promises and the checkout takes off."""

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import User
from orders.discounts import Basket, Discount
from orders.models import Order
from referrals.models import Attribution, ReviewCase

SOURCE = "referrals.welcome"
WITHHELD = set(ReviewCase.State) - {ReviewCase.State.APPROVED}


def gift_of(user: User) -> Attribution | None:
    """The attribution whose gift this person has still to use; None without one.

    One query.
    """
    bought = Order.objects.confirmed().filter(user=OuterRef("invitee"))
    attribution = (
        Attribution.objects.filter(invitee=user)
        .exclude(status=Attribution.Status.VOID)
        # Whoever may not be a friend waits for it until a person has looked.
        .exclude(review__state__in=WITHHELD)
        .select_related("terms")
        .annotate(has_bought=Exists(bought))
        .first()
    )
    if (
        attribution is None
        or attribution.has_bought
        or not attribution.terms.friend_amount
        or timezone.now() >= attribution.order_ends_at
    ):
        return None
    return attribution


def welcome(basket: Basket) -> Discount | None:
    """The gift off a first order, by itself: the provider that settings name.

    It asks for the minimum in money: what balance pays does not count towards it.
    """
    if basket.user is None:
        return None
    gift = gift_of(basket.user)
    if gift is None or gift.terms.currency != basket.currency:
        return None
    if basket.amount_goods - basket.amount_balance < gift.terms.minimum_amount:
        return None
    return Discount(
        source=SOURCE,
        reference=f"attribution:{gift.pk}",
        label="Welcome gift",
        # Never more than the goods, whatever the terms say.
        amount=min(gift.terms.friend_amount, basket.amount_goods),
    )


def promised(user: User) -> Attribution | None:
    """The gift as the banner may promise it: one that the checkout would take off."""
    gift = gift_of(user)
    return gift if gift and gift.terms.currency == settings.SHOP_CURRENCY else None
