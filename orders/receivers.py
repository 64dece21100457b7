"""What orders hear from below: somebody signed in or up, a mail is sent again."""

import logging

from allauth.account.signals import email_confirmed, user_logged_in, user_signed_up
from django.contrib import messages
from django.db import DatabaseError

from orders import adoption, carts, timeline
from orders.models import Order
from shop.kit import mail

logger = logging.getLogger("tandem.orders")


def connect():
    # Jobs register themselves when their room is imported.
    from orders import expiry, reconciler, refunds, webhooks  # noqa: F401

    user_logged_in.connect(bring_cart, dispatch_uid="orders.bring_cart")
    user_signed_up.connect(bring_orders, dispatch_uid="orders.bring_orders")
    email_confirmed.connect(bring_orders, dispatch_uid="orders.bring_orders")
    mail.sent_again.connect(note_mail, dispatch_uid="orders.note_mail")


def bring_cart(sender, request, user, **kwargs):
    """A guest's cart follows its owner into the account."""
    guest = carts.guest_cart(request)
    if not guest:
        return
    for sentence in carts.merge(guest, user):
        messages.warning(request, sentence)


def bring_orders(sender, request, user=None, email_address=None, **kwargs):
    """Guest orders follow the address that they were bought with, once it is proven."""
    try:
        found = adoption.adopt(user or email_address.user)
    except DatabaseError:
        # Somebody is being let in: a list of orders may wait for the next proof.
        logger.exception("guest orders could not be adopted")
        return
    if found:
        what = "order is" if len(found) == 1 else "orders are"
        messages.success(request, f"Your earlier guest {what} here now.")


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
