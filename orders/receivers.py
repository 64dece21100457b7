"""What orders hear from below: somebody signed in, a mail is sent again."""

from allauth.account.signals import user_logged_in
from django.contrib import messages

from orders import carts, timeline
from orders.models import Order
from shop.kit import mail


def connect():
    # Jobs register themselves when their room is imported.
    from orders import expiry, reconciler, refunds, webhooks  # noqa: F401

    user_logged_in.connect(bring_cart, dispatch_uid="orders.bring_cart")
    mail.sent_again.connect(note_mail, dispatch_uid="orders.note_mail")


def bring_cart(sender, request, user, **kwargs):
    """A guest's cart follows its owner into the account."""
    guest = carts.guest_cart(request)
    if not guest:
        return
    for sentence in carts.merge(guest, user):
        messages.warning(request, sentence)


def note_mail(sender, message, actor, **kwargs):
    """The order's own list says who had which of its mails sent again."""
    order = Order.objects.filter(code=message.reference).first()
    if order:
        timeline.note(
            order,
            "mail_sent_again",
            f"Mail sent again to {message.recipient}: {message.subject}"[:250],
            data={"message": message.pk},
            actor=actor,
            origin=timeline.Origin.STAFF,
        )
