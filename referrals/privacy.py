"""What the programme knows of a person, without naming anybody else in it."""

import secrets

from django.db.models import F, Q, Sum
from django.utils import timezone

from accounts import mailboxes
from accounts.models import User
from referrals import codes, formers
from referrals.models import (
    Activity,
    Attribution,
    Claim,
    Code,
    Device,
    Invitation,
    MemberChoices,
    MilestoneReward,
    NameCase,
    Notice,
    OrderTouch,
    ReferralLink,
    Reward,
    RiskSignal,
    SharedCart,
    SharedCartLine,
    Visit,
    Visitor,
)
from shop.kit import mail

OWNER_LEFT = "its owner has left"


def export(user: User) -> dict:
    """Touches, links, friends by number, rewards, invitations sent and received."""
    received = Invitation.objects.filter(address_hash=mailboxes.hash_of(user.email))
    friends = Attribution.objects.filter(inviter=user)
    return {
        "invited_by_a_friend": _rows(
            Attribution.objects.filter(invitee=user),
            *["method", "status", "touched_at", "created_at"],
        ),
        "claims": _rows(
            Claim.objects.filter(invitee=user),
            *["method", "won", "reason", "touched_at", "created_at"],
        ),
        "steps": _rows(
            Activity.objects.filter(visitor__user=user), "step", "subject", "bucket"
        ),
        "orders_by_a_link": _rows(
            OrderTouch.objects.filter(order__user=user), "order__code", "touched_at"
        ),
        "links_opened": _rows(
            Visit.objects.filter(visitor__user=user),
            *["first_at", "last_at", "clicks", "channel", "source", "medium"],
            *["referrer_host", "landing_path", "network", "agent"],
        ),
        "own_links": _rows(
            ReferralLink.objects.filter(owner=user), "kind", "label", "created_at"
        ),
        "shared_carts": _rows(
            SharedCart.objects.filter(link__owner=user), "note", "created_at"
        ),
        "shared_things": _rows(
            SharedCartLine.objects.filter(cart__link__owner=user),
            *["cart", "variant__sku", "quantity"],
        ),
        "own_codes": _rows(Code.objects.filter(link__owner=user), "display"),
        "friends": _rows(friends, "status", "created_at"),
        "rewards": _rows(
            Reward.objects.filter(recipient=user),
            *["amount", "amount_reversed", "currency", "state", "available_at"],
        ),
        "milestones": _rows(
            MilestoneReward.objects.filter(recipient=user),
            *["friends_count", "amount", "amount_reversed", "currency", "state"],
            "created_at",
        ),
        "invitations_sent": _rows(
            Invitation.objects.filter(sender=user), "note", "created_at", "sent_at"
        ),
        "invitations_received": _rows(received, "created_at", "sent_at"),
        "choices": _rows(
            MemberChoices.objects.filter(user=user),
            *["tells_joined", "tells_pending", "tells_available", "tells_reversed"],
            *["tells_milestones", "leaderboard_name", "asked_not_before"],
        ),
        "names_reported": _rows(
            NameCase.objects.filter(person=user),
            *["kind", "name", "state", "opened_at", "decided_at"],
        ),
        "notices": _rows(Notice.objects.filter(user=user), "kind", "text"),
        "devices": Device.objects.filter(user=user).count(),
    }


def erase(user: User) -> None:
    """Their links end, what their browsers told goes; who brought whom stays a row.

    What a friend's inviter was paid is theirs: nobody loses it because a friend left.
    """
    formers.remember(user)
    now = timezone.now()
    ReferralLink.objects.filter(owner=user, disabled_at=None).update(
        disabled_at=now, disabled_reason=OWNER_LEFT
    )
    shared = ReferralLink.objects.filter(owner=user)
    shared.update(label="")
    # A product's link says where it leads though the product goes.
    shared.exclude(kind=ReferralLink.Kind.SHARE_ITEM).update(path="")
    codes.forget(user)
    SharedCart.objects.filter(link__owner=user).delete()
    Visitor.objects.filter(user=user).update(user=None)
    Device.objects.filter(user=user).delete()
    MemberChoices.objects.filter(user=user).delete()
    Notice.objects.filter(user=user).delete()
    Claim.objects.filter(invitee=user).update(note="")
    brought = Attribution.objects.filter(invitee=user)
    RiskSignal.objects.filter(attribution__in=brought).update(evidence="")
    brought.update(visit=None)
    _forget_mails(user)
    Invitation.objects.filter(sender=user).update(note="", address="")
    for case in NameCase.objects.filter(person=user):
        nobodys = secrets.token_hex(32)
        NameCase.objects.filter(pk=case.pk).update(name="", name_hash=nobodys)


def pending(user: User) -> dict[str, int]:
    """What is on its way to a member, by currency: it does not come to who has left."""
    waits = Reward.objects.filter(recipient=user, state=Reward.State.PENDING)
    kept = Sum(F("amount") - F("amount_reversed"))
    sums = waits.order_by().values("currency").annotate(total=kept)
    return dict(sums.values_list("currency", "total"))


def _forget_mails(user):
    """Mails to others in which this person may be named."""
    about = [
        f"invitation:{pk}"
        for pk in Invitation.objects.filter(sender=user).values_list("pk", flat=True)
    ]
    about += [
        f"attribution:{pk}"
        for pk in Attribution.objects.filter(invitee=user).values_list("pk", flat=True)
    ]
    mail.forget(Q(subject_row__in=about))
    for pk in Reward.objects.filter(attribution__invitee=user).values_list(
        "pk", flat=True
    ):
        row = f"reward:{pk}"
        mail.forget(Q(subject_row=row) | Q(subject_row__startswith=f"{row}:"))


def _rows(found, *fields):
    return [
        {name: _plain(value) for name, value in row.items()}
        for row in found.order_by("pk").values(*fields)
    ]


def _plain(value):
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value
