"""Members, friends and what friends bought: whole unless the test says otherwise."""

import secrets
from datetime import timedelta
from itertools import count

from allauth.account.models import EmailAddress
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from catalog.tests.factories import make_product
from orders.models import Order, OrderDiscount, OrderEvent, Payment
from referrals import budgets, links, terms, visits
from referrals.models import (
    Activity,
    Attribution,
    Block,
    Campaign,
    CampaignDay,
    Device,
    Exclusion,
    FormerCustomer,
    FunnelDay,
    GrantWord,
    Invitation,
    InviterQuota,
    MemberChoices,
    Milestone,
    MilestoneReward,
    NameCase,
    NameDecision,
    NameReport,
    Notice,
    OrderTouch,
    ReferralLink,
    ReleasePause,
    ReviewCase,
    ReviewDecision,
    RiskSignal,
    SharedCart,
    Suppression,
    Unsettled,
    Visit,
    Visitor,
)

PASSWORD = "a bicycle for two people"

_numbers = count(1)


def make_member(email="", *, days_ago=100, **fields) -> User:
    """Somebody who has been a customer for a while, with a verified address."""
    email = email or f"member-{next(_numbers)}@example.com"
    fields.setdefault("date_joined", timezone.now() - timedelta(days=days_ago))
    user = User.objects.create_user(email, PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def make_link(owner=None, *, text="", **fields) -> ReferralLink:
    """A member's own invitation; `text` gives it a code to know by heart."""
    link = links.default_link(owner or make_member())
    if text:
        link.codes.create(text=text, display=text)
        link.code = link.shown = text
    if fields:
        ReferralLink.objects.filter(pk=link.pk).update(**fields)
        link.refresh_from_db()
    return link


def make_visitor(client=None, **fields) -> Visitor:
    """A browser; the test client's, if one is given."""
    token = secrets.token_urlsafe(16)
    if client:
        client.cookies[settings.REFERRAL_COOKIE] = token
    return Visitor.objects.create(token_hash=visits._hash(token), **fields)


def make_visit(visitor=None, link=None, *, days_ago=1, at=None) -> Visit:
    at = at or timezone.now() - timedelta(days=days_ago)
    return Visit.objects.create(
        visitor=visitor or make_visitor(),
        link=link or make_link(),
        bucket=at,
        first_at=at,
        last_at=at,
    )


def make_attribution(inviter=None, invitee=None, *, joined_days_ago=1, **fields):
    """A friend who joined through a member's link, address verified."""
    inviter = inviter or make_member()
    link = fields.pop("link", None) or make_link(inviter)
    invitee = invitee or make_member(days_ago=joined_days_ago)
    fields.setdefault("terms", terms.newest(link.campaign, settings.SHOP_CURRENCY))
    fields.setdefault("status", Attribution.Status.ACTIVE)
    fields.setdefault("touched_at", invitee.date_joined - timedelta(minutes=5))
    return Attribution.objects.create(
        invitee=invitee,
        inviter=inviter,
        link=link,
        inviter_joined_at=inviter.date_joined,
        invitee_joined_at=invitee.date_joined,
        **fields,
    )


def make_order(
    user,
    *,
    goods=5000,
    shipping=0,
    welcome=0,
    promotion=0,
    balance=0,
    received=None,
    status=Order.Status.CONFIRMED,
    confirmed_at=None,
    **fields,
) -> Order:
    """A paid order as the till leaves it; the facts are the test's to choose."""
    now = timezone.now()
    total = goods + shipping - welcome - promotion
    confirmed = status == Order.Status.CONFIRMED
    order = Order.objects.create(
        code=secrets.token_hex(4).upper(),
        access_token=secrets.token_urlsafe(16),
        user=user,
        email=user.email if user else "guest@example.com",
        status=status,
        currency=fields.pop("currency", settings.SHOP_CURRENCY),
        amount_goods=goods,
        amount_discount=welcome + promotion,
        amount_shipping=shipping,
        amount_total=total,
        amount_balance=balance,
        amount_due=total - balance,
        shipping_name="Standard",
        expires_at=now + timedelta(minutes=40),
        confirmed_at=confirmed_at or (now if confirmed else None),
        **fields,
    )
    for source, amount in (("referrals.welcome", welcome), ("spring", promotion)):
        if amount:
            OrderDiscount.objects.create(
                order=order, source=source, reference="", label=source, amount=amount
            )
    if order.amount_due:
        Payment.objects.create(
            order=order,
            idempotency_key=f"test:{order.pk}",
            status=Payment.Status.PAID if confirmed else Payment.Status.OPEN,
            amount=order.amount_due,
            currency=order.currency,
            session_expires_at=now,
            paid_at=now if confirmed else None,
            amount_received=(order.amount_due if confirmed else 0)
            if received is None
            else received,
        )
    OrderEvent.objects.create(order=order, kind="placed", text="Placed")
    return order


def make_rows(attribution, order, staff, number) -> None:
    """One row of everything else that a programme leaves behind."""
    now, today = timezone.now(), timezone.localdate()
    inviter, link, campaign = (
        attribution.inviter,
        attribution.link,
        attribution.link.campaign,
    )
    visitor = make_visitor()
    budgets.set_limit(campaign, "USD", 100_000)
    Milestone.objects.create(terms=attribution.terms, friends_count=number, amount=500)
    Exclusion.objects.create(
        terms=attribution.terms, product=make_product(slug=f"excluded-{number}")
    )
    FunnelDay.objects.create(link=link, day=today, visits=1)
    CampaignDay.objects.create(
        campaign=campaign, kind="invite", channel=f"way-{number}", day=today
    )
    Activity.objects.create(visitor=visitor, step="paid", bucket=now)
    OrderTouch.objects.create(order=order, visitor=visitor, link=link, touched_at=now)
    FormerCustomer.objects.create(kind="email", value_hash=f"{number:064}")
    MilestoneReward.objects.create(
        recipient=inviter,
        campaign=campaign,
        friends_count=number,
        amount=500,
        amount_reversed=500,
        currency="USD",
        state=MilestoneReward.State.REVERSED,
    )
    InviterQuota.objects.create(
        inviter=inviter, campaign=campaign, period="month", starts_on=today, most=10
    )
    Device.objects.create(token_hash=f"{number:064}", user=inviter)
    RiskSignal.objects.create(
        attribution=attribution, code="same_network", weight=20, evidence="a hash"
    )
    for reward in attribution.rewards.all():
        GrantWord.objects.create(reward=reward, because="A promise", said_by=staff)
    Unsettled.objects.get_or_create(order=order, defaults={"since": now})
    case = ReviewCase.objects.create(attribution=attribution, score=20)
    ReviewDecision.objects.create(
        case=case, verdict="ask", reason="Looked", decided_by=staff
    )
    Block.objects.create(
        kind="domain", value=f"spam-{number}.example", reason="Spam", blocked_by=staff
    )
    ReleasePause.objects.create(
        released_count=60,
        usual_count=50,
        is_standing=False,
        ended_at=now,
        ended_by=staff,
        ended_because="A good week",
    )
    MemberChoices.objects.create(user=inviter)
    name = NameCase.objects.create(
        person=inviter, kind="own", name="Eve", name_hash=f"{number:064}"
    )
    NameReport.objects.create(case=name, network_hash=f"{number:064}")
    NameDecision.objects.create(
        case=name, person=inviter, verdict="reopen", reason="Hm", decided_by=staff
    )
    Notice.objects.create(
        user=inviter, kind="joined", subject=f"attribution:{attribution.pk}", text="Hi"
    )
    Invitation.objects.create(
        sender=inviter, campaign=campaign, link=link, address_hash=f"{number:064}"
    )
    Suppression.objects.create(address_hash=f"{number:064}")
    cart = SharedCart.objects.create(
        link=link, token=f"cart-{number}", content_hash=f"{number:064}"
    )
    cart.lines.create(
        variant=make_product(slug=f"shared-{number}").variants.get(), quantity=1
    )


def set_terms(**changes):
    """A new version of the default offer."""
    return terms.publish(Campaign.objects.get(is_default=True), **changes)


def make_offer() -> Campaign:
    """The default offer, where a flush has taken away what the migration made."""
    campaign, made = Campaign.objects.get_or_create(
        name="Friends", defaults={"is_default": True}
    )
    if made:
        terms.publish(
            campaign,
            currency=settings.SHOP_CURRENCY,
            inviter_amount=500,
            friend_amount=500,
            minimum_amount=2000,
        )
    return campaign
