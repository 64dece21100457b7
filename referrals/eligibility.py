"""Who can be brought by whom: rules that name what speaks against it.

Each answers with a reason code, or with nothing. The rules about a link read what is
known at sign-up; those about a person wait until the address is proven, for before that
anybody may have typed it in; those about a card wait for the money.
"""

from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum

from accounts import mailboxes
from accounts.models import User
from orders.models import Order, OrderAddress, Payment, Refund
from referrals import basis, doors, formers, plugins
from referrals.candidates import Candidate
from referrals.models import Attribution

# What only becomes known with the money voids the attribution then, and takes back.
AFTER_PAYMENT = {"same_card", "existing_customer"}


def of_link(candidate: Candidate, user: User) -> str:
    """What speaks against this person having come by this link, by their dates."""
    inviter = candidate.link.owner
    if inviter and inviter.pk == user.pk:
        return "own_link"
    if inviter and inviter.date_joined >= user.date_joined:
        return "joined_before_inviter"
    if candidate.visit and candidate.touched_at > user.date_joined:
        return "touched_after_joining"
    return plugins.against(candidate, user)


def of_person(invitee: User, inviter: User | None, touched_at: datetime) -> str:
    """What speaks against a friend whose address is proven."""
    known = mailboxes_of(invitee)
    if inviter and known & mailboxes_of(inviter):
        return "same_email"
    if _was_customer(invitee, known, touched_at):
        return "existing_customer"
    return ""


def of_payment(order: Order, attribution: Attribution) -> str:
    """What speaks against it now that the friend has paid.

    The card's token in a telephone's wallet is another one: no match proves nothing.
    """
    cards = _cards(Order.objects.filter(pk=order.pk))
    if not cards:
        return ""
    others = _others_who_paid_with(cards, attribution.invitee)
    is_inviters = Q(order__user=attribution.inviter) if attribution.inviter else Q()
    if others.filter(is_inviters | Q(order__placed_at__lt=order.placed_at)).exists():
        return "same_card"
    if formers.knows(formers.Kind.CARD, cards):
        return "existing_customer"
    return ""


def mailboxes_of(user: User) -> set[str]:
    """Every mailbox of a person that is proven or was named first."""
    known = EmailAddress.objects.filter(Q(verified=True) | Q(primary=True), user=user)
    emails = known.values_list("email", flat=True)
    return {mailboxes.canonical(email) for email in (user.email, *emails)}


def bought() -> QuerySet[Order]:
    """The orders that make a customer.

    Whether those do that came to nothing, a setting says: cancelled after payment, or
    all of the goods given back.
    """
    paid = Order.objects.filter(confirmed_at__isnull=False)
    if settings.REFERRAL_CANCELLED_ORDERS_COUNT:
        return paid.filter(status__in=[Order.Status.CONFIRMED, Order.Status.CANCELLED])
    refunds = Refund.objects.filter(
        basis.took_effect(), accepted_at__isnull=False, order=OuterRef("pk")
    )
    for_goods = Sum(F("amount_card") + F("amount_balance") - F("amount_shipping"))
    back = refunds.order_by().values("order").annotate(total=for_goods)
    return paid.filter(status=Order.Status.CONFIRMED).exclude(
        amount_goods__lte=F("amount_discount") + Subquery(back.values("total"))
    )


def _was_customer(invitee, known, touched_at):
    """Whether they bought before they were touched, under whichever name."""
    before = bought().filter(placed_at__lt=touched_at)
    # By number, so that the orders are found by two indexes and not by a join.
    accounts = User.objects.filter(email__mailbox__in=known).values_list(
        "pk", flat=True
    )
    named = Q(email__mailbox__in=known) | Q(user__in=[invitee.pk, *accounts])
    hashes = {mailboxes.hash_of(mailbox) for mailbox in known}
    if formers.knows(formers.Kind.EMAIL, hashes) or before.filter(named).exists():
        return True
    own = bought().filter(user=invitee)
    cards = _cards(own)
    earlier = _others_who_paid_with(cards, invitee).filter(order__in=before)
    return bool(
        cards and (formers.knows(formers.Kind.CARD, cards) or earlier.exists())
    ) or _shares_a_door(own, before.exclude(user=invitee))


def _cards(orders):
    if not settings.REFERRAL_CARDS_ARE_PEOPLE:
        return set()
    paid = Payment.objects.filter(order__in=orders).exclude(card_hash="")
    return set(paid.values_list("card_hash", flat=True))


def _others_who_paid_with(cards, invitee):
    """Paid attempts of anybody but the friend; the inviter is anybody."""
    own = Q(order__user=invitee) | Q(
        order__user=None, order__email__iexact=invitee.email
    )
    paid = Payment.objects.filter(card_hash__in=cards, status=Payment.Status.PAID)
    return paid.exclude(own)


def _shares_a_door(own, others):
    """Whether others' orders went to the same name at the same door."""
    for address in OrderAddress.objects.filter(order__in=own):
        same_name = OrderAddress.objects.filter(
            order__in=others,
            name__iexact=address.name,
            country=address.country,
        )
        if _door(address) in map(_door, same_name):
            return True
    return False


def _door(address):
    """The street without what people write differently."""
    letters = filter(str.isalnum, f"{address.street}{address.city}".casefold())
    return doors.code_of(address), "".join(letters)
