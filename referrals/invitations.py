"""Invitations that the shop itself sends by mail, where a setting allows it.

Whoever is written to asked for nothing. So a sender has bought here, sends few, and
learns nothing about an address; and nobody gets a second mail, ever: not from another
sender, not in another campaign, and no reminder either.
"""

import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import mailboxes
from accounts.models import User
from referrals import bare, eligibility, emails, formers, links, names, terms
from referrals.models import Block, FormerCustomer, Invitation, Suppression
from shop.kit.models import Message

MOST_A_DAY, MOST_EVER = 10, 100
# So many in so short a while are a burst: the next one takes a proof.
BURST, BURST_SPAN = 3, timedelta(minutes=10)
# A mail that has not left by then will not.
FORGOTTEN_AFTER = timedelta(days=7)
KIND = "invitation"

_signer = Signer(salt="referrals.invitations")


class Refused(Exception):
    """This member cannot send now, whatever the address; the message says why."""


def are_on() -> bool:
    return settings.REFERRAL_INVITATION_MAILS


def left(sender: User) -> int:
    """How many more addresses this member may enter today."""
    tries = Invitation.objects.filter(sender=sender)
    today = tries.filter(created_at__gt=timezone.now() - timedelta(days=1)).count()
    return max(0, min(MOST_A_DAY - today, MOST_EVER - tries.count()))


def is_burst(sender: User) -> bool:
    """Whether this member has just entered many addresses, whatever became of them."""
    since = timezone.now() - BURST_SPAN
    lately = Invitation.objects.filter(sender=sender, created_at__gt=since)
    return lately.count() >= BURST


def against(sender: User) -> str:
    """What keeps this member from sending at all, in a sentence; empty if nothing."""
    proven = EmailAddress.objects.filter(user=sender, email=sender.email, verified=True)
    if not proven.exists():
        return "Confirm your own email address first."
    if not names.of_sender(sender):
        return "Your friend has to read who writes. Choose a name first."
    if not eligibility.bought().filter(user=sender).exists():
        return "You can send invitations from your first order on."
    return ""


def invite(sender: User, address: str, note: str = "") -> None:
    """Have the shop write to this address, if it may; nobody is told whether it did.

    Every try counts alike, or the count would tell. Raises Refused and links.NoOffer,
    neither of which depends on the address.
    """
    with transaction.atomic():
        # The lock: the tenth and the eleventh may be sent at once.
        sender = User.objects.select_for_update(no_key=True).get(pk=sender.pk)
        refused = against(sender)
        if refused:
            raise Refused(refused)
        if not left(sender):
            raise Refused(
                f"You have used up your invitations: {MOST_A_DAY} a day, "
                f"{MOST_EVER} altogether. Your link has no limit."
            )
        if terms.current(settings.SHOP_CURRENCY) is None:
            raise links.NoOffer
        link = links.for_mail(sender)
        invitation = _written_down(sender, link, address, bare.words(note))
        _enqueue(invitation)


def compose(invitation_id: int) -> None:
    """Write the mail of an invitation. Safe to repeat.

    Apart from the request, so that how long its answer takes tells nothing.
    """
    with transaction.atomic():
        found = Invitation.objects.select_related("sender", "link__campaign")
        invitation = found.select_for_update(of=("self",), no_key=True).get(
            pk=invitation_id
        )
        if not invitation.address or invitation.sent_at:
            return
        hashed = invitation.address_hash
        offer = terms.newest(invitation.link.campaign, settings.SHOP_CURRENCY)
        is_stopped = Suppression.objects.filter(address_hash=hashed).exists()
        # The name may have been hidden since: nobody gets a mail from no one.
        if is_stopped or offer is None or not names.of_sender(invitation.sender):
            forget(invitation)
            return
        link = links.shared_by(invitation.sender).get(pk=invitation.link_id)
        emails.invitation(invitation, offer, links.url_of(link), stop_url(hashed))


def on_delivered(sender, message, **kwargs):
    """The mail has left: who got it is nobody's business any more."""
    if message.kind == KIND:
        _, _, pk = message.subject_row.partition(":")
        forget(Invitation.objects.get(pk=pk), sent_at=message.sent_at)


def forget_delivered() -> int:
    """Forget what `on_delivered` missed, and what never left in a week; how many."""
    known = list(Invitation.objects.exclude(address="").order_by("pk"))
    rows = {_row(each): each for each in known}
    sent = Message.objects.filter(
        kind=KIND, subject_row__in=rows, state=Message.State.SENT
    )
    moments = dict(sent.values_list("subject_row", "sent_at"))
    old = timezone.now() - FORGOTTEN_AFTER
    done = [row for row in rows if row in moments or rows[row].created_at < old]
    for row in done:
        forget(rows[row], sent_at=moments.get(row))
    return len(done)


def forget(invitation: Invitation, *, sent_at=None) -> None:
    """Erase the address, here and in the outbox; its hash stays. Safe to repeat."""
    with transaction.atomic():
        Message.objects.filter(kind=KIND, subject_row=_row(invitation)).exclude(
            state=Message.State.QUEUED
        ).update(recipient="")
        Invitation.objects.filter(pk=invitation.pk, sent_at=None).update(
            address="", sent_at=sent_at
        )


def stop_url(address_hash: str) -> str:
    """Where the reader of a mail ends all mails like it, without signing in."""
    token = _signer.sign(address_hash)
    return settings.SITE_URL + reverse("referrals:stop_mail", args=[token])


def is_token(token: str) -> bool:
    """Whether one of our mails carried this."""
    try:
        _signer.unsign(token)
    except BadSignature:
        return False
    return True


def suppress(token: str) -> None:
    """Never write to the address of this mail again. Safe to repeat."""
    Suppression.objects.get_or_create(address_hash=_signer.unsign(token))


def _written_down(sender, link, address, note):
    """The row of one try. Where no mail may go, it keeps nothing of the address."""
    hashed = mailboxes.hash_of(address)
    if _may_be_written_to(sender, address, hashed):
        try:
            with transaction.atomic():
                return Invitation.objects.create(
                    sender=sender,
                    campaign_id=link.campaign_id,
                    link=link,
                    address=address,
                    address_hash=hashed,
                    note=note,
                )
        except IntegrityError:  # another sender was first
            pass
    return Invitation.objects.create(
        sender=sender,
        campaign_id=link.campaign_id,
        link=link,
        address_hash=secrets.token_hex(32),  # of nobody
    )


def _may_be_written_to(sender, address, hashed):
    mailbox = mailboxes.canonical(address)
    # All are asked, so that the time it takes does not tell which one it was.
    reasons = [
        Suppression.objects.filter(address_hash=hashed).exists(),
        Invitation.objects.filter(address_hash=hashed).exists(),
        User.objects.filter(email__mailbox=mailbox).exists(),
        eligibility.bought().filter(email__mailbox=mailbox).exists(),
        formers.knows(FormerCustomer.Kind.EMAIL, {hashed}),
        Block.objects.filter(
            kind=Block.Kind.PERSON, value=str(sender.pk), lifted_at=None
        ).exists(),
    ]
    return not any(reasons)


def _row(invitation):
    return f"invitation:{invitation.pk}"


def _enqueue(invitation):
    from referrals import jobs  # they call us

    jobs.compose_invitation.enqueue(invitation.pk)
